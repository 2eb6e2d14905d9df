// lstm_cluster_backward.cu: the backward recurrence in one launch, on the clusters of lstm_cluster.cu. A block keeps the same rows of U as in
// the forward pass. In each step the cells of its own units compute dG of its slice. The product of that dG with its rows of U is its part of
// dh for all units, which it writes into the shared memory of the blocks that own the units. After a barrier each block adds the parts in
// order of the blocks. Between two steps blocks exchange only these parts: 4 bytes per row and unit from each block; dG itself would be twice
// that in bf16.
#include "../cluster.h"
#include "lstm_resident.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int kTilesAtOnce = 4;  // tiles of 8 columns, which use the same fragments of dG

// Rows of U of this block, k along its own gates: [unit of all blocks][stride].
template <class Words, int Panels>
__device__ void load_columns(const LstmJob& j, uint32_t* u) {
  const int64_t H = j.s.H;
  const int units = static_cast<int>(j.blocks) * Panels * 16;
  for (int e = static_cast<int>(threadIdx.x); e < units * j.words; e += kTileThreads) {
    const int unit = e % units, word = e / units;
    const auto at = [&](int k) {
      const int64_t row = gate_row(int64_t{blockIdx.x} * Panels * 64 + k, H);
      return row >= 0 && unit < H ? j.w_hh[row * H + unit] : 0.0f;
    };
    const int k = word * Words::kPerWord;
    u[unit * j.stride + word] = Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
  }
}

// Writes dG of one panel in the layout of the product. With bf16 a word belongs to two units, and each lane of the pair writes two gates.
template <class Words>
__device__ __forceinline__ void keep_gradient(const LstmJob& j, uint32_t* dg, int panel, const float (&d)[4]) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  uint32_t* to = dg + ty * j.stride + (panel * 64 + tx / Words::kPerWord * Words::kPerWord) / Words::kPerWord;
  constexpr int gate = 16 / Words::kPerWord;
  if (Words::kPerWord == 1) {
#pragma unroll
    for (int g = 0; g < 4; ++g) to[g * gate] = Words::word(d[g], 0.0f);
    return;
  }
  const bool odd = tx % 2 != 0;
#pragma unroll
  for (int g = 0; g < 4; ++g) {
    const float other = __shfl_xor_sync(kAllLanes, d[g], 1);
    if (odd == (g >= 2)) to[g * gate] = odd ? Words::word(other, d[g]) : Words::word(d[g], other);
  }
}

// Computes dG U for all units, and writes each part into the buffer of the block that owns the units: parts [block][16][panels * 16].
template <class Words, int Panels>
__device__ __forceinline__ void send_parts(const LstmJob& j, const uint32_t* u, const uint32_t* dg, float* parts,
                                           unsigned mine) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int group = static_cast<int>(lane_id()) / 4, member = static_cast<int>(lane_id()) % 4;
  const int tiles = static_cast<int>(j.blocks) * Panels * 2;
  for (int first = warp * kTilesAtOnce; first < tiles; first += kBlockWarps * kTilesAtOnce) {
    float c[kTilesAtOnce][4] = {};
    for (int word = 0; word < j.words; word += 8) {
      const uint32_t* at = dg + group * j.stride + word + member;
      const uint32_t fa[4] = {at[0], at[8 * j.stride], at[4], at[8 * j.stride + 4]};
#pragma unroll
      for (int tile = 0; tile < kTilesAtOnce; ++tile) {
        if (first + tile >= tiles) break;
        const uint32_t* bt = u + ((first + tile) * 8 + group) * j.stride + word + member;
        const uint32_t fb[2] = {bt[0], bt[4]};
        Words::mma(c[tile], fa, fb);
      }
    }
#pragma unroll
    for (int tile = 0; tile < kTilesAtOnce; ++tile) {
      if (first + tile >= tiles) break;
      const int unit = (first + tile) * 8 + 2 * member;
      const unsigned owner = static_cast<unsigned>(unit / (Panels * 16));
      float* to = parts + (static_cast<int>(mine) * kSliceRows + group) * Panels * 16 + unit % (Panels * 16);
      store_pair_to_peer(to, owner, c[tile][0], c[tile][1]);
      store_pair_to_peer(to + 8 * Panels * 16, owner, c[tile][2], c[tile][3]);
    }
  }
}

// Returns dh of this thread's unit: the sum of the parts of all blocks, in their order.
template <int Panels>
__device__ __forceinline__ float sum_parts(const LstmJob& j, const float* got, int panel) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  float dh = 0;
  for (unsigned k = 0; k < j.blocks; ++k)
    dh += got[(static_cast<int>(k) * kSliceRows + ty) * Panels * 16 + panel * 16 + tx];
  return dh;
}

