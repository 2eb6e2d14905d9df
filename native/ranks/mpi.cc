// mpi.cc: the MPI library of the machine. Nothing here is compiled against an MPI: the three binary interfaces differ in the type and the
// values of their handles, and seven functions with these are all that is used. Only bytes travel, so there are no operations of MPI.
//
//                      MPICH                      Open MPI                          MPI-5 ABI
//   handles            int                        pointers                          pointers
//   MPI_COMM_WORLD     0x44000000                 &ompi_mpi_comm_world              0x101
//   MPI_BYTE           0x4c00010d                 &ompi_mpi_byte                    0x247
//   MPI_THREAD_FUNNELED 1                         1                                 1024
#include "mpi.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <new>
#include <type_traits>

#include "../core/status.h"

namespace gatecell {
namespace {
using GetLibraryVersion = int (*)(char* version, int* length);

// The functions, with the library's type of handles.
template <class Handle>
struct Functions {
  int (*init_thread)(int* argc, char*** argv, int required, int* provided);
  int (*comm_rank)(Handle comm, int* rank);
  int (*comm_size)(Handle comm, int* size);
  int (*isend)(const void* data, int count, Handle type, int to, int tag, Handle comm, Handle* request);
  int (*irecv)(void* data, int count, Handle type, int from, int tag, Handle comm, Handle* request);
  int (*test)(Handle* request, int* flag, void* status);
  int (*finalize)();

  // Returns the name of a function that the library lacks, or null.
  const char* find(void* library) {
    const char* missing = nullptr;
    const auto get = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      if (!function && !missing) missing = name;
    };
    get(init_thread, "MPI_Init_thread");
    get(comm_rank, "MPI_Comm_rank");
    get(comm_size, "MPI_Comm_size");
    get(isend, "MPI_Isend");
    get(irecv, "MPI_Irecv");
    get(test, "MPI_Test");
    get(finalize, "MPI_Finalize");
    return missing;
  }
};

template <class Handle>
class MpiTransport final : public Transport {
 public:
  MpiTransport(const Functions<Handle>& functions, Handle comm, Handle byte)
      : mpi_(functions), comm_(comm), byte_(byte) {}
  bool start(int funneled) {
    int provided = 0;
    if (mpi_.init_thread(nullptr, nullptr, funneled, &provided) != 0) return false;
    return provided >= funneled && mpi_.comm_rank(comm_, &rank_) == 0 && mpi_.comm_size(comm_, &size_) == 0;
  }
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void send(int to, int tag, const void* data, int bytes, Request* request) override {
    mpi_.isend(data, bytes, byte_, to, tag, comm_, handle(request));
  }
  void receive(int from, int tag, void* data, int bytes, Request* request) override {
    mpi_.irecv(data, bytes, byte_, from, tag, comm_, handle(request));
  }
  bool done(Request* request) override {
    int flag = 0;
    alignas(16) char status[256];  // larger than MPI_Status of any library
    mpi_.test(handle(request), &flag, status);
    return flag != 0;
  }
  void finish() override { mpi_.finalize(); }

 private:
  static Handle* handle(Request* request) { return reinterpret_cast<Handle*>(&request->handle); }
  const Functions<Handle> mpi_;
  const Handle comm_, byte_;
  int rank_ = 0, size_ = 1;
};

template <class Handle>
std::unique_ptr<Transport> start(void* library, Handle comm, Handle byte, int funneled, gc_status* status) {
  Functions<Handle> functions;
  if (const char* missing = functions.find(library)) {
    *status = fail(GC_UNSUPPORTED, "Expected the function %s in the MPI library but it is not there.", missing);
    return nullptr;
  }
  std::unique_ptr<MpiTransport<Handle>> made(new (std::nothrow) MpiTransport<Handle>(functions, comm, byte));
  *status = GC_OK;
  if (!made) *status = fail(GC_OUT_OF_MEMORY, "no memory for the MPI transport");
  else if (!made->start(funneled))
    *status = fail(GC_UNSUPPORTED, "Expected MPI with calls from a thread of its own but MPI_Init_thread refused it.");
  if (*status != GC_OK) return nullptr;
  return made;
}

bool is_abi(const char* path) { return strstr(path, "mpi_abi") != nullptr; }
}  // namespace

gc_status open_mpi_library(const char* path, gc_mpi* facts, void** library) {
  *facts = {};
  // Old plugins of Open MPI need its symbols to be global.
  void* const opened = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (!opened) return fail(GC_UNSUPPORTED, "%s", dlerror());
  const auto version_of = reinterpret_cast<GetLibraryVersion>(dlsym(opened, "MPI_Get_library_version"));
  if (!version_of) return fail(GC_UNSUPPORTED, "%s: it has no function MPI_Get_library_version", path);
  char version[8192] = {};
  int length = 0;
  version_of(version, &length);
  version[strcspn(version, "\n")] = 0;
  snprintf(facts->version, sizeof facts->version, "%.*s", static_cast<int>(sizeof facts->version) - 1, version);
  snprintf(facts->library, sizeof facts->library, "%s", path);
  Dl_info where;
  if (dladdr(reinterpret_cast<void*>(version_of), &where) != 0 && where.dli_fname)
    snprintf(facts->library, sizeof facts->library, "%s", where.dli_fname);
  if (dlsym(opened, "ompi_mpi_comm_world")) facts->kind = GC_MPI_OPEN_MPI;
  else facts->kind = is_abi(path) || is_abi(facts->library) ? GC_MPI_ABI : GC_MPI_MPICH;
  const bool mpich = strstr(version, "MPICH") || strstr(version, "MVAPICH") || strstr(version, "Intel");
  if (facts->kind == GC_MPI_MPICH && !mpich)
    return fail(GC_UNSUPPORTED, "%s: it is \"%s\", which is neither Open MPI nor a relative of MPICH", path, version);
  *library = opened;
  return GC_OK;
}

std::unique_ptr<Transport> start_mpi(const gc_mpi& facts, void* library, gc_status* status) {
  if (facts.kind == GC_MPI_MPICH) return start<int>(library, 0x44000000, 0x4c00010d, 1, status);
  if (facts.kind == GC_MPI_OPEN_MPI)
    return start<void*>(library, dlsym(library, "ompi_mpi_comm_world"), dlsym(library, "ompi_mpi_byte"), 1, status);
  const auto pointer = [](uintptr_t value) { return reinterpret_cast<void*>(value); };
  return start<void*>(library, pointer(0x101), pointer(0x247), 1024, status);
}
}  // namespace gatecell
