// guarded.h: keeps exceptions inside the C ABI. The core's tables are standard containers, which throw if the system refuses
// memory; unwinding destroys half-made objects, so the handles stay usable.
#pragma once
#include <exception>
#include <new>
#include <stdexcept>

#include "status.h"

namespace gatecell {

// Returns what `body` returns, or GC_OUT_OF_MEMORY where it throws.
template <class F>
gc_status guarded(const F& body) noexcept {
  constexpr const char* kNoMemory = "expected memory for the engine's tables, but the system refused it";
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(GC_OUT_OF_MEMORY, "%s", kNoMemory);
  } catch (const std::length_error&) {  // a container beyond the address space
    return fail(GC_OUT_OF_MEMORY, "%s", kNoMemory);
  } catch (const std::exception& error) {  // a lock or a condition that the system refuses
    return fail(GC_OUT_OF_MEMORY, "expected a resource of the system, but it was refused: %s", error.what());
  }
}
}  // namespace gatecell
