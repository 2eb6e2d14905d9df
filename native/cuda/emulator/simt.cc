// simt.cc: fibers and their scheduler. One worker fiber runs threads one after the other until one of them must wait; only then is another
// fiber needed, so a kernel without barriers costs one function call per thread.
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
  uint32_t slots[2][32][8];  // used in turn, so that one barrier per exchange suffices
};

struct Block {
  dim3 index;
  unsigned rank = 0;
  Barrier barrier;
  std::vector<Warp> warps;
  std::vector<char> shared;
};

// Shared by all launches: the fibers, those that are idle, and the one that runs.
std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<Fiber*> idle;
Fiber* current = nullptr;
Context main_context;
}  // namespace

struct Scheduler {
  const Launch* launch = nullptr;
  const std::function<void()>* body = nullptr;
  std::vector<std::unique_ptr<Block>> blocks;  // the blocks that run at the same time
  Barrier cluster_barrier;
  unsigned threads = 0, next = 0, live = 0;
  std::deque<Fiber*> ready, yielded;
  std::vector<Fiber*> held;  // fibers that wait for the launch before
  bool holds = false;
  bool reverse = false;
  int absent = -1;  // the index of a block that never runs, see GATECELL_EMULATOR_ABSENT; -1: all run
};

namespace {
Scheduler* now = nullptr;  // the scheduler of the launch that runs

unsigned count(const dim3& d) { return d.x * d.y * d.z; }
dim3 unfold(unsigned i, const dim3& d) { return dim3(i % d.x, i / d.x % d.y, i / (d.x * d.y)); }

Block& block_of(const Place& p) { return *static_cast<Block*>(p.impl); }
Warp& warp_of(const Place& p) {
  const unsigned flat = p.thread.x + p.block_size.x * (p.thread.y + p.block_size.y * p.thread.z);
  return block_of(p).warps[flat / 32];
}

void begin_thread(unsigned index) {
  const unsigned per_block = count(now->launch->block), flat = index % per_block;
  Block& block = *now->blocks[index / per_block];
  Place& p = current->place;
  p.thread = unfold(flat, now->launch->block);
  p.block = block.index;
  p.block_size = now->launch->block;
  p.grid_size = now->launch->grid;
  p.lane = flat % 32;
  p.cluster_rank = block.rank;
  p.impl = &block;
}

void worker() {
  for (;;) {
    while (now->next < now->threads) {
      const unsigned i = now->next++;
      const unsigned index = now->reverse ? now->threads - 1 - i : i;
      begin_thread(index);
      if (static_cast<int>(index / count(now->launch->block)) != now->absent) (*now->body)();
      end_thread();
      --now->live;
    }
    idle.push_back(current);
    switch_context(current->context, main_context);
  }
}

Fiber* idle_fiber() {
  if (idle.empty()) {
    fibers.push_back(std::make_unique<Fiber>());
    Fiber& fiber = *fibers.back();
    fiber.stack.reset(new char[kStackBytes]);
    make_context(fiber.context, fiber.stack.get(), kStackBytes, worker);
    return &fiber;
  }
  Fiber* fiber = idle.back();
  idle.pop_back();
  return fiber;
}

void leave() { switch_context(current->context, main_context); }

void wait(Barrier& barrier, unsigned expected) {
  if (++barrier.arrived < expected) {
    barrier.waiting.push_back(current);
    leave();
    return;
  }
  barrier.arrived = 0;
  if (now->reverse) now->ready.insert(now->ready.end(), barrier.waiting.rbegin(), barrier.waiting.rend());
  else now->ready.insert(now->ready.end(), barrier.waiting.begin(), barrier.waiting.end());
  barrier.waiting.clear();
}

void make_blocks(unsigned first, unsigned blocks) {
  const unsigned per_block = count(now->launch->block);
  now->blocks.clear();
  for (unsigned i = 0; i < blocks; ++i) {
    auto block = std::make_unique<Block>();
    block->index = unfold(first + i, now->launch->grid);
    block->rank = block->index.x % now->launch->cluster;
    block->warps.resize((per_block + 31) / 32);
    block->shared.assign(now->launch->shared + 64,
                         static_cast<char>(0xff));  // NaNs: reading before writing gives a wrong result
    now->blocks.push_back(std::move(block));
  }
  now->threads = now->live = blocks * per_block;
  now->next = 0;
}

// Runs until every thread has ended or is held.
void run_threads() {
  // A thread that waits for words of other blocks continues when no other thread can.
  while (!now->ready.empty() || now->next < now->threads || !now->yielded.empty()) {
    std::deque<Fiber*>& queue = now->ready.empty() && now->next == now->threads ? now->yielded : now->ready;
    if (!queue.empty()) {
      current = queue.front();
      queue.pop_front();
    } else {
      current = idle_fiber();
    }
    switch_context(main_context, current->context);
  }
  if (now->live == now->held.size()) return;
  fprintf(stderr, "emulator: %u threads wait at a barrier that the others do not reach\n", now->live);
  abort();
}

std::unique_ptr<Scheduler> scheduler_of(const Launch& launch, const std::function<void()>& body) {
  auto made = std::make_unique<Scheduler>();
  const char* order = getenv("GATECELL_EMULATOR_ORDER");
  made->reverse = order && strcmp(order, "reverse") == 0;
  const char* absent = launch.together ? getenv("GATECELL_EMULATOR_ABSENT") : nullptr;
  made->absent = absent && *absent ? atoi(absent) : -1;
  made->launch = &launch;
  made->body = &body;
  return made;
}
}  // namespace

