// status.h: status codes with one sentence per thread behind them.
#pragma once
#include "gatecell/gatecell.h"

namespace gatecell {
// Records the sentence (printf form) and returns the code.
gc_status fail(gc_status status, const char* format, ...) __attribute__((format(printf, 2, 3)));
}  // namespace gatecell
