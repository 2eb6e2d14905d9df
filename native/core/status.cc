// status.cc: the message of the last failure, in one buffer per thread.
#include "status.h"

#include <cstdarg>
#include <cstdio>

namespace gatecell {
namespace {
thread_local char last_error[512] = "";
}

gc_status fail(gc_status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  return status;
}
}  // namespace gatecell

const char* gc_last_error(void) { return gatecell::last_error; }
