// backend.cc: the search for the CUDA library. If GATECELL_CUDA_LIBRARY is set, only the file that it names is tried; otherwise the file
// that the host program named (gc_cuda_library), or, without one, the file next to this binary. This file uses no symbol of CUDA.
#include "backend.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>

#include "guarded.h"
#include "status.h"

namespace gatecell {
namespace {
constexpr const char* kFile = "gatecell_cuda.so";

std::mutex mutex;
std::string named_path;  // guarded by mutex
bool opened = false;     // guarded by mutex

std::string next_to_this_binary() {
  Dl_info info = {};
  if (!dladdr(reinterpret_cast<const void*>(&next_to_this_binary), &info) || !info.dli_fname) return kFile;
  const std::string self = info.dli_fname;
  const size_t slash = self.rfind('/');
  return slash == std::string::npos ? std::string("./") + kFile : self.substr(0, slash + 1) + kFile;
}

std::string library_path() {
  const char* forced = getenv("GATECELL_CUDA_LIBRARY");
  if (forced && *forced) return forced;
  return named_path.empty() ? next_to_this_binary() : named_path;
}

// Fills everything but the path. If a step fails, `table` stays null and `reason` explains why.
void open_library(Backend& b) {
  if (access(b.path.c_str(), F_OK) != 0) {
    b.reason = "there is no CUDA library at " + b.path;
    return;
  }
  void* library = dlopen(b.path.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed: its driver threads may outlive us
  if (!library) {
    const char* cause = dlerror();
    b.reason = "the CUDA library did not load: " + std::string(cause ? cause : "no reason was given");
    return;
  }
  using Entry = const gc_backend* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, GC_BACKEND_SYMBOL));
  const gc_backend* table = entry ? entry() : nullptr;
  if (!table) {
    b.reason = b.path + " is not a device library of gatecell";
    return;
  }
  if (table->abi_version != GC_BACKEND_ABI || table->size < static_cast<int32_t>(sizeof(gc_backend))) {
    b.reason = "the CUDA library is of interface " + std::to_string(table->abi_version) + ", this engine of " +
               std::to_string(GC_BACKEND_ABI) + ": install both in one version";
    return;
  }
  if (table->open(&b.device) != GC_OK) {
    b.reason = table->last_error();
    return;
  }
  b.table = table;
  b.reason = std::string(b.device.name) + ", " + b.device.driver;
}
}  // namespace

const Backend& cuda_backend() {
  static Backend backend;
  std::lock_guard<std::mutex> lock(mutex);
  if (!opened) {
    backend.path = library_path();
    open_library(backend);
    opened = true;
  }
  return backend;
}

gc_status backend_failure(const Backend& backend, int32_t status) {
  return fail(static_cast<gc_status>(status), "%s", backend.table->last_error());
}
}  // namespace gatecell

using namespace gatecell;

gc_status gc_cuda_library(const char* path) {
  return guarded([&] {
    std::lock_guard<std::mutex> lock(mutex);
    if (opened) return fail(GC_BUSY, "expected the CUDA library to be named before it is looked for");
    named_path = path;
    return GC_OK;
  });
}

gc_status gc_cuda_info(gc_cuda* out) {
  return guarded([&] {
    const Backend& b = cuda_backend();
    out->available = b.table != nullptr;
    out->emulated = b.device.emulated;
    out->reason = b.reason.c_str();
    out->path = b.path.c_str();
    out->memory_bytes = b.device.memory_bytes;
    return GC_OK;
  });
}
