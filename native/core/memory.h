// memory.h: large zeroed blocks of memory, 64-byte aligned, on huge pages if the system provides them.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace gatecell {

inline int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Requests huge pages for memory that another owner allocated and has not written yet. Does nothing if there are none.
void prefer_huge_pages(void* data, int64_t bytes);

// For tests: if set, it is called before each block is allocated; if it returns true, the block is refused as if there were no memory.
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
  bool allocate(int64_t bytes);  // replaces the block; returns false if there is no memory
  void reset();
  void discard();  // gives the pages back to the system; the block stays, with zeros
  char* data() const { return data_; }
  float* floats() const { return reinterpret_cast<float*>(data_); }
  int64_t bytes() const { return bytes_; }

 private:
  char* data_ = nullptr;
  int64_t bytes_ = 0;
};
}  // namespace gatecell
