// spin_wait.h: waiting in a spin loop, for the members of a team: when to yield the core, and on which core each member runs.
#pragma once
#include <cstdint>

namespace gatecell {

inline void cpu_relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// One wait in a spin loop, which calls pause() in every round. From time to time pause() checks whether the thread that is waited for may
// need this core, and yields the core if so. The destructor counts a long wait as a stall, unless forgive() was called.
class SpinWait {
 public:
  void pause();
  ~SpinWait();
  void forgive() { spins_ = 0; }

 private:
  int spins_ = 0;
  int64_t begin_ = 0;  // of a wait that has become long, in nanoseconds
};

// Members of the team are numbered from 0, which is the thread that leads it. The calling thread is 0 until set_member().
void set_member(int index);
// The number of members, the leader included.
void set_members(int count);
int members();
// Stores the core on which the calling member runs, and forgets that of a member which no longer runs.
void record_core();
void forget_core(int index);

// Nanoseconds that members have waited in stalls since reset_stalls(), all members together.
int64_t stalled_nanoseconds();
void reset_stalls();
int64_t steady_nanoseconds();  // of the clock that they are measured by
}  // namespace gatecell
