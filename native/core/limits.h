// limits.h: timing of small loops on the threads of the engine.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "gatecell/gatecell.h"
#include "status.h"
#include "threads.h"

namespace gatecell {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Sorts `rates` and summarises them.
void summarise(std::vector<double>& rates, gc_measurement* out);

constexpr double kSampleSeconds = 4e-3;  // long enough that a start and an end a microsecond apart do not matter
constexpr size_t kFewestSamples = 5, kMostSamples = 10000;

// Why a team had fewer members than `team`: GC_OUT_OF_MEMORY if the system refuses threads, GC_BUSY if another caller has the pool.
gc_status fail_short_team(int team);

// Measures the rate of work(index, rounds), which does `units` per round and thread, on `team` threads that start at the same time, for
// about `seconds`.
template <class F>
gc_status measure_rate(int team, double units, double seconds, F work, gc_measurement* out) {
  int64_t rounds = 1;
  for (double spent = 0; rounds < INT64_MAX / 4;) {
    const double begin = seconds_now();
    work(0, rounds);
    spent = seconds_now() - begin;
    if (spent > kSampleSeconds / 2) {
      rounds = std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(rounds) * kSampleSeconds / spent));
      break;
    }
    rounds *= 2;
  }
  std::vector<double> begins(team), ends(team), rates;
  const double stop = seconds_now() + seconds;
  while ((rates.size() < kFewestSamples || seconds_now() < stop) && rates.size() < kMostSamples) {
    Barrier barrier;
    std::atomic<int> joined{0};
    parallel_measured(team, [&](int index, int size) {
      joined.store(size, std::memory_order_relaxed);
      barrier.wait(size);
      begins[index] = seconds_now();
      work(index, rounds);
      ends[index] = seconds_now();
    });
    if (joined.load() != team) return fail_short_team(team);
    const double spent = *std::max_element(ends.begin(), ends.end()) - *std::min_element(begins.begin(), begins.end());
    rates.push_back(units * static_cast<double>(rounds) * team / spent);
  }
  summarise(rates, out);
  return GC_OK;
}

gc_status measure_gemm(const gc_probe& probe, gc_measurement* out);  // limits_kernels.cc
gc_status measure_gates(const gc_probe& probe, gc_measurement* out);
}  // namespace gatecell
