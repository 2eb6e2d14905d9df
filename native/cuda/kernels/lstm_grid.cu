// lstm_grid.cu: the forward recurrence in one launch over the whole grid, for U that is too large for a cluster. A block keeps the rows of U of
// 16 hidden units; if more blocks are available, groups of blocks divide the slices of the batch. There is no barrier: h goes through global
// memory in words that have tags (../exchange.h), in two buffers in turn. A buffer may be overwritten when all words of the other one have
// arrived, because the blocks that wrote them had read this buffer before.
#include "lstm_wire.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int kInFlight = 4;  // stretches for which a warp waits at the same time

// Returns the words of h before a step; those of the first step have no tags.
__device__ __forceinline__ uint32_t* slot(const WireJob& g, int64_t step, int64_t r) {
  return g.wire + ((step == 0 ? 2 : step % 2) * g.rows + r) * g.job.words;
}

// Sends h of this thread's unit to all blocks, for the step after.
template <class Words>
__device__ __forceinline__ void give(const WireJob& g, int64_t step, int64_t r, int64_t unit, bool real, float h) {
  const float neighbour = __shfl_xor_sync(kAllLanes, h, 1);
  const int64_t word = unit / Words::kPerWord;
  if (!real || unit % Words::kPerWord != 0) return;
  store_wire(slot(g, step + 1, r) + word, Tagged<Words>::word(h, neighbour, tag_of_step(step + 1)));
}

// Sends h before the first step to all blocks.
template <class Words>
void first_words(Queue& queue, const WireJob& g) {
  const LstmView s = g.job.s;
  uint32_t* to = g.wire + 2 * g.rows * g.job.words;
  const int64_t words = g.job.words;
  each_element(queue, s.rows.B, words, [=] __device__(int64_t r, int64_t word) {
    to[r * words + word] = word_before<Words>(s, 0, r, static_cast<int>(word));
  });
}

template <class Words>
__global__ void __launch_bounds__(kTileThreads, 1) lstm_persistent_grid_kernel(WireJob g) {
  const LstmJob& j = g.job;
  const LstmView& s = j.s;
  float* sums = reinterpret_cast<float*>(dynamic_shared());                            // [warp][16][64]
  uint32_t* rest = reinterpret_cast<uint32_t*>(sums + kBlockWarps * kSliceRows * 64);  // [64][stride]
  int* stuck = reinterpret_cast<int*>(rest + 64 * j.stride);
  const int64_t unit = int64_t{blockIdx.x} * 16 + threadIdx.x % 16;
  Weights<8, kHeldForward<1>> u;
  load_weights<8, 1>(u, reinterpret_cast<uint32_t*>(sums), rest, j.stride, UnitRows<Words>{j, blockIdx.x});
  if (threadIdx.x == 0) *stuck = 0;
  __syncthreads();
  for (int64_t step = 0; step < s.rows.T; ++step) {
    const int64_t active = s.rows.live(step);
    for (int64_t r0 = int64_t{blockIdx.y} * kSliceRows; r0 < active; r0 += int64_t{gridDim.y} * kSliceRows) {
      const int64_t r = r0 + threadIdx.x / 16, row = r < active ? s.rows.first(step) + r : -1;
      const bool real = row >= 0 && unit < s.H;
      const float before = real ? s.c_before(row, r, unit) : 0.0f;
      float start[1][4];
      load_start<1>(s, row, unit, start);
      const int live = static_cast<int>(active - r0 < kSliceRows ? active - r0 : kSliceRows);
      const uint32_t tag = tag_of_step(step);
      const auto take = [&](uint32_t(&w)[4]) { return step == 0 || Tagged<Words>::take(w, tag); };
      float c[8][4] = {};
      if (!multiply_arriving<Words, kInFlight>(g, u, slot(g, step, r0), live, step, take, c)) *stuck = 1;
      keep_sums<8>(c, sums + static_cast<int>(threadIdx.x) / kWarp * kSliceRows * 64);
      __syncthreads();
      if (*stuck) return;
      UnitForward cell;
      cell.step<1>(sums, 0, start[0], real, before);
      give<Words>(g, step, r, unit, row >= 0, cell.h);
      if (real) cell.store(s, row, r, unit, !s.keep || step + 1 == s.rows.steps_of(r));
      __syncthreads();  // before the sums are overwritten; words of other blocks may still be on their way
    }
  }
}

template <class Words>
void launch_grid(Queue& queue, const LstmPlan& plan, const WireJob& g) {
  if (g.job.s.h0) first_words<Words>(queue, g);
  launch(queue, wire_shape(plan), lstm_persistent_grid_kernel<Words>, g);
}
}  // namespace

bool lstm_grid_fits(const Lstm& s) { return s.plain() && grid_forward_plan(shape_of(s), lstm_device()).blocks > 0; }

void lstm_grid_forward(const Node& n, const Lstm& s) {
  const LstmShape shape = shape_of(s);
  const LstmPlan plan = grid_forward_plan(shape, lstm_device());
  const WireJob g = {job_of(s, plan), s.wire, whole_eights(s.H, shape.per_word), shape.slices() * kSliceRows,
                     patience_of(n)};
  n.queue.zero(s.wire, forward_wire(shape, plan) * 4);  // no tag of an earlier run
  s.precision == GC_BF16 ? launch_grid<Bf16Words>(n.queue, plan, g) : launch_grid<Tf32Words>(n.queue, plan, g);
}
}  // namespace cuda
}  // namespace gatecell
