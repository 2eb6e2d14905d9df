// refusing.h: refuses chosen allocations of C++ and blocks of the engine. It replaces operator new, so only one file of a program may
// include it.
#pragma once
#include <atomic>
#include <cstdlib>
#include <new>

#include "core/memory.h"

namespace lab {
// Number of allocations, on all threads together, before one is refused; none is refused if it is negative.
inline std::atomic<int64_t> until_refusal{-1};
inline std::atomic<int64_t> refused{0};
// While the emulated device works nothing is refused, because its tables take the place of a device's memory.
inline std::atomic<int> devices_at_work{0};

inline bool refuses() {
  if (until_refusal.load(std::memory_order_relaxed) < 0 || devices_at_work.load(std::memory_order_relaxed) > 0)
    return false;
  if (until_refusal.fetch_sub(1, std::memory_order_relaxed) != 0) return false;
  refused.fetch_add(1, std::memory_order_relaxed);
  return true;
}

inline void* take(size_t bytes, size_t alignment) {
  if (refuses()) return nullptr;
  const size_t size = (bytes + alignment) / alignment * alignment;
  return alignment > alignof(std::max_align_t) ? aligned_alloc(alignment, size) : malloc(size);
}

inline void* take_or_throw(size_t bytes, size_t alignment) {
  void* memory = take(bytes, alignment);
  if (!memory) throw std::bad_alloc();
  return memory;
}
constexpr size_t kPlain = alignof(std::max_align_t);

// Runs `body` and refuses the allocation after `skipped` others; returns whether there was one to refuse.
template <class F>
bool with_refusal(int64_t skipped, const F& body) {
  refused = 0;
  gatecell::refuse_block = refuses;
  until_refusal = skipped;
  body();
  until_refusal = -1;
  gatecell::refuse_block = nullptr;
  return refused > 0;
}
}  // namespace lab

// Not inlined, because the compiler would report malloc and free in these functions as a mismatch.
#define GC_REPLACED __attribute__((noinline))
GC_REPLACED void* operator new(size_t bytes) { return lab::take_or_throw(bytes, lab::kPlain); }
GC_REPLACED void* operator new[](size_t bytes) { return lab::take_or_throw(bytes, lab::kPlain); }
GC_REPLACED void* operator new(size_t bytes, std::align_val_t at) {
  return lab::take_or_throw(bytes, static_cast<size_t>(at));
}
GC_REPLACED void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return lab::take(bytes, lab::kPlain); }
GC_REPLACED void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return lab::take(bytes, lab::kPlain); }
GC_REPLACED void* operator new(size_t bytes, std::align_val_t at, const std::nothrow_t&) noexcept {
  return lab::take(bytes, static_cast<size_t>(at));
}
GC_REPLACED void operator delete(void* memory) noexcept { free(memory); }
GC_REPLACED void operator delete[](void* memory) noexcept { free(memory); }
GC_REPLACED void operator delete(void* memory, size_t) noexcept { free(memory); }
GC_REPLACED void operator delete[](void* memory, size_t) noexcept { free(memory); }
GC_REPLACED void operator delete(void* memory, std::align_val_t) noexcept { free(memory); }
GC_REPLACED void operator delete(void* memory, size_t, std::align_val_t) noexcept { free(memory); }
#undef GC_REPLACED
