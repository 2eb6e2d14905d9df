// lstm_cluster.cu: the forward recurrence in one launch. The blocks of a cluster share out the hidden units and keep their rows of
// U in shared memory for the whole sequence; the batch is cut into slices of 16 rows, a cluster each, so no barrier spans the
// grid. A step: products on the tensor cores, slices of k summed in a fixed order, the cell in registers, and each block writes
// its part of h into the shared memory of all of them (two buffers in turn), which meet once a step.
#include "../cluster.h"
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int kRows = 16;       // of the batch in a cluster
constexpr int kMostPanels = 4;  // of 16 units in a block
constexpr int kWarps = kTileThreads / kWarp;
constexpr size_t kMostShared = 227 * 1024;  // what sm_90 gives a block

struct Job {
  const float *w_hh, *h0, *c0;
  float *gates, *cells, *y;
  int64_t T, B, H, columns, ld_y, ld_h0, ld_c0;
  int words, stride;  // of a row of U and of h: whole eights; 4 more, so that fragments meet different banks
  unsigned cluster;
  bool reverse, keep;
};

// The shared memory of one block.
struct Layout {
  uint32_t *u, *h;  // [panels * 64][stride], [2][16][stride]
  float* sums;      // [slice][panel][16][64]
  __device__ Layout(char* base, int panels, int stride)
      : u(reinterpret_cast<uint32_t*>(base)),
        h(u + panels * 64 * stride),
        sums(reinterpret_cast<float*>(h + 2 * kRows * stride)) {}
};
size_t shared_bytes(int panels, int stride) {
  return static_cast<size_t>(panels * 64 + 2 * kRows) * static_cast<size_t>(stride) * 4 +
         static_cast<size_t>(kWarps) * kRows * 64 * 4;
}

template <class Words>
__device__ void load_weights(const Job& j, uint32_t* u, int panels) {
  for (int e = static_cast<int>(threadIdx.x); e < panels * 64 * j.words; e += kTileThreads) {
    const int row = e / j.words, word = e % j.words;
    const int64_t from = gate_row(int64_t{blockIdx.x} * panels * 64 + row, j.H), k = int64_t{word} * Words::kPerWord;
    const auto at = [&](int64_t i) { return from >= 0 && i < j.H ? j.w_hh[from * j.H + i] : 0.0f; };
    u[row * j.stride + word] = Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
  }
}

// The state before the first step, and zeros in the other buffer, whose padding nobody writes.
template <class Words>
__device__ void load_state(const Job& j, uint32_t* h, int64_t b0) {
  for (int e = static_cast<int>(threadIdx.x); e < kRows * j.words; e += kTileThreads) {
    const int row = e / j.words, word = e % j.words;
    const int64_t b = b0 + row, k = int64_t{word} * Words::kPerWord;
    const auto at = [&](int64_t i) { return j.h0 && b < j.B && i < j.H ? j.h0[b * j.ld_h0 + i] : 0.0f; };
    h[row * j.stride + word] = Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
    h[(kRows + row) * j.stride + word] = 0;
  }
}

// This warp's part of h U^T for its panel, to `sums`.
template <class Words, int Panels>
__device__ void multiply(const Job& j, const Layout& m, const uint32_t* h) {
  constexpr int slices = kWarps / Panels;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, panel = warp / slices, slice = warp % slices;
  const int group = static_cast<int>(lane_id()) / 4, member = static_cast<int>(lane_id()) % 4;
  if (panel >= Panels) return;
  float c[8][4] = {};
  for (int word = slice * 8; word < j.words; word += slices * 8) {
    const uint32_t* at = h + group * j.stride + word + member;
    const uint32_t fa[4] = {at[0], at[8 * j.stride], at[4], at[8 * j.stride + 4]};
#pragma unroll
    for (int tile = 0; tile < 8; ++tile) {
      const uint32_t* bt = m.u + (panel * 64 + tile * 8 + group) * j.stride + word + member;
      const uint32_t fb[2] = {bt[0], bt[4]};
      Words::mma(c[tile], fa, fb);
    }
  }
  float* to = m.sums + (slice * Panels + panel) * kRows * 64;
#pragma unroll
  for (int tile = 0; tile < 8; ++tile)
#pragma unroll
    for (int i = 0; i < 4; ++i) to[(group + i / 2 * 8) * 64 + tile * 8 + 2 * member + i % 2] = c[tile][i];
}

// One unit forward; returns h. Rows and units beyond the matrix give zero and write nothing.
template <int Panels>
__device__ float cell(const Job& j, const float* sums, int panel, const float (&start)[4], int64_t step, int64_t row,
                      int64_t unit, float& c) {
  constexpr int slices = kWarps / Panels;
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  float v[4];
#pragma unroll
  for (int g = 0; g < 4; ++g) {
    float sum = 0;
    for (int s = 0; s < slices; ++s) sum += sums[((s * Panels + panel) * kRows + ty) * 64 + tx + 16 * g];
    v[g] = start[g] + sum;
  }
  v_gates(v[0], v[1], v[2], v[3]);
  if (row < 0 || unit >= j.H) return 0.0f;
  c = v_fma(v[1], c, v_mul(v[0], v[2]));
  const float h = v_mul(v[3], v_tanh(c));
  j.y[row * j.ld_y + unit] = h;
  if (j.keep) {
    float* to = j.gates + row * j.columns + unit / 16 * 64 + tx;
    to[0] = v[0], to[16] = v[1], to[32] = v[2], to[48] = v[3];
    j.cells[row * j.H + unit] = c;
  } else if (step == j.T - 1) {
    j.cells[row % j.B * j.H + unit] = c;
  }
  return h;
}

