// backend.h: the device library: found, opened and checked once per process, with a sentence where any step fails.
#pragma once
#include <string>

#include "gatecell/backend.h"

namespace gatecell {

struct Backend {
  const gc_backend* table = nullptr;  // null: there is none, and `reason` says why
  gc_device_info device = {};
  std::string path, reason;
};
// Opens the library at the first call.
const Backend& cuda_backend();

// Status and sentence of the library's last failure become the core's.
gc_status backend_failure(const Backend& backend, int32_t status);
}  // namespace gatecell
