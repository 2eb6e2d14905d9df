// threads.cc: each worker waits for a share to be offered to it: first spinning (a fork-join then costs well under a
// microsecond), then asleep on a condition variable of its own, so that an idle engine costs nothing and a fork wakes only the
// members of its team.
#include "threads.h"

#include <pthread.h>
#include <sched.h>

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

namespace gatecell {

namespace {
// Where the members of the team stand; -1: nowhere. Two that wait for each other on one core meet once a time slice, and the system may
// leave them there for minutes, since neither ever sleeps nor has been away from its cache for long (bench/lab/attempts.md, 19).
std::atomic<int> standing[kMostThreads];
std::atomic<int> members{1};
thread_local int member = 0;  // who leads a team is 0

std::atomic<int64_t> stalled{0};  // nanoseconds that members of the running team have waited in stalls

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

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

// Yielding the core is expensive: another process that waits for it has it for a whole time slice (milliseconds). So it is offered where a member
// may take it, and otherwise only after long.
void Patience::pause() {
  constexpr int kLook = 1000, kLong = 20000;  // 25 and 500 microseconds
  cpu_relax();
  if (++spins_ % kLook != 0) return;
  if (spins_ == kLook) begin_ = now();
  if (shares_core() || spins_ > kLong) std::this_thread::yield();
}

Patience::~Patience() {
  if (begin_ == 0 || spins_ == 0) return;
  const int64_t waited = now() - begin_;
  if (waited >= Governor::kStall) stalled.fetch_add(waited, std::memory_order_relaxed);
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

using Clock = std::chrono::steady_clock;
constexpr auto kSpin = std::chrono::microseconds(100);
constexpr auto kRetry = std::chrono::seconds(1);  // after a refused thread, until the system is asked again
constexpr size_t kStackBytes =
    size_t{2} << 20;  // the kernels need a few KB; the system's default may be 8 MB or 128 KB

// A worker and the share it is offered: the thread that turns `open` back has the share, the worker or the caller. The job may be
// read only after that: it cannot change before all its shares are done.
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
  // After a store to `open` or `stopping`. All three are sequentially consistent: either this sees `asleep`, or the worker sees the store.
  void rouse() {
    if (!asleep.load(std::memory_order_seq_cst)) return;
    std::lock_guard<std::mutex> lock(sleep);
    wake.notify_one();
  }
};

// The first refusal of a thread, from the thread that met it to the one that reports it.
struct Refusal {
  enum State { kNone, kWritten, kTaken };
  std::atomic<int> state{kNone};
  gc_thread_refusal what = {};
};
Refusal refusal;
std::atomic<int> worker_limit{kMostThreads};  // for tests: workers beyond it are refused

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
  alignas(64) std::atomic<int> pending{0};  // shares that workers were offered and nobody has finished

  // Starts workers until there are `wanted`. Returns how many there are: fewer where the system refuses a thread or its stack.
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
    standing[worker->index].store(-1, std::memory_order_relaxed);
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
    members.store(count + 1, std::memory_order_relaxed);
    return 0;
  }

  // True when there is a share to be tried for; false when the pool stops.
  bool wait_for_work(Worker& me) {
    const auto limit = Clock::now() + kSpin;
    Patience patience;
    for (int spins = 1; !stopping.load(std::memory_order_relaxed); ++spins) {
      if (me.open.load(std::memory_order_relaxed)) {
        patience.forgive();
        return true;
      }
      patience.pause();
      if (spins % 128 == 0 && Clock::now() > limit) break;
    }
    patience.forgive();  // nobody needed this thread
    standing[member].store(-1, std::memory_order_relaxed);
    std::unique_lock<std::mutex> lock(me.sleep);
    me.asleep.store(true, std::memory_order_seq_cst);
    me.wake.wait(lock,
                 [&] { return me.open.load(std::memory_order_seq_cst) || stopping.load(std::memory_order_seq_cst); });
    me.asleep.store(false, std::memory_order_relaxed);
    return !stopping.load(std::memory_order_relaxed);
  }

  void serve(Worker& me) {
    member = me.index;
    while (wait_for_work(me)) {
      if (!me.take()) continue;
      stand();
      fn(context, me.index, team);
      pending.fetch_sub(1, std::memory_order_release);
    }
  }

  void offer() {
    pending.store(team - 1, std::memory_order_relaxed);
    for (int i = 1; i < team; ++i) workers[i - 1]->open.store(true, std::memory_order_seq_cst);
    for (int i = 1; i < team; ++i) workers[i - 1]->rouse();
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
    for (int i = 0; i < count; ++i) workers[i]->rouse();
    for (int i = 0; i < count; ++i) {
      pthread_join(workers[i]->thread, nullptr);
      delete workers[i];
      workers[i] = nullptr;
    }
    count = 0;
    retry_at = {};
    members.store(1, std::memory_order_relaxed);
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
}  // namespace

int bound_threads(int threads) {
  static const char* const variable = getenv("GATECELL_OVERSUBSCRIBE");
  static const bool asked = variable && strcmp(variable, "1") == 0;
  return asked || unbounded.load(std::memory_order_relaxed) ? threads : std::min(threads, default_threads());
}

void oversubscribe(bool on) { unbounded.store(on, std::memory_order_relaxed); }

void govern_teams(bool on) { governed.store(on, std::memory_order_relaxed); }

int engine_threads() {
  const int threads = configured.load(std::memory_order_relaxed);
  return threads > 0 ? bound_threads(threads) : default_threads();
}

void set_engine_threads(int threads) { configured.store(threads, std::memory_order_relaxed); }

int started_threads() { return members.load(std::memory_order_relaxed); }

void refuse_workers_above(int count) { worker_limit.store(count, std::memory_order_relaxed); }

void run_team(int team, Shares shares, team_fn fn, void* context) {
  Pool& p = Pool::pool();
  if (team <= 1 || !p.owner.try_lock()) {
    fn(context, 0, 1);
    return;
  }
  const bool governs = shares != Shares::kMeasured && governed.load(std::memory_order_relaxed);
  const int64_t begin = governs ? now() : 0;
  team = std::min(team, kMostThreads);
  if (governs) team = p.governor.team(team, begin);
  stand();
  p.team = 1 + (team > 1 ? p.start(team - 1) : 0);
  p.fn = fn;
  p.context = context;
  stalled.store(0, std::memory_order_relaxed);
  p.offer();
  fn(context, 0, p.team);
  if (shares == Shares::kApart) p.take_over();
  p.join();
  if (governs && p.team > 1) {
    const int64_t end = now();
    p.governor.record(p.team, end - begin, stalled.load(std::memory_order_relaxed), end);
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