template <class Words, int Panels>
__global__ void __launch_bounds__(kTileThreads, 1) lstm_persistent_cluster_backward_kernel(LstmJob j) {
  const LstmView& s = j.s;
  const int units = static_cast<int>(j.blocks) * Panels * 16;
  uint32_t* u = reinterpret_cast<uint32_t*>(dynamic_shared());          // [units][stride]
  uint32_t* dg = u + units * j.stride;                                  // [16][stride]
  float* parts = reinterpret_cast<float*>(dg + kSliceRows * j.stride);  // [2][block][16][panels * 16]
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  const int64_t r0 = int64_t{blockIdx.y} * kSliceRows, r = r0 + ty;
  const int64_t first = int64_t{blockIdx.x} * Panels * 16 + tx;
  const int64_t longest = s.rows.steps_of(r0), mine = r < s.rows.B ? s.rows.steps_of(r) : 0;
  const int64_t begin = j.steps.from, end = j.steps.to < longest ? j.steps.to : longest;
  if (begin >= end) return;  // all blocks of the cluster
  load_columns<Words, Panels>(j, u);
  float dc[Panels];
#pragma unroll
  for (int p = 0; p < Panels; ++p) dc[p] = r < s.rows.B && first + 16 * p < s.H ? s.dc[r * s.H + first + 16 * p] : 0.0f;
  cluster_sync();  // no block may write to another one that has not begun
  for (int64_t step = end - 1; step >= begin; --step) {
    const int64_t row = step < mine ? s.rows.first(step) + r : -1;
    UnitBack unit[Panels] = {};
#pragma unroll
    for (int p = 0; p < Panels; ++p)
      if (row >= 0 && first + 16 * p < s.H) unit[p].load(s, row, first + 16 * p);
    if (step + 1 < end) cluster_wait();  // until the parts of the step after have arrived
    const float* got = parts + (step + 1) % 2 * kSliceRows * units;
    float d[Panels][4] = {};
#pragma unroll
    for (int p = 0; p < Panels; ++p) {
      const int64_t n = first + 16 * p;
      if (row >= 0 && n < s.H) {
        // The gradient of hT, or that of the launch that computed the steps after.
        const float dh = step + 1 == mine || step + 1 == end ? s.dh[r * s.R + n] : sum_parts<Panels>(j, got, p);
        unit[p].step(dh, dc[p], d[p]);
      }
      keep_gradient<Words>(j, dg, p, d[p]);
    }
    if (step > 0) {
      __syncthreads();
      send_parts<Words, Panels>(j, u, dg, parts + step % 2 * kSliceRows * units, blockIdx.x);
      cluster_arrive();
    }
#pragma unroll
    for (int p = 0; p < Panels; ++p) {
      if (row < 0 || first + 16 * p >= s.columns / 4) continue;
      float* to = s.gate(row, first + 16 * p);
      to[0] = d[p][0], to[16] = d[p][1], to[32] = d[p][2], to[48] = d[p][3];
    }
  }
  if (begin > 0) cluster_wait();  // until the parts with which the launch of the steps before begins have arrived
#pragma unroll
  for (int p = 0; p < Panels; ++p) {
    const int64_t n = first + 16 * p;
    if (r >= s.rows.B || n >= s.H) continue;
    s.dc[r * s.H + n] = dc[p];
    if (begin > 0 && begin < mine) s.dh[r * s.R + n] = sum_parts<Panels>(j, parts + begin % 2 * kSliceRows * units, p);
  }
}

using Kernel = void (*)(LstmJob);
template <class Words>
Kernel kernel_of(int panels) {
  switch (panels) {
    case 1: return lstm_persistent_cluster_backward_kernel<Words, 1>;
    case 2: return lstm_persistent_cluster_backward_kernel<Words, 2>;
    case 3: return lstm_persistent_cluster_backward_kernel<Words, 3>;
    default: return lstm_persistent_cluster_backward_kernel<Words, 4>;
  }
}
Kernel kernel_of(const Lstm& s, const LstmPlan& plan) {
  return s.precision == GC_BF16 ? kernel_of<Bf16Words>(plan.panels) : kernel_of<Tf32Words>(plan.panels);
}

LstmPlan plan_of(const Lstm& s, bool wide) {
  return cluster_backward_plan(shape_of(s), lstm_device(), wide, [&](const LstmPlan& p) {
    return clusters_at_once(cluster_shape(s, p), kernel_of(s, p));
  });
}
}  // namespace

bool lstm_cluster_backward_fits(const Lstm& s, bool wide) {
  return s.plain() && device_info().cluster_blocks > 1 && plan_of(s, wide).blocks > 0;
}

void lstm_cluster_backward(Queue& queue, const Lstm& s, bool wide, Steps steps) {
  const LstmPlan plan = plan_of(s, wide);
  launch(queue, cluster_shape(s, plan), kernel_of(s, plan), job_of(s, plan, steps));
}
}  // namespace cuda
}  // namespace gatecell
