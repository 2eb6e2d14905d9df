// lstm_grid.cu: the forward recurrence in one launch over the whole grid, for U that no cluster holds. Blocks share out the hidden
// units and keep their rows of U in shared memory; where blocks are left, slices of the batch are shared out over groups of them.
// No barrier: h goes through global memory in words that say themselves whether they have arrived (exchange.h), in two
// buffers in turn. A buffer may be written again when all of the other has arrived: whoever wrote that had read all of this.
#include "../exchange.h"
#include "lstm_resident.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int kInFlight = 4;  // vectors of four words that a thread waits for together

struct GridJob {
  LstmJob job;
  uint32_t* wire;  // [2][row of the batch][words]
  int64_t rows;    // of the batch, in whole slices
  Patience patience;
  __device__ uint32_t* slot(int64_t step, int64_t r) const { return wire + (step % 2 * rows + r) * job.words; }
};

// h before `step` of `live` rows from r0 on, as they arrive; false where one did not.
template <class Words>
__device__ bool fetch(const GridJob& g, uint32_t* h, int64_t r0, int live, int64_t step) {
  const uint32_t* from = g.slot(step, r0);
  const uint32_t tag = tag_of_step(step);
  const int per_row = g.job.words / 4, count = live * per_row;
  for (int e0 = static_cast<int>(threadIdx.x); e0 < count; e0 += kTileThreads * kInFlight) {
    uint32_t w[kInFlight][4];
    unsigned missing = 0;
#pragma unroll
    for (int q = 0; q < kInFlight; ++q) missing |= e0 + q * kTileThreads < count ? 1u << q : 0u;
    for (int64_t looks = 0; missing != 0; ++looks) {
      if (looks > 0 && g.patience.over(looks, step)) return false;
#pragma unroll
      for (int q = 0; q < kInFlight; ++q)
        if (missing >> q & 1) load_shared_words(from + int64_t{e0 + q * kTileThreads} * 4, w[q]);
#pragma unroll
      for (int q = 0; q < kInFlight; ++q) {
        bool all = true;
#pragma unroll
        for (int i = 0; i < 4; ++i) all = all && Tagged<Words>::has(w[q][i], tag);
        if ((missing >> q & 1) && all) missing &= ~(1u << q);
      }
    }
#pragma unroll
    for (int q = 0; q < kInFlight; ++q) {
      const int e = e0 + q * kTileThreads;
      if (e >= count) break;
#pragma unroll
      for (int i = 0; i < 4; ++i) h[e / per_row * g.job.stride + e % per_row * 4 + i] = Tagged<Words>::value(w[q][i]);
    }
  }
  return true;
}

// h of this thread's unit to where all blocks read it for the step after.
template <class Words>
__device__ __forceinline__ void give(const GridJob& g, int64_t step, int64_t r, int64_t unit, bool real, float h) {
  const float neighbour = __shfl_xor_sync(kAllLanes, h, 1);
  const int64_t word = unit / Words::kPerWord;
  if (!real || unit % Words::kPerWord != 0 || word >= g.job.words) return;
  store_shared_word(g.slot(step + 1, r) + word, Tagged<Words>::word(h, neighbour, tag_of_step(step + 1)));
}

template <class Words, int Panels>
__global__ void __launch_bounds__(kTileThreads) lstm_persistent_grid_kernel(GridJob g) {
  const LstmJob& j = g.job;
  const LstmView& s = j.s;
  uint32_t* u = reinterpret_cast<uint32_t*>(dynamic_shared());  // [panels * 64][stride]
  uint32_t* h = u + Panels * 64 * j.stride;                     // [16][stride]
  float* sums = reinterpret_cast<float*>(h + kSliceRows * j.stride);
  int* stuck = reinterpret_cast<int*>(sums + kBlockWarps * kSliceRows * 64);
  const int64_t first = int64_t{blockIdx.x} * Panels * 16 + threadIdx.x % 16;
  load_rows<Words>(j, u, int64_t{blockIdx.x} * Panels, Panels);
  if (threadIdx.x == 0) *stuck = 0;
  __syncthreads();
  for (int64_t step = 0; step < s.rows.T; ++step) {
    const int64_t alive = s.rows.live(step);
    for (int64_t r0 = int64_t{blockIdx.y} * kSliceRows; r0 < alive; r0 += int64_t{gridDim.y} * kSliceRows) {
      const int64_t r = r0 + threadIdx.x / 16, row = r < alive ? s.rows.first(step) + r : -1;
      float start[Panels][4], c[Panels];
      load_start<Panels>(s, row, first, start);
#pragma unroll
      for (int p = 0; p < Panels; ++p)
        c[p] = row >= 0 && first + 16 * p < s.H ? s.c_before(row, r, first + 16 * p) : 0.0f;
      const int live = static_cast<int>(alive - r0 < kSliceRows ? alive - r0 : kSliceRows);
      if (step == 0) load_first_state<Words>(j, h, r0);
      else if (!fetch<Words>(g, h, r0, live, step)) *stuck = 1;
      __syncthreads();
      if (*stuck) return;
      multiply_slice<Words, Panels>(j, u, h, sums);
      __syncthreads();
      const bool last = row >= 0 && step + 1 == s.rows.steps_of(r);
#pragma unroll
      for (int p = 0; p < Panels; ++p) {
        const float out = resident_cell<Panels>(s, sums, p, start[p], row, r, first + 16 * p, last || !s.keep, c[p]);
        give<Words>(g, step, r, first + 16 * p, row >= 0, out);
      }
    }
  }
}

template <class Words>
void launch_grid(Queue& queue, const GridJob& g, int panels, const Shape& shape) {
  switch (panels) {
    case 1: return launch(queue, shape, lstm_persistent_grid_kernel<Words, 1>, g);
    case 2: return launch(queue, shape, lstm_persistent_grid_kernel<Words, 2>, g);
    case 3: return launch(queue, shape, lstm_persistent_grid_kernel<Words, 3>, g);
    default: return launch(queue, shape, lstm_persistent_grid_kernel<Words, 4>, g);
  }
}
}  // namespace

bool lstm_grid_fits(const Lstm& s) { return s.plain() && grid_forward_plan(shape_of(s), lstm_device()).blocks > 0; }

void lstm_grid_forward(const Node& n, const Lstm& s) {
  const LstmPlan plan = grid_forward_plan(shape_of(s), lstm_device());
  const int64_t rows = shape_of(s).slices() * kSliceRows;
  const GridJob g = {job_of(s, plan), s.wire, rows, patience_of(n)};
  n.queue.zero(s.wire, 2 * rows * plan.words * 4);  // no tag of an earlier run
  Shape shape;
  shape.grid = dim3(plan.blocks, plan.groups);
  shape.block = dim3(kTileThreads);
  shape.together = true;
  shape.shared = plan.shared;
  if (s.precision == GC_BF16) launch_grid<Bf16Words>(n.queue, g, plan.panels, shape);
  else launch_grid<Tf32Words>(n.queue, g, plan.panels, shape);
}
}  // namespace cuda
}  // namespace gatecell
