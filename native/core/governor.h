// governor.h: how large a team may be while other processes want the same cores.
// A member that the system takes off its core delays all others at the next barrier by a time slice (milliseconds), so a team of
// two beside two busy processes is slower than one thread. The governor compares the time that teams waited in stalls with the
// time that they ran, halves the team while stalls dominate, and later tries a larger team again, for a short time, ever more
// seldom while that fails. Results do not depend on it (the determinism rule).
#pragma once
#include <algorithm>
#include <cstdint>

namespace gatecell {

// Times in nanoseconds of any steady clock. Not thread-safe: the owner of the pool owns it.
class Governor {
 public:
  static constexpr int64_t kMillisecond = 1000000;
  // A wait counts as a stall from here on: about a time slice, and far above the imbalance of short shares.
  static constexpr int64_t kStall = kMillisecond;
  static constexpr int64_t kWindow = 30 * kMillisecond,
                           kTrial = 10 * kMillisecond;  // of running time, before a decision
  static constexpr int64_t kShortestHold = 100 * kMillisecond, kLongestHold = 3200 * kMillisecond;

  // Members for a job for which `wanted` would be best.
  int team(int wanted, int64_t now) {
    if (limit_ == 0 || wanted <= limit_) return wanted;
    if (now < grow_at_) return limit_;
    limit_ = std::min(2 * limit_, wanted);
    grow_at_ = now + hold_;
    trial_ = true;
    forget();
    return limit_;
  }

  // After a job of `team` members that ran for `ran`; `stalled`: the stalls of all members together.
  void record(int team, int64_t ran, int64_t stalled, int64_t now) {
    if (team < 2) return;
    ran_ += ran;
    stalled_ += stalled / (team - 1);  // while one member is off its core, all others wait
    if (ran_ < (trial_ ? kTrial : kWindow)) return;
    const bool slow = 2 * stalled_ > ran_;
    if (slow) {
      hold_ = limit_ == 0 ? kShortestHold : trial_ ? std::min(2 * hold_, kLongestHold) : kShortestHold;
      limit_ = team / 2;
      grow_at_ = now + hold_;
    } else if (trial_) {
      hold_ = kShortestHold;
      grow_at_ = now + hold_;
    }
    trial_ = false;
    forget();
  }

  int limit() const { return limit_; }  // 0: none yet

 private:
  void forget() { ran_ = stalled_ = 0; }

  int limit_ = 0;
  bool trial_ = false;  // the team has just grown
  int64_t ran_ = 0, stalled_ = 0, grow_at_ = 0, hold_ = kShortestHold;
};
}  // namespace gatecell
