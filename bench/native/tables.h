// tables.h: the kernel tables that this machine can run, and aligned memory for their operands.
#pragma once
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gatecell/gatecell.h"
#include "kernels/table.h"

namespace bench {

struct Free {
  void operator()(void* memory) const { free(memory); }
};

// `count` words on a 64-byte boundary, filled with small floats that differ.
template <class T>
std::unique_ptr<T[], Free> words(int64_t count) {
  const size_t bytes = (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
  float* values = static_cast<float*>(aligned_alloc(64, bytes));
  for (size_t i = 0; i < bytes / 4; i++)
    values[i] = static_cast<float>((i * 2654435761u >> 8) & 0xffff) / 65536.0f - 0.5f;
  return std::unique_ptr<T[], Free>(reinterpret_cast<T*>(values));
}
inline auto floats(int64_t count) { return words<float>(count); }

inline bool has(const char* feature) {
  gc_machine machine;
  gc_machine_info(&machine);
  return strstr(machine.features, feature) != nullptr;
}

// The f32 tables up to the best that CPU and system support.
inline std::vector<const gc_kernels*> tables() {
  gc_machine machine;
  gc_machine_info(&machine);
  std::vector<const gc_kernels*> found;
  for (const gc_kernels* table : {
         &gc_kernels_scalar,
#if defined(GATECELL_X86)
             &gc_kernels_avx2, &gc_kernels_avx512
#elif defined(GATECELL_ARM64)
             &gc_kernels_neon
#endif
       }) {
    found.push_back(table);
    if (strcmp(table->name, machine.isa_found) == 0) break;
  }
  return found;
}

using Body = void (*)(benchmark::State&);

template <class F>
void add(const char* kernel, const char* isa, const std::string& sizes, F body) {
  benchmark::RegisterBenchmark((std::string(kernel) + "/" + isa + "/" + sizes).c_str(), body);
}

inline void count_flops(benchmark::State& state, double flops) {
  state.counters["flops"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void register_gemm();         // gemm_bench.cc
void register_cells();        // cell_bench.cc
void register_elementwise();  // elementwise_bench.cc
}  // namespace bench
