// lstm_grid_backward.cu: the backward recurrence in one launch over the whole grid. A block keeps the columns of U of its own 16 units. In
// each step dh of these units is the product with dG of the step after, which all blocks send through global memory; the cells of the units
// compute the block's part of dG, which the block sends. dG may have any magnitude, so its words have no bits free for a tag. Instead, a
// word that is not 0 has arrived, and words are set to 0 beforehand, in halves of a ring of steps (see Ring).
#include "lstm_wire.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int kInFlight = 8;  // stretches for which a warp waits at the same time

// Returns the word of a gradient: the complement of a word that is never ~0, so that 0 means that nothing has arrived.
template <class Words>
__device__ __forceinline__ uint32_t sent(float even, float odd) {
  const auto clean = [](float x) { return x == x ? x : bits_float(0x7fc00000); };
  return ~Words::word(clean(even), clean(odd));
}

// The positions of the words of a turn; the number of a turn is that of the steps done before it. A thread writes the same words of a row at each
// turn, and one lane of each block reads them. Let a half of the ring begin with turn M. When dG of turn M has arrived, at turn M + 1, all blocks
// have read the half before, and each thread clears its own words in it, followed by a fence. At the last turn of the half each lane has read words
// that were sent after that fence, and executes a fence of its own, so that the words of the next half which it then reads are either clear or new.
struct Ring {
  int64_t turns;  // the number of turns that have positions of their own
  __device__ Ring(int64_t T) : turns(T < kRing ? T : kRing) {}
  __device__ __forceinline__ int64_t place(int64_t turn) const { return turn % turns; }
  static constexpr int64_t kHalf = kRing / 2;
  // Returns the first position to clear after this turn of T, or -1 if there is none.
  __device__ __forceinline__ int64_t used(int64_t turn, int64_t T) const {
    const int64_t half = turn / kHalf;
    return turn % kHalf == 1 && half > 0 && (half + 1) * kHalf < T ? (half + 1) % 2 * kHalf : -1;
  }
  __device__ __forceinline__ bool ends_half(int64_t turn) const { return turn % kHalf == kHalf - 1; }
};

// Returns the address of this thread's first word for a row at a turn; the words of the other gates follow at distances of 16 elements.
template <class Words>
__device__ __forceinline__ uint32_t* own_words(const WireJob& g, int64_t place, int64_t r, int64_t unit) {
  const int64_t k =
      unit / 16 * 64 + unit % 16 / Words::kPerWord * Words::kPerWord + (Words::kPerWord == 2 ? unit % 2 * 32 : 0);
  return g.wire + (place * g.rows + r) * g.job.words + k / Words::kPerWord;
}

// Sends dG of this thread's unit. With bf16 a word belongs to two neighbouring units, and each lane of the pair sends two gates.
template <class Words>
__device__ __forceinline__ void give(uint32_t* to, bool real, const float (&d)[4]) {
  if (Words::kPerWord == 1) {
#pragma unroll
    for (int gate = 0; gate < 4; ++gate)
      if (real) store_wire(to + gate * 16, sent<Words>(d[gate], 0.0f));
    return;
  }
  const bool odd = threadIdx.x % 2 != 0;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float mine = odd ? d[2 + i] : d[i], theirs = __shfl_xor_sync(kAllLanes, odd ? d[i] : d[2 + i], 1);
    if (real) store_wire(to + i * 8, odd ? sent<Words>(theirs, mine) : sent<Words>(mine, theirs));
  }
}

// Clears this thread's words of all rows so far, in half the ring.
template <class Words>
__device__ __forceinline__ void clear_half(const WireJob& g, int64_t first, int64_t active, int64_t unit) {
  constexpr int count = Words::kPerWord == 2 ? 2 : 4, apart = 16 / Words::kPerWord;
  const int64_t ty = threadIdx.x / 16;
  for (int64_t r = int64_t{blockIdx.y} * kSliceRows + ty; r < active; r += int64_t{gridDim.y} * kSliceRows)
    for (int64_t place = first; place < first + Ring::kHalf; ++place)
      for (int i = 0; i < count; ++i) store_wire(own_words<Words>(g, place, r, unit) + i * apart, 0);
}

