// status.h: the last failure's sentence, one buffer per thread, as the core has it.
#pragma once
#include "gatecell/gatecell.h"

namespace gatecell {
namespace cuda {
gc_status fail(gc_status status, const char* format, ...) __attribute__((format(printf, 2, 3)));
const char* last_error();
}  // namespace cuda
}  // namespace gatecell
