// threads.cc: each worker waits for a share to be offered to it: first spinning (a fork-join then costs well under a
// microsecond), then asleep on a condition variable so that an idle engine costs nothing.
#include "threads.h"

#include <sched.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "gatecell/gatecell.h"
#include "machine.h"

namespace gatecell {

namespace {
// Where the members of the team stand; -1: nowhere. Two that wait for each other on one core meet once a time slice, and the system may
// leave them there for minutes, since neither ever sleeps nor has been away from its cache for long (bench/lab/attempts.md, 19).
constexpr int kMostThreads = 1024;
std::atomic<int> standing[kMostThreads];
std::atomic<int> members{1};
thread_local int member = 0;  // who leads a team is 0

void stand() { standing[member].store(sched_getcpu(), std::memory_order_relaxed); }

// The core of this thread is that of another member, too. The one with the higher index steps aside if there is another core.
bool shares_core() {
  stand();
  const int core = standing[member].load(std::memory_order_relaxed), count = members.load(std::memory_order_relaxed);
  for (int i = 0; i < count; ++i) {
    if (i == member || standing[i].load(std::memory_order_relaxed) != core) continue;
    if (i < member) leave_core(core);
    return true;
  }
  return false;
}
}  // namespace

// Offering the core has its price: whoever else waits for it has it for a whole slice (milliseconds). So it is offered where a member
// may take it, and otherwise only after long.
void Patience::pause() {
  constexpr int kLook = 1000, kLong = 20000;  // 25 and 500 microseconds
  cpu_relax();
  if (++spins_ % kLook != 0) return;
  if (shares_core() || spins_ > kLong) std::this_thread::yield();
}

void Barrier::wait(int team) {
  if (team == 1) return;
  const int generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == team) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.store(generation + 1, std::memory_order_release);
    return;
  }
  for (Patience patience; generation_.load(std::memory_order_acquire) == generation;) patience.pause();
}

namespace {

constexpr auto kSpin = std::chrono::microseconds(100);

// A worker and the share it is offered: whoever turns `open` back has the share, the worker or the caller. What the job is may be
// read only after that: it cannot change before all its shares are done.
struct Worker {
  alignas(64) std::atomic<bool> open{false};
  std::thread thread;

  bool take() {
    bool offered = true;
    return open.load(std::memory_order_relaxed) &&
           open.compare_exchange_strong(offered, false, std::memory_order_acquire, std::memory_order_relaxed);
  }
};

struct Pool {
  std::mutex owner;  // held by the caller whose team runs
  std::vector<std::unique_ptr<Worker>> workers;
  std::mutex sleep;
  std::condition_variable wake;
  team_fn fn = nullptr;
  void* context = nullptr;
  int team = 1;
  std::atomic<bool> stopping{false};
  alignas(64) std::atomic<int> pending{0};  // shares that workers were offered and nobody has finished
  alignas(64) std::atomic<int> asleep{0};

  void start(int count) {
    while (static_cast<int>(workers.size()) < count) {
      const int index = static_cast<int>(workers.size()) + 1;
      workers.push_back(std::make_unique<Worker>());
      standing[index].store(-1, std::memory_order_relaxed);
      members.store(index + 1, std::memory_order_relaxed);
      Worker* const worker = workers.back().get();
      worker->thread = std::thread([this, index, worker] { serve(index, *worker); });
    }
  }

  // True when there is a share to be tried for; false when the pool stops.
  bool wait_for_work(Worker& me) {
    const auto limit = std::chrono::steady_clock::now() + kSpin;
    Patience patience;
    for (int spins = 1; !stopping.load(std::memory_order_relaxed); ++spins) {
      if (me.open.load(std::memory_order_relaxed)) return true;
      patience.pause();
      if (spins % 128 == 0 && std::chrono::steady_clock::now() > limit) break;
    }
    standing[member].store(-1, std::memory_order_relaxed);
    std::unique_lock<std::mutex> lock(sleep);
    asleep.fetch_add(1, std::memory_order_seq_cst);
    wake.wait(lock,
              [&] { return me.open.load(std::memory_order_seq_cst) || stopping.load(std::memory_order_seq_cst); });
    asleep.fetch_sub(1, std::memory_order_relaxed);
    return !stopping.load(std::memory_order_relaxed);
  }

  void serve(int index, Worker& me) {
    member = index;
    while (wait_for_work(me)) {
      if (!me.take()) continue;
      stand();
      fn(context, index, team);
      pending.fetch_sub(1, std::memory_order_release);
    }
  }

  void wake_all() {
    if (asleep.load(std::memory_order_seq_cst) == 0) return;
    std::lock_guard<std::mutex> lock(sleep);
    wake.notify_all();
  }

  void offer() {
    pending.store(team - 1, std::memory_order_relaxed);
    for (int i = 1; i < team; ++i) workers[i - 1]->open.store(true, std::memory_order_seq_cst);
    wake_all();
  }

  // The last first: workers are woken in order.
  void take_over() {
    for (int i = team - 1; i > 0; --i) {
      if (!workers[i - 1]->take()) continue;
      fn(context, i, team);
      pending.fetch_sub(1, std::memory_order_relaxed);
    }
  }

  void join() {
    for (Patience patience; pending.load(std::memory_order_acquire) > 0;) patience.pause();
  }

  void stop() {
    stopping.store(true, std::memory_order_seq_cst);
    wake_all();
    for (const auto& worker : workers) worker->thread.join();
    workers.clear();
    members.store(1, std::memory_order_relaxed);
    stopping.store(false);
  }
};

// Never destroyed: a worker may still be spinning when static destructors run at process exit.
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

std::atomic<int> configured{0};
}  // namespace

int engine_threads() {
  const int threads = configured.load(std::memory_order_relaxed);
  return threads > 0 ? threads : default_threads();
}

void set_engine_threads(int threads) { configured.store(threads, std::memory_order_relaxed); }

void run_team(int team, Shares shares, team_fn fn, void* context) {
  Pool& p = pool();
  if (team <= 1 || !p.owner.try_lock()) {
    fn(context, 0, 1);
    return;
  }
  stand();
  p.start(team - 1);
  p.fn = fn;
  p.context = context;
  p.team = team;
  p.offer();
  fn(context, 0, team);
  if (shares == Shares::kApart) p.take_over();
  p.join();
  p.owner.unlock();
}

void stop_pool() {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.owner);
  p.stop();
}
}  // namespace gatecell

void gc_shutdown(void) { gatecell::stop_pool(); }
