// arena_pool.cc: blocks that plans take for the duration of a run.
#include "arena_pool.h"

#include <algorithm>
#include <utility>

namespace gatecell {
namespace {
// A block that replaces one that was too small is larger than needed, because lengths that grow step by step would otherwise replace it
// at each step. Pages that are never written take no memory.
int64_t with_room(int64_t bytes) { return bytes + bytes / 4; }
}  // namespace

Block ArenaPool::pick(size_t i) noexcept {
  Block picked = std::move(free_[i]);
  for (; i + 1 < count_; ++i) free_[i] = std::move(free_[i + 1]);
  --count_;
  return picked;
}

void ArenaPool::put(Block& block, size_t i) noexcept {
  for (size_t k = count_; k > i; --k) free_[k] = std::move(free_[k - 1]);
  free_[i] = std::move(block);
  ++count_;
}

size_t ArenaPool::find(int64_t bytes) const noexcept {
  size_t i = 0;
  while (i < count_ && free_[i].bytes() < bytes) ++i;
  return i;
}

void ArenaPool::count_plans() noexcept {
  most_bytes_.store(plans_.empty() ? 0 : Block::size_of(with_room(*plans_.rbegin())), std::memory_order_relaxed);
}

Block ArenaPool::move_front() noexcept {
  Block dropped;
  int state = kFull;
  if (!front_state_.compare_exchange_strong(state, kChanging, std::memory_order_acquire)) return dropped;
  if (count_ == kFree) {
    dropped = pick(count_ - 1);
    bytes_ -= dropped.bytes();
  }
  put(front_, 0);
  front_state_.store(kEmpty, std::memory_order_release);
  return dropped;
}

Block ArenaPool::take_other(int64_t bytes) noexcept {
  Block small, dropped;  // freed after the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  dropped = move_front();
  const size_t i = find(bytes);
  if (i < count_) return pick(i);
  // One of the free blocks, which are all too small, is replaced, so that there are never more blocks than runs at the same time.
  int64_t before = 0;
  if (count_ > 0) {
    small = pick(0);
    before = small.bytes();
    bytes_ -= before;
  }
  Block block;
  const int64_t wanted = before > 0 ? std::max(bytes, std::min(with_room(before), with_room(bytes))) : bytes;
  if (block.allocate(wanted) || block.allocate(bytes)) bytes_ += block.bytes();
  return block;
}

void ArenaPool::give_other(Block block) noexcept {
  Block dropped;  // freed after the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  if (block.bytes() > most_bytes_.load(std::memory_order_relaxed)) {
    bytes_ -= block.bytes();
    dropped = std::move(block);
    return;
  }
  if (count_ == kFree) {
    dropped = pick(count_ - 1);
    bytes_ -= dropped.bytes();
  }
  put(block, 0);
}

bool ArenaPool::enter(int64_t bytes) {
  {
    Block dropped;  // freed after the lock
    const std::lock_guard<std::mutex> lock(mutex_);
    plans_.insert(bytes);
    count_plans();
    dropped = move_front();
    if (find(bytes) < count_) return true;
  }
  Block block = take(bytes);
  const bool room = block.bytes() > 0;
  if (room) give(std::move(block));
  else leave(bytes);
  return room;
}

void ArenaPool::leave(int64_t bytes) noexcept {
  std::array<Block, kFree> dropped;  // freed after the lock
  Block last;
  const std::lock_guard<std::mutex> lock(mutex_);
  plans_.erase(plans_.find(bytes));
  count_plans();
  last = move_front();
  const int64_t most = most_bytes_.load(std::memory_order_relaxed);
  size_t kept = 0, gone = 0;
  for (size_t i = 0; i < count_; ++i) {
    const bool fits = free_[i].bytes() <= most;
    if (!fits) bytes_ -= free_[i].bytes();
    Block& to = fits ? free_[kept++] : dropped[gone++];
    if (&to != &free_[i]) to = std::move(free_[i]);
  }
  count_ = kept;
}

int64_t ArenaPool::bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}
}  // namespace gatecell
