// lstm_cluster.cu: the forward recurrence in one launch. The blocks of a cluster divide the hidden units and keep their rows of U for the whole
// sequence. The batch is cut into slices of 16 rows, one for each cluster, so no barrier spans the grid. A step is: products on the tensor
// cores, sums over slices of k in a fixed order, the cell in registers; then each block writes its part of h into the shared memory of all
// blocks of the cluster (two buffers in turn), which have one barrier per step. Values that are only kept for the backward pass are stored
// between arrival and wait. With lengths a slice has rows of about equal length, and ends with its longest row.
#include "../cluster.h"
#include "lstm_resident.h"

namespace gatecell {
namespace cuda {
namespace {

// Writes h of this thread's unit of a panel into the next buffer of every block of the cluster. The 16 units of a row are vectors of four
// words: each lane writes one of the warp's vectors, and the lanes that have the same vector divide the blocks.
template <class Words>
__device__ __forceinline__ void give(const LstmJob& j, uint32_t* next, int64_t panel, float h) {
  constexpr int of_row = 4 / Words::kPerWord, vectors = 2 * of_row, apart = Words::kPerWord;
  const float neighbour = __shfl_xor_sync(kAllLanes, h, 1);
  const uint32_t word = Words::word(h, neighbour);
  const int lane = static_cast<int>(lane_id()), mine = lane % vectors, row = mine / of_row, part = mine % of_row;
  uint32_t w[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) w[i] = __shfl_sync(kAllLanes, word, row * 16 + (part * 4 + i) * apart);
  const int in_slice = static_cast<int>(threadIdx.x) / kWarp * 2 + row;
  const int64_t at = panel * (16 / Words::kPerWord) + part * 4;
  if (at >= j.words) return;  // panels outside the layer
  uint32_t* to = next + in_slice * j.pitch + swizzled(in_slice, static_cast<int>(at));
  for (unsigned rank = static_cast<unsigned>(lane / vectors); rank < j.blocks; rank += kWarp / vectors)
    store_vector_to_peer(to, rank, w);
}

// Computes this warp's part of h U^T for its panel, and stores it as its sums.
template <class Words, int Panels, int Held>
__device__ __forceinline__ void multiply_slice(const LstmJob& j, const Weights<8, Held>& u, const uint32_t* h,
                                               float* sums) {
  constexpr int slices = kBlockWarps / Panels;
  const Station<slices> at;
  if (at.panel >= Panels) return;
  float c[8][4] = {};
  const int mine = (j.words / kStretch - at.slice + slices - 1) / slices;
  const auto fragments = [&](int q, uint32_t(&low)[4], uint32_t(&high)[4]) {
    const uint32_t* from =
        h + at.group * j.pitch + swizzled(at.group, (q * slices + at.slice) * kStretch + at.member * 4);
    load_vector(from, low);
    load_vector(from + 8 * j.pitch, high);
  };
  uint32_t low[4], high[4];
#pragma unroll
  for (int q = 0; q < Held; ++q) {
    if (q >= mine) break;
    fragments(q, low, high);
    multiply_held<Words>(u, q, low, high, c);
  }
  for (int q = Held; q < mine; ++q) {
    fragments(q, low, high);
    multiply_rest<Words, slices>(u, q, low, high, c);
  }
  keep_sums<8>(c, sums + (at.slice * Panels + at.panel) * kSliceRows * 64);
}

template <class Words, int Panels>
__global__ void __launch_bounds__(kTileThreads, 1) lstm_persistent_cluster_kernel(LstmJob j) {
  constexpr int held = kHeldForward<Panels>;
  const LstmView& s = j.s;
  float* sums = reinterpret_cast<float*>(dynamic_shared());  // [slice of k][panel][16][64]
  uint32_t* h = reinterpret_cast<uint32_t*>(sums + kBlockWarps / Panels * Panels * kSliceRows * 64);  // [2][16][pitch]
  uint32_t* rest = h + 2 * kSliceRows * j.pitch;  // [panels * 64][stride]
  const int64_t r0 = int64_t{blockIdx.y} * kSliceRows, r = r0 + threadIdx.x / 16;
  const int64_t panel = int64_t{blockIdx.x} * Panels, first = panel * 16 + threadIdx.x % 16;
  const int64_t longest = s.rows.steps_of(r0), mine = r < s.rows.B ? s.rows.steps_of(r) : 0;
  const int64_t begin = j.steps.from, end = j.steps.to < longest ? j.steps.to : longest;
  if (begin >= end) return;  // all blocks of the cluster
  Weights<8, held> u;
  load_weights<8, Panels>(u, reinterpret_cast<uint32_t*>(sums), rest, j.stride, UnitRows<Words>{j, panel});
  // Loads h before the first step of the launch, and sets the other buffer to zero, because its padding is never written.
  for (int e = static_cast<int>(threadIdx.x); e < kSliceRows * j.pitch; e += kTileThreads) {
    const int row = e / j.pitch, word = e % j.pitch;
    h[row * j.pitch + swizzled(row, word)] = word_before<Words>(s, begin, r0 + row, word);
    h[kSliceRows * j.pitch + e] = 0;
  }
  float c[Panels], start[Panels][4];
#pragma unroll
  for (int p = 0; p < Panels; ++p)
    c[p] = begin < mine && first + 16 * p < s.H ? s.c_before(s.rows.first(begin) + r, r, first + 16 * p) : 0.0f;
  int64_t row = begin < mine ? s.rows.first(begin) + r : -1;
  load_start<Panels>(s, row, first, start);
  cluster_sync();  // no block may write to another one that is still loading
  for (int64_t step = begin; step < end; ++step) {
    multiply_slice<Words, Panels>(j, u, h + (step - begin) % 2 * kSliceRows * j.pitch, sums);
    __syncthreads();
    UnitForward cell[Panels];
#pragma unroll
    for (int p = 0; p < Panels; ++p) {
      cell[p].template step<Panels>(sums, p, start[p], row >= 0 && first + 16 * p < s.H, c[p]);
      c[p] = cell[p].c;
      give<Words>(j, h + (step + 1 - begin) % 2 * kSliceRows * j.pitch, panel + p, cell[p].h);
    }
    cluster_arrive();
#pragma unroll
    for (int p = 0; p < Panels; ++p)
      if (row >= 0 && first + 16 * p < s.H)
        cell[p].store(s, row, r, first + 16 * p, step + 1 == mine || step + 1 == end);
    row = step + 1 < mine && step + 1 < end ? s.rows.first(step + 1) + r : -1;
    load_start<Panels>(s, row, first, start);
    cluster_wait();
  }
}

using Kernel = void (*)(LstmJob);
template <class Words>
Kernel kernel_of(int panels) {
  switch (panels) {
    case 1: return lstm_persistent_cluster_kernel<Words, 1>;
    case 2: return lstm_persistent_cluster_kernel<Words, 2>;
    case 3: return lstm_persistent_cluster_kernel<Words, 3>;
    default: return lstm_persistent_cluster_kernel<Words, 4>;
  }
}
Kernel kernel_of(const Lstm& s, const LstmPlan& plan) {
  return s.precision == GC_BF16 ? kernel_of<Bf16Words>(plan.panels) : kernel_of<Tf32Words>(plan.panels);
}

LstmPlan plan_of(const Lstm& s, bool wide) {
  return cluster_forward_plan(shape_of(s), lstm_device(), wide, [&](const LstmPlan& p) {
    return clusters_at_once(cluster_shape(s, p), kernel_of(s, p));
  });
}
}  // namespace

bool lstm_cluster_fits(const Lstm& s, bool wide) {
  return s.plain() && device_info().cluster_blocks > 1 && plan_of(s, wide).blocks > 0;
}

void lstm_cluster_forward(Queue& queue, const Lstm& s, bool wide, Steps steps) {
  const LstmPlan plan = plan_of(s, wide);
  launch(queue, cluster_shape(s, plan), kernel_of(s, plan), job_of(s, plan, steps));
}
}  // namespace cuda
}  // namespace gatecell