// h of this thread's unit into the next buffer of every block of the cluster; lanes of neighbouring units share a word of bf16.
template <class Words>
__device__ void give(const Job& j, uint32_t* next, int64_t unit, float h) {
  const float neighbour = __shfl_xor_sync(kAllLanes, h, 1);
  const int64_t word = unit / Words::kPerWord;
  if (unit % Words::kPerWord != 0 || word >= j.words) return;
  const uint32_t value = Words::word(h, neighbour);
  uint32_t* to = next + static_cast<int>(threadIdx.x) / 16 * j.stride + word;
  for (unsigned rank = 0; rank < j.cluster; ++rank) store_to_peer(to, rank, value);
}

template <class Words, int Panels>
__global__ void __launch_bounds__(kTileThreads) lstm_persistent_cluster_kernel(Job j) {
  const Layout m(dynamic_shared(), Panels, j.stride);
  const int64_t b0 = int64_t{blockIdx.y} * kRows, b = b0 + threadIdx.x / 16;
  const int64_t first = int64_t{blockIdx.x} * Panels * 16 + threadIdx.x % 16;
  load_weights<Words>(j, m.u, Panels);
  load_state<Words>(j, m.h, b0);
  float c[Panels];
#pragma unroll
  for (int p = 0; p < Panels; ++p)
    c[p] = j.c0 && b < j.B && first + 16 * p < j.H ? j.c0[b * j.ld_c0 + first + 16 * p] : 0.0f;
  cluster_sync();  // nobody writes into a peer that is still loading
  for (int64_t step = 0; step < j.T; ++step) {
    const int64_t t = j.reverse ? j.T - 1 - step : step, row = b < j.B ? t * j.B + b : -1;
    float start[Panels][4];
#pragma unroll
    for (int p = 0; p < Panels; ++p)
#pragma unroll
      for (int g = 0; g < 4; ++g)
        start[p][g] = row >= 0 && first + 16 * p < j.H
                          ? j.gates[row * j.columns + (first + 16 * p) / 16 * 64 + threadIdx.x % 16 + 16 * g]
                          : 0.0f;
    multiply<Words, Panels>(j, m, m.h + (step % 2) * kRows * j.stride);
    __syncthreads();
#pragma unroll
    for (int p = 0; p < Panels; ++p) {
      const float h = cell<Panels>(j, m.sums, p, start[p], step, row, first + 16 * p, c[p]);
      give<Words>(j, m.h + (step + 1) % 2 * kRows * j.stride, first + 16 * p, h);
    }
    cluster_sync();
  }
}

template <class Words>
void launch_cluster(Queue& queue, const Job& j, int panels, const Shape& shape) {
  switch (panels) {
    case 1: return launch(queue, shape, lstm_persistent_cluster_kernel<Words, 1>, j);
    case 2: return launch(queue, shape, lstm_persistent_cluster_kernel<Words, 2>, j);
    case 3: return launch(queue, shape, lstm_persistent_cluster_kernel<Words, 3>, j);
    default: return launch(queue, shape, lstm_persistent_cluster_kernel<Words, 4>, j);
  }
}

struct Split {
  unsigned cluster;
  int panels, words, stride;
};

// The widest cluster of which one for every slice of the batch fits the device at once; cluster 0: U does not fit.
Split split_of(const Lstm& s) {
  const int64_t per_word = s.precision == GC_BF16 ? 2 : 1, panels = (s.H + 15) / 16, slices = (s.B + kRows - 1) / kRows;
  const int words = static_cast<int>(((s.H + per_word - 1) / per_word + 7) / 8 * 8), stride = words + 4;
  Split best = {0, 0, words, stride};
  for (unsigned c = 1; c <= static_cast<unsigned>(device_info().cluster_blocks); c *= 2) {
    const int64_t each = (panels + c - 1) / c;
    if (each > kMostPanels || shared_bytes(static_cast<int>(each), stride) > kMostShared) continue;
    if (best.cluster > 0 && (c > panels || int64_t{c} * slices > device_info().multiprocessors)) break;
    best.cluster = c, best.panels = static_cast<int>(each);
  }
  return best;
}
}  // namespace

bool lstm_cluster_fits(const Lstm& s) {
  return s.precision != GC_FLOAT && device_info().cluster_blocks > 1 && split_of(s).cluster > 0;
}

void lstm_cluster_steps(Queue& queue, const Lstm& s) {
  const Split split = split_of(s);
  Job j;
  j.w_hh = s.w_hh->data;
  j.h0 = s.h0 ? s.h0->data : nullptr, j.ld_h0 = s.h0 ? s.h0->ld : 0;
  j.c0 = s.c0 ? s.c0->data : nullptr, j.ld_c0 = s.c0 ? s.c0->ld : 0;
  j.gates = s.gates, j.cells = s.cells, j.y = s.y->data, j.ld_y = s.y->ld;
  j.T = s.T, j.B = s.B, j.H = s.H, j.columns = s.columns;
  j.words = split.words, j.stride = split.stride, j.cluster = split.cluster;
  j.reverse = s.reverse, j.keep = s.keep;
  Shape shape;
  shape.grid = dim3(split.cluster, static_cast<unsigned>((s.B + kRows - 1) / kRows));
  shape.block = dim3(kTileThreads);
  shape.cluster = split.cluster;
  shape.shared = shared_bytes(split.panels, split.stride);
  if (s.precision == GC_BF16) launch_cluster<Bf16Words>(queue, j, split.panels, shape);
  else launch_cluster<Tf32Words>(queue, j, split.panels, shape);
}
}  // namespace cuda
}  // namespace gatecell
