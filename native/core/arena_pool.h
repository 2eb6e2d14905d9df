// arena_pool.h: memory for the passes of plans. A plan needs nothing of it between two runs, so that the plans of a store, one for each
// length of the data, take the same block one after the other; two runs beside each other take two blocks.
#pragma once
#include <array>
#include <atomic>
#include <mutex>
#include <set>

#include "memory.h"

namespace gatecell {

class ArenaPool {
 public:
  // Counts a plan whose runs take `bytes`, and makes room for one of them, so that a plan that cannot run is refused when it is made.
  // Returns false if memory is out; then nothing is counted. Throws what std::multiset throws.
  bool enter(int64_t bytes);
  // The plan is gone. Blocks that are larger than what the other plans take are freed.
  void leave(int64_t bytes) noexcept;
  // A block of at least `bytes`, empty if memory is out. Nothing is allocated while a free block is large enough.
  Block take(int64_t bytes) noexcept {
    int state = kFull;
    if (front_state_.compare_exchange_strong(state, kChanging, std::memory_order_acquire)) {
      const bool fits = front_.bytes() >= bytes;
      Block block;
      if (fits) block = std::move(front_);
      front_state_.store(fits ? kEmpty : kFull, std::memory_order_release);
      if (fits) return block;
    }
    return take_other(bytes);
  }
  void give(Block block) noexcept {
    int state = kEmpty;
    if (block.bytes() > most_bytes_.load(std::memory_order_relaxed) ||
        !front_state_.compare_exchange_strong(state, kChanging, std::memory_order_acquire))
      return give_other(std::move(block));
    front_ = std::move(block);
    front_state_.store(kFull, std::memory_order_release);
  }
  // Bytes of all blocks, free or taken.
  int64_t bytes() const;

 private:
  static constexpr size_t kFree = 4;  // blocks that are kept free beside the front; runs at once are few
  enum { kEmpty, kFull, kChanging };

  Block take_other(int64_t bytes) noexcept;
  void give_other(Block block) noexcept;
  // These expect `mutex_` to be held.
  Block pick(size_t i) noexcept;
  void put(Block& block, size_t i) noexcept;
  size_t find(int64_t bytes) const noexcept;  // count_ if none is large enough
  void count_plans() noexcept;                // sets most_bytes_
  Block move_front() noexcept;                // to free_; returns what there is no room for

  // A step of few units takes less time than two locks of a mutex: the block that was given back last lies apart.
  Block front_;
  std::atomic<int> front_state_{kEmpty};
  std::atomic<int64_t> most_bytes_{0};  // of a block that is kept
  mutable std::mutex mutex_;
  std::multiset<int64_t> plans_;
  std::array<Block, kFree> free_;  // the last one that was given back comes first: its pages are in the caches
  size_t count_ = 0;
  int64_t bytes_ = 0;
};

// The part of a plan in a pool: counted as long as it exists.
class ArenaShare {
 public:
  ArenaShare() = default;
  ArenaShare(const ArenaShare&) = delete;
  ArenaShare& operator=(const ArenaShare&) = delete;
  ~ArenaShare() {
    if (bytes_ > 0) pool_->leave(bytes_);
  }
  // Returns false if memory is out.
  bool enter(ArenaPool& pool, int64_t bytes) {
    if (bytes > 0 && !pool.enter(bytes)) return false;
    pool_ = &pool, bytes_ = bytes;
    return true;
  }
  int64_t bytes() const { return bytes_; }
  ArenaPool& pool() const { return *pool_; }

 private:
  ArenaPool* pool_ = nullptr;
  int64_t bytes_ = 0;
};
}  // namespace gatecell
