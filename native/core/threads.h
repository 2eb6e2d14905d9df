// threads.h: the thread pool of the engine: fork-join of a fixed team whose workers spin briefly before they sleep, and a barrier.
// Work is split by share number only. No result depends on the split, or on the thread that runs a share (the determinism rule).
#pragma once
#include <atomic>
#include <cstdint>

namespace gatecell {

// Sense-reversing barrier for one team; one cache line per word.
class Barrier {
 public:
  void wait(int team);

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> generation_{0};
};

struct Range {
  int64_t begin, end;
};
// Returns the share [begin, end) of `count` items for member `index` of `team`, in multiples of `grain`.
inline Range share(int64_t count, int index, int team, int64_t grain = 1) {
  const int64_t units = (count + grain - 1) / grain;
  const int64_t begin = units * index / team * grain, end = units * (index + 1) / team * grain;
  return {begin < count ? begin : count, end < count ? end : count};
}

constexpr int kMostThreads = 1024;

// A share allocates nothing and throws nothing: after an exception the other members would wait for it at a barrier for ever.
using team_fn = void (*)(void* context, int index, int team) noexcept;

// The number of threads of plans whose description does not give one. 0 stands for default_threads().
int engine_threads();
void set_engine_threads(int threads);

// Returns `threads`, but at most as many as can run at the same time: the members of a larger team would wait for each other's time
// slices at every barrier. GATECELL_OVERSUBSCRIBE=1 or oversubscribe(true) lifts the bound, so that tests can split work in any number.
int bound_threads(int threads);
void oversubscribe(bool on);

// Sets whether teams become smaller while other processes take their cores (governor.h). Default: true.
void govern_teams(bool on);

// kIndependent: shares never wait for each other. The caller takes over the shares that no worker has begun, so that a thread which the
// system does not run delays nothing. kBarrier: shares wait for each other at barriers, so each has a thread of its own. kMeasured: as
// kBarrier, but the team does not become smaller while other processes take the cores; for measurements of the machine.
enum class Shares { kIndependent, kBarrier, kMeasured };

// Runs fn once for every index of a team, of which the caller has index 0, and waits. The team has at most `team` members: fewer if the
// system refuses threads or other processes take the cores, and only the caller while the pool serves another one. fn gets the actual
// size and must do all of the work for any size.
void run_team(int team, Shares shares, team_fn fn, void* context);

template <class F>
void parallel(int team, Shares shares, const F& body) {
  run_team(
      team, shares, [](void* context, int index, int size) noexcept { (*static_cast<const F*>(context))(index, size); },
      const_cast<F*>(&body));
}
template <class F>
void parallel(int team, const F& body) {
  parallel(team, Shares::kIndependent, body);
}
template <class F>
void parallel_with_barriers(int team, const F& body) {
  parallel(team, Shares::kBarrier, body);
}
template <class F>
void parallel_measured(int team, const F& body) {
  parallel(team, Shares::kMeasured, body);
}

// Counts a thread that runs a plan, for a scope: teams leave a core to each other one, because members of a team that wait for a core delay all.
struct Caller {
  Caller();
  ~Caller();
};

// Returns the number of threads that the pool has now, its caller included.
int started_threads();

// For tests: the pool refuses to start workers beyond `count`, as the system does at its limit.
void refuse_workers_above(int count);

void stop_pool();  // joins the workers; the next parallel run starts them again
}  // namespace gatecell
