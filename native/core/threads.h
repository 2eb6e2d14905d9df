// threads.h: the engine's own thread pool: fork-join of a fixed team, spinning briefly before it sleeps, and a barrier.
// Work is split only by share number, and no result depends on the split or on who runs a share (the determinism rule).
#pragma once
#include <atomic>
#include <cstdint>

namespace gatecell {

inline void cpu_relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Waits as a spin. From time to time it looks whether the thread that is waited for may need this core, and if so gives way.
class Patience {
 public:
  void pause();
  ~Patience();  // a long wait is a stall, unless forgiven
  void forgive() { spins_ = 0; }

 private:
  int spins_ = 0;
  int64_t begin_ = 0;  // of a wait that has become long, in nanoseconds
};

// Sense-reversing barrier for one team; one cache line per word.
class Barrier {
 public:
  void wait(int team);

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> generation_{0};
};

// The share [begin, end) of `count` items for `index` of `team`, in multiples of `grain`.
struct Range {
  int64_t begin, end;
};
inline Range share(int64_t count, int index, int team, int64_t grain = 1) {
  const int64_t units = (count + grain - 1) / grain;
  const int64_t begin = units * index / team * grain, end = units * (index + 1) / team * grain;
  return {begin < count ? begin : count, end < count ? end : count};
}

constexpr int kMostThreads = 1024;

// A share allocates nothing and throws nothing: an exception would leave the members that wait for its share at a barrier.
using team_fn = void (*)(void* context, int index, int team) noexcept;

int engine_threads();                  // of plans that name no number
void set_engine_threads(int threads);  // 0: default_threads()

// At most as many threads as can run at the same time: the members of a larger team would wait for each other's time slices at
// every barrier. GATECELL_OVERSUBSCRIBE=1 or oversubscribe(true) lifts the bound, so that tests can split work in any number.
int bound_threads(int threads);
void oversubscribe(bool on);

// Whether teams become smaller while other processes take their cores (governor.h). Default: true.
void govern_teams(bool on);

// kApart: no share waits for another, so whoever is there takes what nobody has begun: a thread that the system keeps
// from running delays nothing. kTogether: shares meet at barriers, so each has a thread of its own. kMeasured: as kTogether, with
// no smaller team where cores are busy, for measurements of the machine.
enum class Shares { kApart, kTogether, kMeasured };

// Runs fn once for every index of a team (the caller has index 0) and waits. The team has at most `team` members: fewer where the
// system refuses threads or other processes take the cores, and only the caller while the pool is serving another one. fn gets the real size and must do all the
// work whatever it is.
void run_team(int team, Shares shares, team_fn fn, void* context);

template <class F>
void parallel(int team, Shares shares, const F& body) {
  run_team(
      team, shares, [](void* context, int index, int size) noexcept { (*static_cast<const F*>(context))(index, size); },
      const_cast<F*>(&body));
}
template <class F>
void parallel(int team, const F& body) {
  parallel(team, Shares::kApart, body);
}
template <class F>
void parallel_together(int team, const F& body) {
  parallel(team, Shares::kTogether, body);
}
template <class F>
void parallel_measured(int team, const F& body) {
  parallel(team, Shares::kMeasured, body);
}

// Threads that the pool has now, its caller included.
int started_threads();

// For tests: the pool refuses to start workers beyond `count`, as the system does at its limit.
void refuse_workers_above(int count);

void stop_pool();  // joins the workers; the next parallel run starts them again
}  // namespace gatecell
