// memory.h: large zeroed blocks, 64-byte aligned, on huge pages where the system gives them; null when memory is out.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace gatecell {

inline int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Asks for huge pages inside memory of somebody else's that has not been written yet; nothing where there are none.
void prefer_huge_pages(void* data, int64_t bytes);

// For tests: if set, it is called before each block is allocated; true refuses the block as if memory were out.
extern std::atomic<bool (*)()> refuse_block;

class Block {
 public:
  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  Block(Block&& other) noexcept : data_(other.data_), bytes_(other.bytes_) { other.data_ = nullptr, other.bytes_ = 0; }
  Block& operator=(Block&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Block() { reset(); }
  // Returns the size of a block that is allocated for `bytes`: whole pages.
  static int64_t size_of(int64_t bytes);
  bool allocate(int64_t bytes);  // replaces the content; false when out of memory
  void reset();
  char* data() const { return data_; }
  float* floats() const { return reinterpret_cast<float*>(data_); }
  int64_t bytes() const { return bytes_; }

 private:
  char* data_ = nullptr;
  int64_t bytes_ = 0;
};
}  // namespace gatecell