// A test that refuses memory may define this function. It is called with 1 before the emulated device begins to work, and with 0 after it.
extern "C" __attribute__((weak, visibility("default"))) void gatecell_emulator_works(int begins);

namespace {
struct Work {
  Work() {
    if (gatecell_emulator_works) gatecell_emulator_works(1);
  }
  ~Work() {
    if (gatecell_emulator_works) gatecell_emulator_works(0);
  }
};
}  // namespace

const Place& place() { return current->place; }

void run(const Launch& launch, const std::function<void()>& body) {
  const Work work;
  const std::unique_ptr<Scheduler> scheduler = scheduler_of(launch, body);
  now = scheduler.get();
  const unsigned total = count(launch.grid), group = launch.together ? total : launch.cluster;
  for (unsigned i = 0; i < total; i += group) {
    make_blocks(now->reverse ? total - group - i : i, group);
    run_threads();
  }
  end_launch();
}

Begun::Begun(const Launch& launch, const std::function<void()>& body)
    : launch_(launch), body_(body), scheduler_(scheduler_of(launch_, body_)) {
  const Work work;
  now = scheduler_.get();
  now->holds = true;
  make_blocks(0, count(launch_.grid));
  run_threads();
}
Begun::~Begun() = default;

void Begun::finish() {
  const Work work;
  now = scheduler_.get();
  now->holds = false;
  if (now->reverse) now->ready.assign(now->held.rbegin(), now->held.rend());
  else now->ready.assign(now->held.begin(), now->held.end());
  now->held.clear();
  run_threads();
  end_launch();
}

void sync_block() { wait(block_of(place()).barrier, count(now->launch->block)); }
void sync_warp() { wait(warp_of(place()).barrier, 32); }
void sync_cluster() { wait(now->cluster_barrier, now->launch->cluster * count(now->launch->block)); }
void sync_predecessor() {
  if (!now->holds) return;
  now->held.push_back(current);
  leave();
}
void yield() {
  now->yielded.push_back(current);
  leave();
}

char* shared_memory() {
  char* at = block_of(place()).shared.data();
  return at + (64 - reinterpret_cast<uintptr_t>(at) % 64) % 64;
}

char* shared_memory_of(unsigned rank) {
  for (const auto& block : now->blocks) {
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
  // The last lane to arrive switches to the other slots before any lane continues.
  if (warp.barrier.arrived == 31) warp.turn = turn ^ 1;
  wait(warp.barrier, 32);
  return warp.slots[turn];
}
}  // namespace emulator
}  // namespace gatecell
