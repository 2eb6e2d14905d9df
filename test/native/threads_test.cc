// The thread pool and its barrier. ThreadSanitizer runs these cases, too.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "core/machine.h"
#include "core/threads.h"
#include "lab.h"

using namespace lab;
using gatecell::Barrier;
using gatecell::parallel;
using gatecell::parallel_with_barriers;
using gatecell::share;

TEST_SUITE("threads") {
  TEST_CASE("threads: every member of a team runs once, whatever the sizes before and after") {
    for (int team : {1, 2, 5, 3, 1, 8, 2, 4}) {
      for (int round = 0; round < 50; ++round) {
        std::atomic<int> runs{0}, sum{0}, sizes{0};
        parallel(team, [&](int index, int size) {
          runs.fetch_add(1);
          sum.fetch_add(index);
          sizes.fetch_add(size);
        });
        CHECK(runs == team);
        CHECK(sum == team * (team - 1) / 2);
        CHECK(sizes == team * team);
      }
    }
  }

  TEST_CASE("threads: shares cover everything once, in multiples of the grain") {
    for (int64_t count : {0, 1, 5, 16, 17, 100, 1000})
      for (int team : {1, 2, 3, 7})
        for (int64_t grain : {1, 6, 64}) {
          int64_t at = 0;
          for (int index = 0; index < team; ++index) {
            const gatecell::Range mine = share(count, index, team, grain);
            CHECK(mine.begin == at);
            CHECK((mine.begin % grain == 0 || mine.begin == count));
            at = mine.end;
          }
          CHECK(at == count);
        }
  }

  TEST_CASE("threads: what one member wrote before a barrier all see after it") {
    constexpr int team = 4, rounds = 300;
    Barrier barrier;
    int cells[team] = {};
    std::atomic<int> wrong{0};
    parallel_with_barriers(team, [&](int index, int size) {
      for (int round = 1; round <= rounds; ++round) {
        cells[index] = round;
        barrier.wait(size);
        for (int other = 0; other < size; ++other)
          if (cells[other] != round) wrong.fetch_add(1);
        barrier.wait(size);
      }
    });
    CHECK(wrong == 0);
  }

  TEST_CASE("threads: shares that are together have a thread each") {
    constexpr int team = 5;
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> here{0};
      std::vector<std::thread::id> who(team);
      parallel_with_barriers(team, [&](int index, int size) {
        who[index] = std::this_thread::get_id();
        here.fetch_add(1);
        while (here.load() < size) std::this_thread::yield();  // nobody leaves before all have come
      });
      for (int i = 0; i < team; ++i)
        for (int j = 0; j < i; ++j) CHECK((who[i] != who[j]));
    }
  }

  TEST_CASE("threads: the caller takes over shares that nobody has begun") {
    constexpr int team = 64;  // more than there are cores: most workers come late
    int taken = 0;
    for (int round = 0; round < 200; ++round) {
      const std::thread::id caller = std::this_thread::get_id();
      std::atomic<int> mine{0}, runs[team] = {};
      parallel(team, [&](int index, int) {
        runs[index].fetch_add(1);
        if (std::this_thread::get_id() == caller) mine.fetch_add(1);
      });
      for (const auto& count : runs) CHECK(count == 1);
      CHECK(mine >= 1);
      taken += mine - 1;
    }
    CHECK(taken > 0);
    gc_shutdown();
  }

  TEST_CASE("threads: callers that find the pool busy do their work without it") {
    std::vector<std::thread> callers;
    std::atomic<int64_t> total{0};
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&] {
        for (int round = 0; round < 100; ++round) {
          parallel(3, [&](int index, int team) {
            const gatecell::Range mine = share(1000, index, team);
            total.fetch_add(mine.end - mine.begin);
          });
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(total == 4 * 100 * 1000);
  }

  TEST_CASE("threads: a parallel call inside a parallel call runs on one thread") {
    std::atomic<int> inner{0};
    parallel(3, [&](int, int) { parallel(3, [&](int, int team) { inner.fetch_add(team); }); });
    CHECK(inner == 3);
  }

  TEST_CASE("threads: a team leaves a core to each other caller") {
    const int cores = gatecell::default_threads();
    const auto size_of_team = [&] {
      std::atomic<int> size{0};
      parallel(cores, [&](int, int team) { size = team; });
      return size.load();
    };
    gatecell::oversubscribe(false);
    const bool bounded = gatecell::bound_threads(cores + 1) == cores;  // unless the environment lifts the bound
    {
      const gatecell::Caller one;
      CHECK(size_of_team() == cores);
      const gatecell::Caller other;
      CHECK(size_of_team() == (bounded ? std::max(1, cores - 1) : cores));
    }
    gatecell::oversubscribe(true);
    CHECK(size_of_team() == cores);
  }

  TEST_CASE("threads: the pool stops, and starts again with the next job") {
    for (int round = 0; round < 5; ++round) {
      std::atomic<int> runs{0};
      parallel(4, [&](int, int) { runs.fetch_add(1); });
      CHECK(runs == 4);
      gc_shutdown();
    }
    gc_shutdown();
  }

  TEST_CASE("threads: workers that have gone to sleep wake up") {
    for (int round = 0; round < 20; ++round) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      std::atomic<int> runs{0};
      parallel(3, [&](int, int) { runs.fetch_add(1); });
      CHECK(runs == 3);
    }
  }

  TEST_CASE("threads: the number of threads is set, refused out of range, and 0 restores the default") {
    gc_machine machine;
    gc_machine_info(&machine);
    const int32_t standard = machine.threads;
    CHECK(standard >= 1);
    CHECK(gc_set_threads(7) == GC_OK);
    gc_machine_info(&machine);
    CHECK(machine.threads == 7);
    CHECK(gc_set_threads(-1) == GC_INVALID_ARGUMENT);
    CHECK(gc_set_threads(1025) == GC_INVALID_ARGUMENT);
    CHECK(gc_set_threads(0) == GC_OK);
    gc_machine_info(&machine);
    CHECK(machine.threads == standard);
  }
}
