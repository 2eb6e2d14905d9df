// backend.h: the device library, which is found, opened and checked once per process. If a step fails, there is a sentence about it.
#pragma once
#include <string>

#include "gatecell/backend.h"

namespace gatecell {

struct Backend {
  const gc_backend* table = nullptr;  // null if there is no usable library; `reason` explains why
  gc_device_info device = {};
  std::string path, reason;
};
// Returns the library, which the first call opens.
const Backend& cuda_backend();

// Makes the message of the library's last failure the core's, and returns `status`.
gc_status backend_failure(const Backend& backend, int32_t status);
}  // namespace gatecell
