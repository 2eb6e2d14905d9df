// mpi.h: MPI as a transport. The library is opened at run time; its functions and handles are found by its kind.
#pragma once
#include <memory>

#include "gatecell/ranks.h"
#include "transport.h"

namespace gatecell {

// Opens the library and fills *facts. *library is what dlopen returned; it stays open.
gc_status open_mpi_library(const char* path, gc_mpi* facts, void** library);
// Initialises MPI and returns its transport, or null after a failure.
std::unique_ptr<Transport> start_mpi(const gc_mpi& facts, void* library, gc_status* status);
}  // namespace gatecell
