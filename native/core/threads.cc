// threads.cc: the thread pool. Each worker waits until a share is offered to it: first it spins (a fork-join then costs well under a
// microsecond), then it sleeps on a condition variable of its own, so that an idle engine costs nothing and a fork wakes only the
// members of its team.
#include "threads.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>

#include "gatecell/gatecell.h"
#include "governor.h"
#include "machine.h"
#include "spin_wait.h"

namespace gatecell {

void Barrier::wait(int team) {
  if (team == 1) return;
  const int generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == team) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.store(generation + 1, std::memory_order_release);
    return;
  }
  for (SpinWait spin; generation_.load(std::memory_order_acquire) == generation;) spin.pause();
}

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSpin = std::chrono::microseconds(100);
constexpr auto kRetry = std::chrono::seconds(1);  // after a refused thread, until the system is asked again
// The kernels need a few KB; the system's default may be 8 MB or 128 KB.
constexpr size_t kStackBytes = size_t{2} << 20;

// A worker and the share that is offered to it. Worker and caller compete for the share: it belongs to the thread that sets `open`
// to false. A thread reads the job only after that, because the job cannot change before all its shares are done.
struct Worker {
  alignas(64) std::atomic<bool> open{false};
  std::atomic<bool> asleep{false};
  std::mutex sleep;
  std::condition_variable wake;
  pthread_t thread = {};
  int index = 0;

  bool take() {
    bool offered = true;
    return open.load(std::memory_order_relaxed) &&
           open.compare_exchange_strong(offered, false, std::memory_order_acquire, std::memory_order_relaxed);
  }
  // Wakes the worker after a store to `open` or `stopping`. These and `asleep` are sequentially consistent: either this load reads
  // true, or the worker reads the store before it sleeps.
  void rouse() {
    if (!asleep.load(std::memory_order_seq_cst)) return;
    std::lock_guard<std::mutex> lock(sleep);
    wake.notify_one();
  }
};

// The first time that the system refused a thread: written by the thread that asked for one, taken by the one that reports it.
struct Refusal {
  enum State { kNone, kWritten, kTaken };
  std::atomic<int> state{kNone};
  gc_thread_refusal what = {};
};
Refusal refusal;
std::atomic<int> worker_limit{kMostThreads};  // for tests: more workers are refused

struct Pool {
  std::mutex owner;  // held by the caller whose team runs
  Worker* workers[kMostThreads] = {};
  int count = 0;
  Clock::time_point retry_at = {};
  team_fn fn = nullptr;
  void* context = nullptr;
  int team = 1;
  Governor governor;
  std::atomic<bool> stopping{false};
  alignas(64) std::atomic<int> pending{0};  // shares that were offered to workers and are not finished

  // Starts workers until there are `wanted`. Returns their number, which is smaller if the system refuses a thread or its stack.
  int start(int wanted) {
    if (count >= wanted) return wanted;
    if (Clock::now() < retry_at) return count;
    while (count < wanted) {
      const int error = start_one();
      if (error == 0) continue;
      retry_at = Clock::now() + kRetry;
      if (refusal.state.load(std::memory_order_relaxed) == Refusal::kNone) {
        refusal.what = {wanted + 1, count + 1, error};
        refusal.state.store(Refusal::kWritten, std::memory_order_release);
      }
      break;
    }
    return count;
  }

  // Returns 0 or an errno value.
  int start_one() {
    if (count >= worker_limit.load(std::memory_order_relaxed)) return EAGAIN;
    auto* worker = new (std::nothrow) Worker;
    if (!worker) return ENOMEM;
    worker->index = count + 1;
    forget_core(worker->index);
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error == 0) {
      pthread_attr_setstacksize(&attributes, kStackBytes);
      const auto body = [](void* me) -> void* {
        pool().serve(*static_cast<Worker*>(me));
        return nullptr;
      };
      error = pthread_create(&worker->thread, &attributes, body, worker);
      pthread_attr_destroy(&attributes);
    }
    if (error != 0) {
      delete worker;
      return error;
    }
    workers[count++] = worker;
    set_members(count + 1);
    return 0;
  }

  // Returns true if a share is offered, and false if the pool stops.
  bool wait_for_work(Worker& me) {
    const auto limit = Clock::now() + kSpin;
    SpinWait spin;
    for (int spins = 1; !stopping.load(std::memory_order_relaxed); ++spins) {
      if (me.open.load(std::memory_order_relaxed)) {
        spin.forgive();
        return true;
      }
      spin.pause();
      if (spins % 128 == 0 && Clock::now() > limit) break;
    }
    spin.forgive();  // idle time is not a stall
    forget_core(me.index);
    std::unique_lock<std::mutex> lock(me.sleep);
    me.asleep.store(true, std::memory_order_seq_cst);
    me.wake.wait(lock,
                 [&] { return me.open.load(std::memory_order_seq_cst) || stopping.load(std::memory_order_seq_cst); });
    me.asleep.store(false, std::memory_order_relaxed);
    return !stopping.load(std::memory_order_relaxed);
  }

  void serve(Worker& me) {
    set_member(me.index);
    while (wait_for_work(me)) {
      if (!me.take()) continue;
      record_core();
      fn(context, me.index, team);
      pending.fetch_sub(1, std::memory_order_release);
    }
  }

  void offer() {
    pending.store(team - 1, std::memory_order_relaxed);
    for (int i = 1; i < team; ++i) workers[i - 1]->open.store(true, std::memory_order_seq_cst);
    for (int i = 1; i < team; ++i) workers[i - 1]->rouse();
  }

  // Begins with the last share: workers are woken in order, so the last one is the most likely to be late.
  void take_over() {
    for (int i = team - 1; i > 0; --i) {
      if (!workers[i - 1]->take()) continue;
      fn(context, i, team);
      pending.fetch_sub(1, std::memory_order_relaxed);
    }
  }

  void join() {
    for (SpinWait spin; pending.load(std::memory_order_acquire) > 0;) spin.pause();
  }

  void stop() {
    stopping.store(true, std::memory_order_seq_cst);
    for (int i = 0; i < count; ++i) workers[i]->rouse();
    for (int i = 0; i < count; ++i) {
      pthread_join(workers[i]->thread, nullptr);
      delete workers[i];
      workers[i] = nullptr;
    }
    count = 0;
    retry_at = {};
    set_members(1);
    stopping.store(false);
  }

  static Pool& pool();
};

