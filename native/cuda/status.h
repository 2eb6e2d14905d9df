// status.h: the message of the last failure, in one buffer per thread, as in the core.
#pragma once
#include "gatecell/gatecell.h"

namespace gatecell {
namespace cuda {
gc_status fail(gc_status status, const char* format, ...) __attribute__((format(printf, 2, 3)));
const char* last_error();
}  // namespace cuda
}  // namespace gatecell
