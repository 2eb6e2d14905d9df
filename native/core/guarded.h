// guarded.h: keeps exceptions inside the C ABI. The core's tables are standard containers, which throw if the system refuses
// memory; unwinding destroys half-made objects, so the handles stay usable.
#pragma once
#include "guard.h"
#include "status.h"

namespace gatecell {

// Returns the status that `body` returns, or GC_OUT_OF_MEMORY if it throws.
template <class F>
gc_status guarded(const F& body) noexcept {
  return guard(fail, body);
}
}  // namespace gatecell
