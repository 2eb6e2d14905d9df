// spin_wait.cc: when a waiting thread yields its core or moves to another one.
#include "spin_wait.h"

#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "governor.h"
#include "machine.h"
#include "threads.h"

namespace gatecell {

namespace {
// The core of each member of the team, -1 for a member that sleeps. Two members that wait for each other on one core meet only once a time
// slice, and the system may leave them there for minutes, because neither of them sleeps or is off its core for long
// (bench/lab/attempts.md, 19).
std::atomic<int> cores[kMostThreads];
std::atomic<int> member_count{1};
thread_local int member = 0;

std::atomic<int64_t> stalled{0};

// Returns whether another member runs on the core of this thread. If so, the one with the higher index moves to another core, if there
// is one.
bool shares_core() {
  record_core();
  const int core = cores[member].load(std::memory_order_relaxed), count = members();
  for (int i = 0; i < count; ++i) {
    if (i == member || cores[i].load(std::memory_order_relaxed) != core) continue;
    if (i < member) leave_core(core);
    return true;
  }
  return false;
}
}  // namespace

void set_member(int index) { member = index; }

void set_members(int count) { member_count.store(count, std::memory_order_relaxed); }

int members() { return member_count.load(std::memory_order_relaxed); }

void record_core() { cores[member].store(sched_getcpu(), std::memory_order_relaxed); }

void forget_core(int index) { cores[index].store(-1, std::memory_order_relaxed); }

int64_t stalled_nanoseconds() { return stalled.load(std::memory_order_relaxed); }

void reset_stalls() { stalled.store(0, std::memory_order_relaxed); }

int64_t steady_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Yielding is expensive: another process may then hold the core for a whole time slice (milliseconds). So the core is yielded early only if
// another member of the team is on it, and otherwise only after 500 microseconds.
void SpinWait::pause() {
  constexpr int kLook = 1000, kLong = 20000;  // 25 and 500 microseconds
  cpu_relax();
  if (++spins_ % kLook != 0) return;
  if (spins_ == kLook) begin_ = steady_nanoseconds();
  if (shares_core() || spins_ > kLong) std::this_thread::yield();
}

SpinWait::~SpinWait() {
  if (begin_ == 0 || spins_ == 0) return;
  const int64_t waited = steady_nanoseconds() - begin_;
  if (waited >= Governor::kStall) stalled.fetch_add(waited, std::memory_order_relaxed);
}
}  // namespace gatecell
