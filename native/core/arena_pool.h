// arena_pool.h: memory for the passes of plans. Nothing in it is needed between two runs, so the plans of a store, one for each length of
// the data, use the same block in turn. Two runs at the same time take two blocks.
#pragma once
#include <array>
#include <atomic>
#include <mutex>
#include <set>

#include "memory.h"

namespace gatecell {

class ArenaPool {
 public:
  // Registers a plan whose runs take `bytes`, and ensures that there is a block for one run, so that a plan that cannot run is refused when
  // it is made. Returns false, and registers nothing, if the system refuses the memory. Throws the exceptions of std::multiset.
  bool enter(int64_t bytes);
  // Removes a plan from the register, and frees blocks that are larger than any other plan needs.
  void leave(int64_t bytes) noexcept;
  // Returns a block of at least `bytes`, or an empty one if the system refuses the memory. Allocates only if no free block is large enough.
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
  // Takes back a block that take() returned.
  void give(Block block) noexcept {
    int state = kEmpty;
    if (block.bytes() > most_bytes_.load(std::memory_order_relaxed) ||
        !front_state_.compare_exchange_strong(state, kChanging, std::memory_order_acquire))
      return give_other(std::move(block));
    front_ = std::move(block);
    front_state_.store(kFull, std::memory_order_release);
  }
  // Returns the bytes of all blocks, free or taken.
  int64_t bytes() const;

 private:
  static constexpr size_t kFree = 4;  // free blocks that are kept in addition to the front; few runs take place at once
  enum { kEmpty, kFull, kChanging };

  Block take_other(int64_t bytes) noexcept;
  void give_other(Block block) noexcept;
  // These expect `mutex_` to be held.
  Block pick(size_t i) noexcept;
  void put(Block& block, size_t i) noexcept;
  size_t find(int64_t bytes) const noexcept;  // index in free_; count_ if no block is large enough
  void count_plans() noexcept;                // sets most_bytes_
  Block move_front() noexcept;                // to free_; returns the block for which there is no room

  // The block that was given back last. It is taken without the mutex, because a step of few units takes less time than locking it twice.
  Block front_;
  std::atomic<int> front_state_{kEmpty};
  std::atomic<int64_t> most_bytes_{0};  // larger blocks are not kept
  mutable std::mutex mutex_;
  std::multiset<int64_t> plans_;
  std::array<Block, kFree> free_;  // in the order of their return, last first, because its pages are in the caches
  size_t count_ = 0;
  int64_t bytes_ = 0;  // of all blocks, free or taken
};

// The registration of a plan in a pool; its destructor ends it.
class ArenaShare {
 public:
  ArenaShare() = default;
  ArenaShare(const ArenaShare&) = delete;
  ArenaShare& operator=(const ArenaShare&) = delete;
  ~ArenaShare() {
    if (bytes_ > 0) pool_->leave(bytes_);
  }
  // Returns false if the system refuses the memory.
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
