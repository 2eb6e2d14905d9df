// guard.h: turns the exceptions of containers into statuses. The core and the device library have a buffer each for the error message, so
// the function that writes it is an argument.
#pragma once
#include <exception>
#include <new>
#include <stdexcept>

#include "gatecell/gatecell.h"

namespace gatecell {

// Returns the status of `body`, or GC_OUT_OF_MEMORY with a message that `fail` stores if it throws.
template <class F>
gc_status guard(gc_status (*fail)(gc_status status, const char* format, ...), const F& body) noexcept {
  constexpr const char* kNoMemory = "expected memory for the engine's tables, but the system refused it";
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(GC_OUT_OF_MEMORY, "%s", kNoMemory);
  } catch (const std::length_error&) {  // a container larger than the address space
    return fail(GC_OUT_OF_MEMORY, "%s", kNoMemory);
  } catch (const std::exception& error) {  // the system refuses a lock or a condition variable
    return fail(GC_OUT_OF_MEMORY, "expected a resource of the system, but it was refused: %s", error.what());
  }
}
}  // namespace gatecell
