// probes.h: the loops of shared/probe.inl as one constant table per ISA, used only by core/limits.cc.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct gc_probes {
  const char* name;                          // as in gc_kernels
  int32_t lanes;                             // floats in a vector
  int32_t chains;                            // independent chains of fma and the dot products
  void (*fma)(int64_t rounds, float* sink);  // 2 * chains * lanes flops a round; sink: 16 floats
  // Read `floats` values, a multiple of 64 * lanes, `rounds` times: as one stream, and as eight streams at the same time.
  void (*read)(const float* data, int64_t floats, int64_t rounds, float* sink);
  void (*read_streams)(const float* data, int64_t floats, int64_t rounds, float* sink);
  void (*cell)(const float* gates, float* c, float* h, int64_t rows);  // rows * 16 cells
  // Null if the instruction set has none. They fault on a CPU without AVX512-BF16 or AVX512-VNNI.
  void (*dot_bf16)(int64_t rounds, float* sink);  // 4 * chains * lanes flops a round
  void (*dot_int8)(int64_t rounds, float* sink);  // 8 * chains * lanes operations a round
} gc_probes;

#ifdef __cplusplus
extern "C" {
#endif
extern const gc_probes gc_probes_scalar, gc_probes_avx2, gc_probes_avx512, gc_probes_neon;
#ifdef __cplusplus
}
#endif
