// The matrix kernel on hot operands: rows x k times k x 64, panel by panel, as a recurrent step takes them, against a loop of
// independent multiply-adds in the same minute. One thread; the best of 101 runs of each, so that other work counts little.
//
//   c++ -O3 -std=c++17 -Inative -Inative/include bench/lab/tile.cc build/libgatecell_core.a -ldl -lpthread -o tile
//   ./tile; GATECELL_ISA=avx2 ./tile       (the peak is that of AVX-512: on Zen 4 both are the same)
//
// g++ 12, Zen 4, 64 rows: before attempt 25 94.9 % at k = 256 and 97.4 % at 512, after 28 98.5 and 99.3 % (attempts.md).
#include <immintrin.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/machine.h"

namespace {
double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

constexpr long kLoops = 100000;
__attribute__((noinline, target("avx512f"))) void peak(float* out) {
  __m512 x[12];
  for (int i = 0; i < 12; ++i) x[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 y = _mm512_set1_ps(0.5f), z = _mm512_set1_ps(0.1f);
  for (long k = 0; k < kLoops; ++k)
    for (int i = 0; i < 12; ++i) x[i] = _mm512_fmadd_ps(x[i], y, z);
  for (int i = 0; i < 12; ++i) _mm512_storeu_ps(out, _mm512_add_ps(_mm512_loadu_ps(out), x[i]));
}

float* values(int64_t count) {
  auto* p = static_cast<float*>(aligned_alloc(64, static_cast<size_t>(count) * 4));
  for (int64_t i = 0; i < count; ++i) p[i] = 0.01f * static_cast<float>(i % 7);
  return p;
}

void measure(int64_t k, int64_t rows) {
  const int64_t panels = k >= 512 ? 4 : 16, width = gatecell::kernels().tile_columns;
  float *a = values(rows * k), *b = values(panels * k * 64), *c = values(panels * rows * 64), sink[16] = {};
  double peak_time = 1e9, time = 1e9;
  for (int run = 0; run < 101; ++run) {
    double begin = seconds();
    peak(sink);
    peak_time = std::min(peak_time, seconds() - begin);
    begin = seconds();
    for (int64_t p = 0; p < panels; ++p) {
      gc_gemm g = {};
      g.a = a, g.a_row = k, g.a_k = 1;
      g.b = b + p * k * 64, g.b_k = width, g.b_tile = k * width;
      g.c = c + p * rows * 64, g.c_row = 64, g.c_tile = width, g.c_next = g.c + rows * 64 * (p + 1 < panels);
      g.rows = rows, g.columns = 64, g.segments = 1, g.segment_length = k, g.accumulate = 1;
      gatecell::kernels().gemm(&g);
    }
    time = std::min(time, seconds() - begin);
  }
  const double flops = 2.0 * static_cast<double>(panels * rows * 64 * k), limit = kLoops * 12.0 * 32 / peak_time;
  printf("k %4ld, %2ld rows: %.1f %% of the peak\n", static_cast<long>(k), static_cast<long>(rows),
         100 * flops / time / limit);
  free(a), free(b), free(c);
}
}  // namespace

int main() {
  for (int64_t k : {256, 512, 1024})
    for (int64_t rows : {64, 32, 16}) measure(k, rows);
  return 0;
}
