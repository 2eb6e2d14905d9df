// threads.cc: workers wait for a generation number to change: first spinning (a fork-join then costs well under a
// microsecond), then asleep on a condition variable so that an idle engine costs nothing.
#include "threads.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "gatecell/gatecell.h"
#include "machine.h"

namespace gatecell {

void Barrier::wait(int team) {
  if (team == 1) return;
  const int generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == team) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.store(generation + 1, std::memory_order_release);
    return;
  }
  // A preempted partner must get the core back: yield after a while instead of burning its time slice.
  for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; ++spins) {
    if (spins < 20000) cpu_relax();
    else std::this_thread::yield();
  }
}

namespace {

constexpr auto kSpin = std::chrono::microseconds(100);

struct Pool {
  std::mutex owner;  // held by the caller whose team runs
  std::vector<std::thread> workers;
  std::mutex sleep;
  std::condition_variable wake;
  team_fn fn = nullptr;
  void* context = nullptr;
  int team = 1;
  bool stopping = false;
  alignas(64) std::atomic<uint32_t> generation{0};
  alignas(64) std::atomic<int> pending{0};
  alignas(64) std::atomic<int> asleep{0};

  void start(int count) {
    while (static_cast<int>(workers.size()) < count) {
      const int index = static_cast<int>(workers.size()) + 1;
      const uint32_t seen = generation.load(std::memory_order_relaxed);
      workers.emplace_back([this, index, seen] { serve(index, seen); });
    }
  }

  uint32_t wait_for_work(uint32_t seen) {
    const auto limit = std::chrono::steady_clock::now() + kSpin;
    for (int spins = 0;; ++spins) {
      const uint32_t now = generation.load(std::memory_order_acquire);
      if (now != seen) return now;
      cpu_relax();
      if ((spins & 127) == 127 && std::chrono::steady_clock::now() > limit) break;
    }
    std::unique_lock<std::mutex> lock(sleep);
    asleep.fetch_add(1, std::memory_order_seq_cst);
    wake.wait(lock, [&] { return generation.load(std::memory_order_seq_cst) != seen; });
    asleep.fetch_sub(1, std::memory_order_relaxed);
    return generation.load(std::memory_order_acquire);
  }

  void serve(int index, uint32_t seen) {
    for (;;) {
      seen = wait_for_work(seen);
      if (stopping) return;
      if (index < team) {
        fn(context, index, team);
      }
      pending.fetch_sub(1, std::memory_order_release);
    }
  }

  // Every worker acknowledges every generation, so none can miss one or see a half-written job.
  void publish() {
    pending.store(static_cast<int>(workers.size()), std::memory_order_relaxed);
    generation.fetch_add(1, std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_seq_cst) > 0) {
      std::lock_guard<std::mutex> lock(sleep);
      wake.notify_all();
    }
  }

  void join() {
    for (int spins = 0; pending.load(std::memory_order_acquire) > 0; ++spins) {
      if (spins < 20000) cpu_relax();
      else std::this_thread::yield();
    }
  }

  void stop() {
    if (workers.empty()) return;
    stopping = true;
    publish();
    for (std::thread& worker : workers) worker.join();
    workers.clear();
    stopping = false;
    pending.store(0);
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

void run_team(int team, team_fn fn, void* context) {
  Pool& p = pool();
  if (team <= 1 || !p.owner.try_lock()) {
    fn(context, 0, 1);
    return;
  }
  p.start(team - 1);
  p.fn = fn;
  p.context = context;
  p.team = team;
  p.publish();
  fn(context, 0, team);
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
