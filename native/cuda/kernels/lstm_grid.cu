// lstm_grid.cu: the forward recurrence in one launch over the whole grid, for U that no cluster holds. A block keeps the rows of U of
// 16 hidden units in shared memory; where blocks are left, slices of the batch are shared out over groups of them. No barrier:
// h goes through global memory in words that say themselves whether they have arrived (../exchange.h), in two buffers in turn. A
// buffer may be written again when all of the other has arrived: whoever wrote that had read all of this.
#include "lstm_wire.h"

namespace gatecell {
namespace cuda {
namespace {

__device__ uint32_t* slot(const WireJob& g, int64_t step, int64_t r) {
  return g.wire + (step % 2 * g.rows + r) * g.pitch;
}

// Four words of h before the first step.
template <class Words>
__device__ void first_words(const LstmView& s, int64_t r, int word, uint32_t (&w)[4]) {
  const float* from = s.h0 ? s.h0 + s.rows.batch_row(r) * s.ld_h0 : nullptr;
  const auto at = [&](int64_t k) { return from && k < s.H ? from[k] : 0.0f; };
  for (int i = 0; i < 4; ++i) {
    const int64_t k = int64_t{word + i} * Words::kPerWord;
    w[i] = Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
  }
}

// h of this thread's unit to where all blocks read it for the step after.
template <class Words>
__device__ __forceinline__ void give(const WireJob& g, int64_t step, int64_t r, int64_t unit, bool real, float h) {
  const float neighbour = __shfl_xor_sync(kAllLanes, h, 1);
  const int64_t word = unit / Words::kPerWord;
  if (!real || unit % Words::kPerWord != 0) return;
  store_wire(slot(g, step + 1, r) + word, Tagged<Words>::word(h, neighbour, tag_of_step(step + 1)));
}

template <class Words>
__global__ void __launch_bounds__(kTileThreads, 1) lstm_persistent_grid_kernel(WireJob g) {
  const LstmJob& j = g.job;
  const LstmView& s = j.s;
  uint32_t* u = reinterpret_cast<uint32_t*>(dynamic_shared());  // [64][stride]
  float* sums = reinterpret_cast<float*>(u + 64 * j.stride);    // [warp][16][64]
  int* stuck = reinterpret_cast<int*>(sums + kBlockWarps * kSliceRows * 64);
  const int64_t unit = int64_t{blockIdx.x} * 16 + threadIdx.x % 16;
  load_rows<Words>(j, u, blockIdx.x, 1);
  if (threadIdx.x == 0) *stuck = 0;
  __syncthreads();
  for (int64_t step = 0; step < s.rows.T; ++step) {
    const int64_t alive = s.rows.live(step);
    for (int64_t r0 = int64_t{blockIdx.y} * kSliceRows; r0 < alive; r0 += int64_t{gridDim.y} * kSliceRows) {
      const int64_t r = r0 + threadIdx.x / 16, row = r < alive ? s.rows.first(step) + r : -1;
      float start[1][4], cell = row >= 0 && unit < s.H ? s.c_before(row, r, unit) : 0.0f;
      load_start<1>(s, row, unit, start);
      const int live = static_cast<int>(alive - r0 < kSliceRows ? alive - r0 : kSliceRows);
      const uint32_t tag = tag_of_step(step), *from = slot(g, step, r0);
      float c[8][4] = {};
      const bool arrived = multiply_arriving<Words>(
          g, u, live, step,
          [&](int at, int word, uint32_t(&w)[4]) {
            if (step == 0) return first_words<Words>(s, r0 + at, word, w), true;
            load_wire(from + at * g.pitch + word, w);
            bool all = true;
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              all = all && Tagged<Words>::has(w[i], tag);
              w[i] = Tagged<Words>::value(w[i]);
            }
            return all;
          },
          c);
      keep_sums(c, sums);
      if (!arrived) *stuck = 1;
      __syncthreads();
      if (*stuck) return;
      const bool last = row >= 0 && (!s.keep || step + 1 == s.rows.steps_of(r));
      const float h = resident_cell<1>(s, sums, 0, start[0], row, r, unit, last, cell);
      give<Words>(g, step, r, unit, row >= 0, h);
      __syncthreads();  // before the sums are written again
    }
  }
}
}  // namespace

bool lstm_grid_fits(const Lstm& s) { return s.plain() && grid_forward_plan(shape_of(s), lstm_device()).blocks > 0; }

void lstm_grid_forward(const Node& n, const Lstm& s) {
  const LstmPlan plan = grid_forward_plan(shape_of(s), lstm_device());
  const int64_t rows = shape_of(s).slices() * kSliceRows;
  const int words = whole_eights(s.H, shape_of(s).per_word);
  const WireJob g = {job_of(s, plan), s.wire, plan.words, words, rows, patience_of(n)};
  n.queue.zero(s.wire, 2 * rows * plan.words * 4);  // no tag of an earlier run
  launch(n.queue, wire_shape(plan),
         s.precision == GC_BF16 ? lstm_persistent_grid_kernel<Bf16Words> : lstm_persistent_grid_kernel<Tf32Words>, g);
}
}  // namespace cuda
}  // namespace gatecell
