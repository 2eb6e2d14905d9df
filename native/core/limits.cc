// limits.cc: measurements of the limits of this machine: clock, arithmetic, reading memory, a cell, a fork-join.
#include "limits.h"

#include <cstring>

#include "../kernels/probes.h"
#include "guarded.h"
#include "machine.h"
#include "memory.h"

namespace gatecell {

gc_status fail_short_team(int team) {
  const int started = started_threads();
  if (started < team) return fail(GC_OUT_OF_MEMORY, "expected %d threads, but the system grants %d", team, started);
  return fail(GC_BUSY, "the engine's threads are at work; measure when no plan runs");
}

void summarise(std::vector<double>& rates, gc_measurement* out) {
  std::sort(rates.begin(), rates.end());
  const auto at = [&](double share) {
    return rates[static_cast<size_t>(share * static_cast<double>(rates.size() - 1))];
  };
  out->median = at(0.5);
  out->p10 = at(0.1);
  out->p90 = at(0.9);
  out->count = static_cast<int32_t>(rates.size());
}

namespace {

const gc_probes* const kLadder[] = {&gc_probes_scalar,
#if defined(GATECELL_X86)
                                    &gc_probes_avx2, &gc_probes_avx512
#elif defined(GATECELL_ARM64)
                                    &gc_probes_neon
#endif
};

// Returns the table of `isa` (0: that in use), or null, with the error set, if the CPU does not have it.
const gc_probes* probes_of(int32_t isa) {
  gc_machine machine;
  gc_machine_info(&machine);
  constexpr int32_t count = sizeof kLadder / sizeof kLadder[0];
  int32_t found = 0;
  for (int32_t i = 0; i < count; ++i) {
    if (strcmp(kLadder[i]->name, machine.isa_found) == 0) found = i;
    if (isa == 0 && strcmp(kLadder[i]->name, machine.isa_used) == 0) return kLadder[i];
  }
  if (isa >= 1 && isa - 1 <= found) return kLadder[isa - 1];
  fail(GC_UNSUPPORTED, "expected an instruction set up to %s, which this machine offers", machine.isa_found);
  return nullptr;
}

bool has_feature(const char* name) {
  gc_machine machine;
  gc_machine_info(&machine);
  return strstr(machine.features, name) != nullptr;
}

// Memory for the results of one thread, on cache lines of its own.
struct alignas(64) Sink {
  float values[16];
};

#if defined(GATECELL_X86) || defined(GATECELL_ARM64)
// Instructions of 32 cycles, each waiting for the one before: with x86 eight additions of one cycle and eight products of three, with
// AArch64, whose products take two to four, 32 additions.
uint64_t wait_32_cycles(uint64_t x) {
#if defined(GATECELL_ARM64)
#define GATECELL_ADD_8                                                       \
  "add %0, %0, #1\n\tadd %0, %0, #2\n\tadd %0, %0, #3\n\tadd %0, %0, #5\n\t" \
  "add %0, %0, #1\n\tadd %0, %0, #2\n\tadd %0, %0, #3\n\tadd %0, %0, #5\n\t"
  __asm__ volatile(GATECELL_ADD_8 GATECELL_ADD_8 GATECELL_ADD_8 GATECELL_ADD_8 : "+r"(x));
#undef GATECELL_ADD_8
#else
  __asm__ volatile(
      "add $1, %0\n\tadd $2, %0\n\tadd $3, %0\n\tadd $5, %0\n\tadd $1, %0\n\tadd $2, %0\n\tadd $3, %0\n\tadd $5, "
      "%0\n\t"
      "imul $3, %0, %0\n\timul $3, %0, %0\n\timul $3, %0, %0\n\timul $3, %0, %0\n\t"
      "imul $3, %0, %0\n\timul $3, %0, %0\n\timul $3, %0, %0\n\timul $3, %0, %0"
      : "+r"(x));
#endif
  return x;
}
#endif

gc_status measure_clock(const gc_probe& probe, gc_measurement* out) {
#if defined(GATECELL_X86) || defined(GATECELL_ARM64)
  const auto chain = [](int, int64_t rounds) {
    uint64_t x = 1;
    for (int64_t r = 0; r < rounds; ++r) x = wait_32_cycles(x);
  };
  const gc_status status = measure_rate(probe.threads, 32, probe.seconds, chain, out);
  for (double* rate : {&out->median, &out->p10, &out->p90}) *rate /= probe.threads;
  return status;
#else
  (void)out;
  return fail(GC_UNSUPPORTED, "the clock of this processor is not measured (threads %d)", probe.threads);
#endif
}

gc_status measure_arithmetic(const gc_probe& probe, const gc_probes& table, gc_measurement* out) {
  void (*loop)(int64_t, float*) = table.fma;
  int per_lane = 2;
  if (probe.kind == GC_PROBE_DOT_BF16) loop = has_feature("avx512_bf16") ? table.dot_bf16 : nullptr, per_lane = 4;
  if (probe.kind == GC_PROBE_DOT_INT8) loop = has_feature("avx512_vnni") ? table.dot_int8 : nullptr, per_lane = 8;
  if (!loop) return fail(GC_UNSUPPORTED, "this processor has no such dot product under %s", table.name);
  std::vector<Sink> sinks(probe.threads);
  return measure_rate(
      probe.threads, static_cast<double>(per_lane) * table.chains * table.lanes, probe.seconds,
      [&](int index, int64_t rounds) { loop(rounds, sinks[index].values); }, out);
}

// Measures both patterns of reading and keeps the faster one, which depends on the level of cache and on the prefetchers.
gc_status measure_read(const gc_probe& probe, const gc_probes& table, gc_measurement* out) {
  if (probe.bytes < 4096 || probe.bytes > int64_t{1} << 36)
    return fail(GC_INVALID_ARGUMENT, "expected 4096 to 2^36 bytes, got %lld", static_cast<long long>(probe.bytes));
  const int64_t grain = 64 * table.lanes, team = probe.threads;
  const int64_t floats = std::max(grain, probe.bytes / 4 / team / grain * grain);  // of one thread
  Block block;  // on the same kind of pages as packed weights
  if (!block.allocate(floats * 4 * team))
    return fail(GC_OUT_OF_MEMORY, "no memory for %lld bytes", static_cast<long long>(probe.bytes));
  std::vector<Sink> sinks(team);
  for (int64_t i = 0; i < floats * team; ++i) block.floats()[i] = 1.0f + static_cast<float>(i & 7);
  gc_measurement both[2];
  const auto patterns = {table.read, table.read_streams};
  int k = 0;
  for (const auto pattern : patterns) {
    const auto pass = [&](int index, int64_t rounds) {
      pattern(block.floats() + index * floats, floats, rounds, sinks[index].values);
    };
    const gc_status status =
        measure_rate(probe.threads, static_cast<double>(floats) * 4, probe.seconds / 2, pass, &both[k++]);
    if (status != GC_OK) return status;
  }
  *out = both[both[0].median < both[1].median ? 1 : 0];
  return GC_OK;
}

gc_status measure_cell(const gc_probe& probe, const gc_probes& table, gc_measurement* out) {
  constexpr int64_t kRows = 32;  // 8 KB of gates, 4 KB of states: all in L1
  constexpr int64_t kFloats = kRows * (64 + 16 + 16);
  std::vector<Block> blocks(probe.threads);
  for (Block& block : blocks) {
    if (!block.allocate(kFloats * 4)) return fail(GC_OUT_OF_MEMORY, "no memory for the cell's states");
    for (int64_t i = 0; i < kFloats; ++i) block.floats()[i] = static_cast<float>(i % 997) / 100.0f - 5.0f;
  }
  const auto pass = [&](int index, int64_t rounds) {
    float* gates = blocks[index].floats();
    for (int64_t r = 0; r < rounds; ++r) table.cell(gates, gates + kRows * 64, gates + kRows * 80, kRows);
  };
  return measure_rate(probe.threads, kRows * 16, probe.seconds, pass, out);
}

gc_status measure_fork(const gc_probe& probe, gc_measurement* out) {
  constexpr int kForks = 1000;
  std::vector<double> rates;
  std::atomic<int> joined{0};
  const double stop = seconds_now() + probe.seconds;
  while ((rates.size() < kFewestSamples || seconds_now() < stop) && rates.size() < kMostSamples) {
    const double begin = seconds_now();
    for (int i = 0; i < kForks; ++i)
      parallel_measured(probe.threads, [&](int index, int size) {
        if (index == 0) joined.store(size, std::memory_order_relaxed);
      });
    rates.push_back(kForks / (seconds_now() - begin));
    if (joined.load() != probe.threads) return fail_short_team(probe.threads);
  }
  summarise(rates, out);
  return GC_OK;
}

gc_status measure_limit(const gc_probe& probe, gc_measurement* out) {
  const gc_probes* table = probes_of(probe.isa);
  if (!table) return GC_UNSUPPORTED;
  if (probe.kind == GC_PROBE_READ) return measure_read(probe, *table, out);
  if (probe.kind == GC_PROBE_CELL) return measure_cell(probe, *table, out);
  return measure_arithmetic(probe, *table, out);
}
}  // namespace
}  // namespace gatecell

