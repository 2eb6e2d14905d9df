// The pool at the limits of the system: refused threads, and which threads a fork wakes.
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "core/threads.h"
#include "lab.h"

using namespace lab;
using gatecell::parallel;
using gatecell::parallel_with_barriers;

namespace {
// Whoever leaves this scope has the pool of before.
struct Refusing {
  explicit Refusing(int workers) {
    gc_shutdown();
    gatecell::refuse_workers_above(workers);
  }
  ~Refusing() {
    gatecell::refuse_workers_above(gatecell::kMostThreads);
    gc_shutdown();
  }
};

// The exit status of `body` in a child process.
template <class F>
int in_child(F body) {
  gc_shutdown();  // a child has no copies of the workers
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// Gives this process a user of its own and a limit of `threads` threads. False where limits do not hold for it.
bool limit_threads(rlim_t threads) {
  constexpr uid_t kNobody = 48213;  // a user without other processes
  if (geteuid() == 0 && (setgid(kNobody) != 0 || setuid(kNobody) != 0)) return false;
  const rlimit limit = {threads, threads};
  return setrlimit(RLIMIT_NPROC, &limit) == 0;
}

// 0: as it should be.
int run_at_limit(int granted, bool together) {
  constexpr int kTeam = 8;
  std::atomic<int> runs{0}, sum{0}, least{kTeam}, most{0};
  const auto body = [&](int index, int size) {
    runs.fetch_add(1);
    sum.fetch_add(index);
    least = std::min<int>(least, size);
    most = std::max<int>(most, size);
  };
  for (int round = 0; round < 20; ++round) {
    runs = sum = 0;
    together ? parallel_with_barriers(kTeam, body) : parallel(kTeam, body);
    if (runs != most || sum != most * (most - 1) / 2 || least != most) return 2;
  }
  if (most > granted) return 3;
  gc_thread_refusal refusal = {};
  if (gc_take_thread_refusal(&refusal) != 1 || refusal.wanted != kTeam || refusal.granted != most) return 4;
  if (refusal.error != EAGAIN || gc_take_thread_refusal(&refusal) != 0) return 5;
  gc_shutdown();
  return 0;
}

struct Trained {
  Floats y, loss, gradient_in, gradient_rec;
};

// One or two directions over a batch, forward and back.
Trained train(int32_t T, int32_t B, int32_t H, bool both, bool has_lengths, int32_t threads) {
  Graph g;
  Random random(17);
  g.threads = threads;
  constexpr int32_t kIn = 24;
  const int x = g.host({T, B, kIn}, random.floats(int64_t{T} * B * kIn));
  const int lengths = has_lengths ? g.ids({B}, random.ids(B, 0, T + 1)) : Graph::none, none = Graph::none;
  std::vector<int> sides, weights;
  for (int side = 0; side < (both ? 2 : 1); ++side) {
    const int w_ih = g.param({4 * H, kIn}, random.floats(int64_t{4} * H * kIn, 0.2)),
              w_hh = g.param({4 * H, H}, random.floats(int64_t{4} * H * H, 0.1));
    sides.push_back(
        g.op(GC_OP_LSTM, {x, w_ih, w_hh, none, none, none, none, lengths}, {T, B, H}, {side == 1 ? 1.0 : 0.0}));
    weights.push_back(w_ih), weights.push_back(w_hh);
  }
  const int y = g.out(GC_OP_CONCAT, sides, {T, B, both ? 2 * H : H});
  const int64_t count = g.count(y);
  const int loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({T, B, both ? 2 * H : H}, random.floats(count))}, {2});
  g.compile(loss);
  g.run(GC_GRADIENT);
  return {g.value(y), g.value(loss), g.grad(weights[0]), g.grad(weights.back())};
}

// Switches of every thread of this process that it asked for itself: one for each time that it woke and slept again.
std::map<std::string, long> switches() {
  std::map<std::string, long> found;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(thread.path() / "status");
    for (std::string word; file >> word;)
      if (word == "voluntary_ctxt_switches:") file >> found[thread.path().filename()];
  }
  return found;
}
}  // namespace

TEST_CASE("a system that refuses threads gets a smaller team, and says so once") {
  for (const bool together : {false, true})
    for (int granted : {1, 2, 5}) {
      CAPTURE(granted);
      const int status = in_child([&] {
        if (!limit_threads(static_cast<rlim_t>(granted))) return 77;
        bool held = false;
        for (int i = 0; i < granted && !held; ++i) {  // is the limit enforced at all?
          pthread_t probe;
          const auto sleep = [](void*) -> void* { return (void)pause(), nullptr; };
          held = pthread_create(&probe, nullptr, sleep, nullptr) != 0;
        }
        return held ? 0 : 78;
      });
      if (status == 77 || status == 78) {
        MESSAGE("this system does not hold a limit of threads (" << status << "): skipped");
        continue;
      }
      CHECK(status == 0);
      CHECK(in_child([&] {
              limit_threads(static_cast<rlim_t>(granted));
              return run_at_limit(granted, together);
            }) == 0);
    }
}

// The memory of a plan is laid out for the team it asked for; a smaller one must find everything in it.
TEST_CASE("threads: the same bits from whatever number of threads the system grants") {
  for (const bool both : {false, true})
    for (const bool has_lengths : {false, true})
      for (int32_t B : {1, 5, 9, 40})
        for (int32_t H : {20, 100}) {
          const Trained one = train(7, B, H, both, has_lengths, 1);
          for (int workers : {0, 1, 2, 4, 6}) {
            CAPTURE(both);
            CAPTURE(has_lengths);
            CAPTURE(B);
            CAPTURE(H);
            CAPTURE(workers);
            Refusing refusing(workers);
            const Trained some = train(7, B, H, both, has_lengths, 8);
            CHECK(difference(some.y, one.y) == "");
            CHECK(difference(some.loss, one.loss) == "");
            CHECK(difference(some.gradient_in, one.gradient_in) == "");
            CHECK(difference(some.gradient_rec, one.gradient_rec) == "");
          }
        }
}

TEST_CASE("threads: a refused pool asks the system again") {
  std::atomic<int> size{0};
  const auto body = [&](int, int team) { size = team; };
  {
    Refusing refusing(1);
    parallel(4, body);
    CHECK(size == 2);
    gatecell::refuse_workers_above(gatecell::kMostThreads);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    parallel(4, body);
    CHECK(size == 4);
  }
}

TEST_CASE("a fork wakes the members of its team and nobody else") {
  constexpr int kLarge = 12, kForks = 40;
  std::atomic<int> runs{0};
  parallel_with_barriers(kLarge, [&](int, int) { runs.fetch_add(1); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // far beyond the time that a worker spins
  const auto before = switches();
  for (int fork = 0; fork < kForks; ++fork) {
    parallel(2, [&](int, int) { runs.fetch_add(1); });
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const auto after = switches();
  int woken = 0;
  for (const auto& [thread, count] : after) woken += before.count(thread) && count - before.at(thread) >= kForks / 4;
  CHECK(before.size() >= kLarge);
  CHECK(woken <= 2);  // the caller, which sleeps between forks, and the one other member
  CHECK(runs == kLarge + 2 * kForks);
  gc_shutdown();
}
