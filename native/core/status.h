// status.h: status codes, and one message per thread for the last failure.
#pragma once
#include "gatecell/gatecell.h"

namespace gatecell {
// Stores the message, given in the form of printf, and returns the code.
gc_status fail(gc_status status, const char* format, ...) __attribute__((format(printf, 2, 3)));
}  // namespace gatecell
