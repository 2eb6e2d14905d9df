// One row times packed weights, the batch-1 step's product: how many tiles side by side, fetched ahead or not, on which pages, always
// from the first to the last or to and fro. Times are by the clock of this thread alone. Zen 4, 2 vCPUs, g++ 12; medians in
// attempts.md, 6 to 8 and 20.
//
//   c++ -O3 -std=c++17 -mavx512f -mfma bench/lab/stream_row.cc -o stream_row && ./stream_row 128 4     H, matrices [4H, H]
#include <immintrin.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {
double cpu_ns() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e9 * static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec);
}

float* weights(size_t bytes, bool huge) {
  const size_t page = 2 << 20, size = (bytes + page - 1) / page * page;
  void* raw = mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto* at = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(raw) + page - 1) / page * page);
  madvise(at, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  for (size_t i = 0; i < bytes / 4; ++i) at[i] = static_cast<float>(i % 13) * 0.01f;
  return at;
}

// `tiles` blocks of 64 columns at once, each [k][64]; `ahead`: bytes that are fetched ahead of each line, 0: none.
template <int tiles, int ahead>
void row(const float* x, const float* w, int64_t K, int64_t blocks, float* c, bool down) {
  for (int64_t i = 0; i < blocks; i += tiles) {
    const int64_t p = down ? blocks - tiles - i : i;
    __m512 sum[tiles * 4];
    for (int n = 0; n < tiles * 4; ++n) sum[n] = _mm512_loadu_ps(c + p * 64 + n * 16);
    const float* b = w + p * K * 64;
    for (int64_t k = 0; k < K; ++k, b += 64) {
      const __m512 a = _mm512_set1_ps(x[k]);
      for (int t = 0; t < tiles; ++t)
        for (int n = 0; n < 4; ++n) {
          const float* line = b + t * K * 64 + n * 16;
          if (ahead) _mm_prefetch(reinterpret_cast<const char*>(line) + ahead, _MM_HINT_T0);
          sum[t * 4 + n] = _mm512_fmadd_ps(a, _mm512_loadu_ps(line), sum[t * 4 + n]);
        }
    }
    for (int n = 0; n < tiles * 4; ++n) _mm512_storeu_ps(c + p * 64 + n * 16, sum[n]);
  }
}

// The same lines read one after another and added up: the limit.
void read(const float* x, const float* w, int64_t K, int64_t blocks, float* c, bool) {
  __m512 sum[8] = {};
  const __m512 one = _mm512_set1_ps(x[0]);
  for (int64_t i = 0; i < K * blocks * 64; i += 128)
    for (int j = 0; j < 8; ++j) sum[j] = _mm512_fmadd_ps(_mm512_loadu_ps(w + i + j * 16), one, sum[j]);
  for (int j = 0; j < 8; ++j) _mm512_storeu_ps(c + j * 16, sum[j]);
}

struct Variant {
  const char* name;
  void (*run)(const float*, const float*, int64_t, int64_t, float*, bool down);
  bool to_and_fro;
};
}  // namespace

int main(int argc, char** argv) {
  const int64_t H = argc > 1 ? atoi(argv[1]) : 128, blocks = H / 16, matrices = argc > 2 ? atoi(argv[2]) : 2;
  const Variant variants[] = {{"read", read, false},
                              {"1 tile", row<1, 0>, false},
                              {"2 tiles", row<2, 0>, false},
                              {"4 tiles", row<4, 0>, false},
                              {"2 tiles, to and fro", row<2, 0>, true},
                              {"2 tiles, 256 B ahead", row<2, 256>, false},
                              {"2 tiles, 1 KB ahead", row<2, 1024>, false},
                              {"2 tiles, 4 KB ahead", row<2, 4096>, false}};
  const auto floats = static_cast<size_t>(H * H * 4);
  std::vector<float> x(static_cast<size_t>(H), 0.01f), c(static_cast<size_t>(H * 4));
  for (const bool huge : {false, true}) {
    const float* w = weights(floats * 4 * static_cast<size_t>(matrices), huge);
    std::vector<double> times[sizeof variants / sizeof *variants];
    const int64_t each = std::max<int64_t>(4, 100000000 / (matrices * H * H * 16) / 4);
    for (int round = 0; round < 40; ++round)
      for (size_t v = 0; v < sizeof variants / sizeof *variants; ++v) {
        const double begin = cpu_ns();
        for (int64_t i = 0; i < each * matrices; ++i) {
          const bool down = variants[v].to_and_fro && i / matrices % 2 != 0;
          const int64_t matrix = down ? matrices - 1 - i % matrices : i % matrices;
          variants[v].run(x.data(), w + static_cast<size_t>(matrix) * floats, H, blocks, c.data(), down);
        }
        times[v].push_back((cpu_ns() - begin) / static_cast<double>(each));
      }
    for (size_t v = 0; v < sizeof variants / sizeof *variants; ++v) {
      std::sort(times[v].begin(), times[v].end());
      const double median = times[v][times[v].size() / 2];
      printf("%-22s %s pages: %9.0f ns, %6.1f GB/s\n", variants[v].name, huge ? "2 MB" : "4 KB", median,
             static_cast<double>(floats * 4) * static_cast<double>(matrices) / median);
    }
  }
  return 0;
}