// Never destroyed: a worker may still be spinning when static destructors run at process exit.
Pool& Pool::pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

std::atomic<int> configured{0};
std::atomic<bool> unbounded{false}, governed{true};
std::atomic<int> callers{0};
// Until then one caller leaves a core to another one that has ended: the next of its short runs may follow, as the slices of a prompt do.
std::atomic<int64_t> shared_until{0};
constexpr int64_t kPause = 2000000;
}  // namespace

Caller::Caller() { callers.fetch_add(1, std::memory_order_relaxed); }
Caller::~Caller() {
  if (callers.fetch_sub(1, std::memory_order_relaxed) > 1)
    shared_until.store(steady_nanoseconds() + kPause, std::memory_order_relaxed);
}

namespace {
bool is_unbounded() {
  static const char* const variable = getenv("GATECELL_OVERSUBSCRIBE");
  static const bool asked = variable && strcmp(variable, "1") == 0;
  return asked || unbounded.load(std::memory_order_relaxed);
}

// Returns the members that a team of `wanted` may have next to the other callers. The cores are counted once, because that reads files.
int beside_others(int wanted) {
  const int last = steady_nanoseconds() < shared_until.load(std::memory_order_relaxed) ? 1 : 0;
  const int others = std::max(callers.load(std::memory_order_relaxed) - 1, last);
  if (others < 1 || is_unbounded()) return wanted;
  static const int cores = default_threads();
  return std::max(1, std::min(wanted, cores - others));
}
}  // namespace

int bound_threads(int threads) { return is_unbounded() ? threads : std::min(threads, default_threads()); }

void oversubscribe(bool on) { unbounded.store(on, std::memory_order_relaxed); }

void govern_teams(bool on) { governed.store(on, std::memory_order_relaxed); }

int engine_threads() {
  const int threads = configured.load(std::memory_order_relaxed);
  return threads > 0 ? bound_threads(threads) : default_threads();
}

void set_engine_threads(int threads) { configured.store(threads, std::memory_order_relaxed); }

int started_threads() { return members(); }

void refuse_workers_above(int count) { worker_limit.store(count, std::memory_order_relaxed); }

void run_team(int team, Shares shares, team_fn fn, void* context) {
  Pool& p = Pool::pool();
  if (team <= 1 || !p.owner.try_lock()) {
    fn(context, 0, 1);
    return;
  }
  const bool governs = shares != Shares::kMeasured && governed.load(std::memory_order_relaxed);
  const int64_t begin = governs ? steady_nanoseconds() : 0;
  team = std::min(beside_others(team), kMostThreads);
  if (governs) team = p.governor.team(team, begin);
  record_core();
  p.team = 1 + (team > 1 ? p.start(team - 1) : 0);
  p.fn = fn;
  p.context = context;
  reset_stalls();
  p.offer();
  fn(context, 0, p.team);
  if (shares == Shares::kIndependent) p.take_over();
  p.join();
  if (governs && p.team > 1) {
    const int64_t end = steady_nanoseconds();
    p.governor.record(p.team, end - begin, stalled_nanoseconds(), end);
  }
  p.owner.unlock();
}

void stop_pool() {
  Pool& p = Pool::pool();
  std::lock_guard<std::mutex> lock(p.owner);
  p.stop();
}
}  // namespace gatecell

void gc_shutdown(void) { gatecell::stop_pool(); }

int32_t gc_take_thread_refusal(gc_thread_refusal* out) {
  using gatecell::Refusal;
  int written = Refusal::kWritten;
  if (gatecell::refusal.state.load(std::memory_order_relaxed) != written) return 0;
  if (!gatecell::refusal.state.compare_exchange_strong(written, Refusal::kTaken, std::memory_order_acquire)) return 0;
  *out = gatecell::refusal.what;
  return 1;
}
