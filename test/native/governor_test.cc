// The governor of team sizes under an injected clock: it shrinks while stalls dominate, grows again after them, and tries ever more
// seldom while they last.
#include "core/governor.h"

#include <chrono>
#include <thread>

#include "core/threads.h"
#include "lab.h"

using gatecell::Governor;

namespace {
constexpr int64_t kMs = Governor::kMillisecond;

// A machine on which a job of 4 ms of work for one thread takes a slice of 3 ms more where a member must wait for its core.
struct Machine {
  Governor governor;
  int64_t now = 0;
  bool busy = false;

  // Runs a job; the team's size.
  int run(int wanted) {
    const int team = governor.team(wanted, now);
    const int64_t stall = busy && team > 1 ? 9 * kMs : 0, ran = 4 * kMs / team + stall;
    now += ran;
    governor.record(team, ran, stall * (team - 1), now);
    return team;
  }
  // Mean team over `time`.
  double mean(int wanted, int64_t time) {
    double sum = 0;
    int jobs = 0;
    for (const int64_t end = now + time; now < end; ++jobs) sum += run(wanted);
    return sum / jobs;
  }
};
}  // namespace

TEST_CASE("governor: an idle machine gives every team that is wanted") {
  Machine machine;
  for (int i = 0; i < 1000; ++i)
    for (int wanted : {1, 2, 3, 8}) CHECK(machine.run(wanted) == wanted);
}

TEST_CASE("governor: teams shrink to one next to busy neighbours, and grow to the full size after them") {
  for (int wanted : {2, 4, 7, 64}) {
    CAPTURE(wanted);
    Machine machine;
    machine.mean(wanted, 200 * kMs);
    machine.busy = true;
    machine.mean(wanted, 1000 * kMs);
    CHECK(machine.mean(wanted, 10000 * kMs) < 1.05);
    machine.busy = false;
    machine.mean(wanted, 8 * Governor::kLongestHold);
    CHECK(machine.mean(wanted, 1000 * kMs) == wanted);
  }
}

TEST_CASE("governor: while neighbours stay, trials of larger teams become seldom") {
  Machine machine;
  machine.busy = true;
  machine.mean(4, 20000 * kMs);
  int trials = 0;
  for (const int64_t end = machine.now + 20000 * kMs; machine.now < end;) trials += machine.run(4) > 1;
  CHECK(trials > 0);
  CHECK(trials <= 20);  // two jobs of a trial each 3.2 s
}

TEST_CASE("governor: waits that are short compared with the work are no reason to shrink") {
  Governor governor;
  int64_t now = 0;
  for (int i = 0; i < 10000; ++i) {
    const int team = governor.team(2, now);
    CHECK(team == 2);
    now += 10 * kMs;
    governor.record(team, 10 * kMs, 4 * kMs, now);
  }
}

TEST_CASE("a pool whose members stall runs with fewer of them") {
  gc_shutdown();
  gatecell::govern_teams(true);
  int smallest = 2;
  for (int job = 0; job < 100; ++job) {
    gatecell::parallel_with_barriers(2, [&](int index, int team) {
      if (index == 0) smallest = std::min(smallest, team);
      if (index == 1) std::this_thread::sleep_for(std::chrono::milliseconds(3));  // as if its core were taken
    });
  }
  gatecell::govern_teams(false);
  CHECK(smallest == 1);
}