using namespace gatecell;

gc_status gc_measure(const gc_probe* probe, gc_measurement* out) {
  return guarded([&] {
    *out = {};
    if (probe->threads < 1 || probe->threads > 1024)
      return fail(GC_INVALID_ARGUMENT, "expected 1 to 1024 threads, got %d", probe->threads);
    if (probe->threads > bound_threads(probe->threads))
      return fail(GC_UNSUPPORTED, "expected at most the %d threads that can run here at the same time, got %d",
                  bound_threads(probe->threads), probe->threads);
    if (!(probe->seconds > 0 && probe->seconds <= 3600))
      return fail(GC_INVALID_ARGUMENT, "expected 0 to 3600 seconds, got %g", probe->seconds);
    switch (probe->kind) {
      case GC_PROBE_CLOCK: return measure_clock(*probe, out);
      case GC_PROBE_FORK: return measure_fork(*probe, out);
      case GC_PROBE_GEMM: return measure_gemm(*probe, out);
      case GC_PROBE_GATES: return measure_gates(*probe, out);
      case GC_PROBE_FMA:
      case GC_PROBE_DOT_BF16:
      case GC_PROBE_DOT_INT8:
      case GC_PROBE_READ:
      case GC_PROBE_CELL: return measure_limit(*probe, out);
      default: return fail(GC_INVALID_ARGUMENT, "unknown kind of measurement %d", probe->kind);
    }
  });
}
