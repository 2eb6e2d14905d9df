// threads.h: the engine's own thread pool: fork-join of a fixed team, spinning briefly before it sleeps, and a barrier.
// Work is split by share number alone, and no result depends on the split or on who runs a share (the determinism rule).
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

 private:
  int spins_ = 0;
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

using team_fn = void (*)(void* context, int index, int team);

int engine_threads();
void set_engine_threads(int threads);  // 0: default_threads()

// kApart: no share waits for another, so whoever is there takes what nobody has begun: a thread that the system keeps
// from running delays nothing. kTogether: shares meet at barriers, so each has a thread of its own.
enum class Shares { kApart, kTogether };

// Runs fn once for every index of `team` (the caller has index 0) and waits. If the pool is serving another caller, the
// caller runs alone as a team of one: fn must do all the work whatever the team's size.
void run_team(int team, Shares shares, team_fn fn, void* context);

template <class F>
void parallel(int team, Shares shares, const F& body) {
  run_team(
      team, shares, [](void* context, int index, int size) { (*static_cast<const F*>(context))(index, size); },
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

void stop_pool();  // joins the workers; the next parallel run starts them again
}  // namespace gatecell
