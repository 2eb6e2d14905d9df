// table.h: copies of the tables of a plan's description.
#pragma once
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "errors.h"

namespace gatecell {

// A copy of a table of the description, which may be shared memory, so that it cannot change after the core has checked it.
class Table {
 public:
  ~Table() { free(memory_); }
  bool copy(napi_env env, const void* data, size_t bytes) {
    memory_ = malloc(bytes + 1);
    if (memory_ == nullptr) {
      throw_error(env, Code::kOutOfMemory, "Expected memory for %zu bytes of the plan's description, found none.",
                  bytes);
      return false;
    }
    if (bytes > 0) memcpy(memory_, data, bytes);
    return true;
  }
  template <class T>
  const T* as() const {
    return static_cast<const T*>(memory_);
  }

 private:
  void* memory_ = nullptr;
};
}  // namespace gatecell
