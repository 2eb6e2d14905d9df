// status.cu: see status.h.
#include "status.h"

#include <cstdarg>
#include <cstdio>

namespace gatecell {
namespace cuda {
namespace {
thread_local char sentence[512] = "";
}

gc_status fail(gc_status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  return status;
}

const char* last_error() { return sentence; }
}  // namespace cuda
}  // namespace gatecell
