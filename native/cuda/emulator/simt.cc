// simt.cc: fibers and their scheduler. One worker fiber runs threads one after the other until one of them must wait; only
// then is another fiber needed, so a kernel without barriers costs a function call a thread.
#include "simt.h"

#include <cstdio>
#include <deque>
#include <memory>
#include <vector>

#include "async.h"
#include "context.h"

namespace gatecell {
namespace emulator {
namespace {
constexpr size_t kStackBytes = 128 * 1024;

struct Fiber {
  Context context;
  std::unique_ptr<char[]> stack;
  Place place;
};

struct Barrier {
  unsigned arrived = 0;
  std::vector<Fiber*> waiting;
};

struct Warp {
  Barrier barrier;
  unsigned threads = 0, turn = 0;
  uint32_t slots[2][32][8];  // two in turn, so that one barrier an exchange is enough
};

struct Block {
  dim3 index;
  unsigned rank = 0;
  Barrier barrier;
  std::vector<Warp> warps;
  std::vector<char> shared;
};

struct Scheduler {
  const Launch* launch = nullptr;
  const std::function<void()>* body = nullptr;
  std::vector<std::unique_ptr<Block>> blocks;  // that run together
  Barrier cluster_barrier;
  unsigned threads = 0, next = 0, live = 0;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  std::deque<Fiber*> ready, yielded;
  Fiber* current = nullptr;
  Context main;
  bool reverse = false;
  int absent = -1;  // of blocks that run together: one that never runs
};
Scheduler s;

unsigned count(const dim3& d) { return d.x * d.y * d.z; }
dim3 unfold(unsigned i, const dim3& d) { return dim3(i % d.x, i / d.x % d.y, i / (d.x * d.y)); }

Block& block_of(const Place& p) { return *static_cast<Block*>(p.impl); }
Warp& warp_of(const Place& p) {
  const unsigned flat = p.thread.x + p.block_size.x * (p.thread.y + p.block_size.y * p.thread.z);
  return block_of(p).warps[flat / 32];
}

void begin_thread(unsigned index) {
  const unsigned per_block = count(s.launch->block), flat = index % per_block;
  Block& block = *s.blocks[index / per_block];
  Place& p = s.current->place;
  p.thread = unfold(flat, s.launch->block);
  p.block = block.index;
  p.block_size = s.launch->block;
  p.grid_size = s.launch->grid;
  p.lane = flat % 32;
  p.cluster_rank = block.rank;
  p.impl = &block;
}

void worker() {
  for (;;) {
    while (s.next < s.threads) {
      const unsigned i = s.next++;
      const unsigned index = s.reverse ? s.threads - 1 - i : i;
      begin_thread(index);
      if (static_cast<int>(index / count(s.launch->block)) != s.absent) (*s.body)();
      end_thread();
      --s.live;
    }
    s.idle.push_back(s.current);
    switch_context(s.current->context, s.main);
  }
}

Fiber* idle_fiber() {
  if (s.idle.empty()) {
    s.fibers.push_back(std::make_unique<Fiber>());
    Fiber& fiber = *s.fibers.back();
    fiber.stack.reset(new char[kStackBytes]);
    make_context(fiber.context, fiber.stack.get(), kStackBytes, worker);
    return &fiber;
  }
  Fiber* fiber = s.idle.back();
  s.idle.pop_back();
  return fiber;
}

void leave() { switch_context(s.current->context, s.main); }

void wait(Barrier& barrier, unsigned expected) {
  if (++barrier.arrived < expected) {
    barrier.waiting.push_back(s.current);
    leave();
    return;
  }
  barrier.arrived = 0;
  if (s.reverse) s.ready.insert(s.ready.end(), barrier.waiting.rbegin(), barrier.waiting.rend());
  else s.ready.insert(s.ready.end(), barrier.waiting.begin(), barrier.waiting.end());
  barrier.waiting.clear();
}

void run_together(unsigned first, unsigned blocks) {
  const unsigned per_block = count(s.launch->block);
  s.blocks.clear();
  for (unsigned i = 0; i < blocks; ++i) {
    auto block = std::make_unique<Block>();
    block->index = unfold(first + i, s.launch->grid);
    block->rank = block->index.x % s.launch->cluster;
    block->warps.resize((per_block + 31) / 32);
    block->shared.assign(s.launch->shared + 64,
                         static_cast<char>(0xff));  // NaNs: nothing may be read before it is written
    s.blocks.push_back(std::move(block));
  }
  s.threads = s.live = blocks * per_block;
  s.next = 0;
  // Who waits for others' words goes on when nobody else can.
  while (!s.ready.empty() || s.next < s.threads || !s.yielded.empty()) {
    std::deque<Fiber*>& queue = s.ready.empty() && s.next == s.threads ? s.yielded : s.ready;
    if (!queue.empty()) {
      s.current = queue.front();
      queue.pop_front();
    } else {
      s.current = idle_fiber();
    }
    switch_context(s.main, s.current->context);
  }
  if (s.live == 0) return;
  fprintf(stderr, "emulator: %u threads wait at a barrier that the others have left behind\n", s.live);
  abort();
}
}  // namespace

const Place& place() { return s.current->place; }

void run(const Launch& launch, const std::function<void()>& body) {
  const char* order = getenv("GATECELL_EMULATOR_ORDER");
  s.reverse = order && strcmp(order, "reverse") == 0;
  const char* absent = launch.together ? getenv("GATECELL_EMULATOR_ABSENT") : nullptr;
  s.absent = absent && *absent ? atoi(absent) : -1;
  s.launch = &launch;
  s.body = &body;
  const unsigned total = count(launch.grid), group = launch.together ? total : launch.cluster;
  for (unsigned i = 0; i < total; i += group) run_together(s.reverse ? total - group - i : i, group);
  end_launch();
}

void sync_block() { wait(block_of(place()).barrier, count(s.launch->block)); }
void sync_warp() { wait(warp_of(place()).barrier, 32); }
void sync_cluster() { wait(s.cluster_barrier, s.launch->cluster * count(s.launch->block)); }
void yield() {
  s.yielded.push_back(s.current);
  leave();
}

char* shared_memory() {
  char* at = block_of(place()).shared.data();
  return at + (64 - reinterpret_cast<uintptr_t>(at) % 64) % 64;
}

char* shared_memory_of(unsigned rank) {
  for (const auto& block : s.blocks) {
    if (block->rank != rank) continue;
    char* at = block->shared.data();
    return at + (64 - reinterpret_cast<uintptr_t>(at) % 64) % 64;
  }
  fprintf(stderr, "emulator: a cluster has no block %u\n", rank);
  abort();
}

const uint32_t (*exchange(const uint32_t* words, int count))[8] {
  const Place& p = place();
  Warp& warp = warp_of(p);
  const unsigned turn = warp.turn;
  memcpy(warp.slots[turn][p.lane], words, static_cast<size_t>(count) * 4);
  // The last lane to arrive turns to the other slots before anybody goes on.
  if (warp.barrier.arrived == 31) warp.turn = turn ^ 1;
  wait(warp.barrier, 32);
  return warp.slots[turn];
}
}  // namespace emulator
}  // namespace gatecell