template <class Words>
__global__ void __launch_bounds__(kTileThreads, 1) lstm_persistent_grid_backward_kernel(WireJob g) {
  const LstmJob& j = g.job;
  const LstmView& s = j.s;
  float* sums = reinterpret_cast<float*>(dynamic_shared());                            // [warp][16][16]
  uint32_t* rest = reinterpret_cast<uint32_t*>(sums + kBlockWarps * kSliceRows * 16);  // [16][stride]
  int* stuck = reinterpret_cast<int*>(rest + 16 * j.stride);
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int64_t unit = int64_t{blockIdx.x} * 16 + tx;
  Weights<2, kHeldBack> u;
  load_weights<2, 1>(u, reinterpret_cast<uint32_t*>(sums), rest, j.stride,
                     UnitColumns<Words>{j, int64_t{blockIdx.x} * 16});
  if (threadIdx.x == 0) *stuck = 0;
  __syncthreads();
  const Ring ring(s.rows.T);
  for (int64_t step = s.rows.T - 1; step >= 0; --step) {
    const int64_t turn = s.rows.T - 1 - step;
    const int64_t active = s.rows.live(step), after = turn > 0 ? s.rows.live(step + 1) : 0;
    for (int64_t r0 = int64_t{blockIdx.y} * kSliceRows; r0 < active; r0 += int64_t{gridDim.y} * kSliceRows) {
      const int64_t r = r0 + ty, row = r < active ? s.rows.first(step) + r : -1;
      const bool real = row >= 0 && unit < s.H;
      UnitBack back = {};
      if (real) back.load(s, row, unit);
      float dc = real ? s.dc[r * s.H + unit] : 0.0f;
      const int64_t left = after - r0;
      const int live = static_cast<int>(left < 0 ? 0 : left < kSliceRows ? left : kSliceRows);
      float c[4][4] = {};
      if (live > 0) {
        const uint32_t* from = g.wire + (ring.place(turn - 1) * g.rows + r0) * j.words;
        const auto take = [](uint32_t(&w)[4]) {
          bool all = true;
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            all = all && w[i] != 0;
            w[i] = ~w[i];
          }
          return all;
        };
        if (!multiply_arriving<Words, kInFlight>(g, u, from, live, step, take, c)) *stuck = 1;
      }
      keep_sums<2>(c, sums + warp * kSliceRows * 16);
      __syncthreads();
      if (*stuck) return;
      float d[4] = {0, 0, 0, 0};
      if (real) {
        float dh = 0;
        if (r >= after) dh = s.dh[r * s.R + unit];  // rows that end with this step: the gradient of hT
        else
#pragma unroll
          for (int k = 0; k < kBlockWarps; ++k) dh += sums[k * kSliceRows * 16 + sum_place<16>(ty, tx)];
        back.step(dh, dc, d);
      }
      if (step > 0) give<Words>(own_words<Words>(g, ring.place(turn), r, unit), row >= 0, d);
      if (real) s.dc[r * s.H + unit] = dc;
      if (row >= 0) {
        float* to = s.gate(row, unit);
        to[0] = d[0], to[16] = d[1], to[32] = d[2], to[48] = d[3];
      }
      __syncthreads();  // before the sums are overwritten; words of other blocks may still be on their way
    }
    const int64_t used = ring.used(turn, s.rows.T);
    if (used >= 0) clear_half<Words>(g, used, active, unit);
    if (used >= 0 || ring.ends_half(turn)) __threadfence();
  }
}
}  // namespace

bool lstm_grid_backward_fits(const Lstm& s) {
  return s.plain() && grid_backward_plan(shape_of(s), lstm_device()).blocks > 0;
}

void lstm_grid_backward(const Node& n, const Lstm& s) {
  const LstmShape shape = shape_of(s);
  const LstmPlan plan = grid_backward_plan(shape, lstm_device());
  const WireJob g = {job_of(s, plan), s.wire_back, plan.words, shape.slices() * kSliceRows, patience_of(n)};
  n.queue.zero(s.wire_back, backward_wire(shape, plan, s.T) * 4);
  launch(n.queue, wire_shape(plan),
         s.precision == GC_BF16 ? lstm_persistent_grid_backward_kernel<Bf16Words>
                                : lstm_persistent_grid_backward_kernel<Tf32Words>,
         g);
}
}  // namespace cuda
}  // namespace gatecell
