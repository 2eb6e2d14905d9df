// governor.h: the size of teams while other processes use the same cores.
// If the system takes one member off its core, all others wait for a time slice (milliseconds) at the next barrier, so on two cores with
// two other busy processes a team of two is slower than one thread. The governor compares the time that teams waited in stalls with the
// time that they ran, and halves the team while stalls dominate. Later it tries a larger team again for a short time; the pause before the
// next trial doubles while trials fail. Results do not depend on it (the determinism rule).
#pragma once
#include <algorithm>
#include <cstdint>

namespace gatecell {

// Decides the size of teams. Times are in nanoseconds of any steady clock. Not thread-safe: the thread that owns the pool calls it.
class Governor {
 public:
  static constexpr int64_t kMillisecond = 1000000;
  // A longer wait counts as a stall: about a time slice, and far longer than the imbalance of short shares.
  static constexpr int64_t kStall = kMillisecond;
  // Running time before a decision: usually, and after the team has grown.
  static constexpr int64_t kWindow = 30 * kMillisecond, kTrial = 10 * kMillisecond;
  static constexpr int64_t kShortestHold = 100 * kMillisecond, kLongestHold = 3200 * kMillisecond;

  // Returns the number of members for a job for which `wanted` would be best.
  int team(int wanted, int64_t now) {
    if (limit_ == 0 || wanted <= limit_) return wanted;
    if (now < grow_at_) return limit_;
    limit_ = std::min(2 * limit_, wanted);
    grow_at_ = now + hold_;
    trial_ = true;
    forget();
    return limit_;
  }

  // Records a job of `team` members that ran for `ran`; `stalled` is the sum of the stalls of all members.
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

  int limit() const { return limit_; }  // 0 if there is none

 private:
  void forget() { ran_ = stalled_ = 0; }

  int limit_ = 0;
  bool trial_ = false;  // the team has just grown
  int64_t ran_ = 0, stalled_ = 0, grow_at_ = 0, hold_ = kShortestHold;
};
}  // namespace gatecell
