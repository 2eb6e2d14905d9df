// memory.cc: blocks by mmap. Above 1 MiB pages of 2 MiB are requested, but not required; they save TLB misses when weights are streamed.
#include "memory.h"

#include <sys/mman.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace gatecell {
namespace {
constexpr int64_t kHugePage = 2 << 20;
}

void prefer_huge_pages([[maybe_unused]] void* data, [[maybe_unused]] int64_t bytes) {
#if defined(MADV_HUGEPAGE)
  const int64_t first = reinterpret_cast<int64_t>(data), begin = round_up(first, kHugePage);
  const int64_t end = (first + bytes) / kHugePage * kHugePage;
  if (data && begin < end) madvise(reinterpret_cast<void*>(begin), static_cast<size_t>(end - begin), MADV_HUGEPAGE);
#endif
}

std::atomic<bool (*)()> refuse_block{nullptr};

int64_t Block::size_of(int64_t bytes) { return round_up(bytes, bytes >= kHugePage / 2 ? kHugePage : 4096); }

bool Block::allocate(int64_t bytes) {
  reset();
  if (bytes <= 0) return true;
  const auto refuses = refuse_block.load(std::memory_order_relaxed);
  if (refuses && refuses()) return false;
  const bool huge = bytes >= kHugePage / 2;
  const int64_t size = size_of(bytes);
  const int64_t reserve = huge ? size + kHugePage : size;
  void* raw = mmap(nullptr, static_cast<size_t>(reserve), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return false;
  char* start = static_cast<char*>(raw);
  if (huge) {  // unmap all but a block that begins on a huge page
    char* aligned = reinterpret_cast<char*>(round_up(reinterpret_cast<intptr_t>(start), kHugePage));
    if (aligned > start) munmap(start, static_cast<size_t>(aligned - start));
    char* end = start + reserve;
    if (end > aligned + size) munmap(aligned + size, static_cast<size_t>(end - aligned - size));
    start = aligned;
    prefer_huge_pages(start, size);
  }
  data_ = start;
  bytes_ = size;
  return true;
}

void Block::discard() {
  if (data_) madvise(data_, static_cast<size_t>(bytes_), MADV_DONTNEED);
}

void Block::reset() {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(
      data_, static_cast<size_t>(bytes_));  // poisoned by layout.cc; the address may be allocated again
#endif
  if (data_) munmap(data_, static_cast<size_t>(bytes_));
  data_ = nullptr;
  bytes_ = 0;
}
}  // namespace gatecell
