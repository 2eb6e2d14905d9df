// lstm_grid_backward.cu: the recurrence back in time in one launch over the whole grid. A block keeps the columns of U of its own 16
// units. A step: dh of these units is the product with dG of the step after, which comes from all blocks through global memory; their
// cells give the block's part of dG, which goes there. dG may be of any size, so no bits of its words are free for a tag:
// every row has a place of its own, cleared before the launch, and a word that is not clear has arrived.
#include "lstm_wire.h"

namespace gatecell {
namespace cuda {
namespace {

// A gradient as a word that is never ~0, kept as its complement: 0 says that nothing has arrived.
template <class Words>
__device__ __forceinline__ uint32_t sent(float even, float odd) {
  const auto clean = [](float x) { return x == x ? x : bits_float(0x7fc00000); };
  return ~Words::word(clean(even), clean(odd));
}

// Columns of U of this block's units, k along all gates: [16][stride].
template <class Words>
__device__ void load_columns(const LstmJob& j, uint32_t* u) {
  const int64_t H = j.s.H;
  for (int e = static_cast<int>(threadIdx.x); e < 16 * j.words; e += kTileThreads) {
    const int64_t unit = int64_t{blockIdx.x} * 16 + e % 16;
    const int word = e / 16;
    const auto at = [&](int64_t k) {
      const int64_t row = k < j.s.columns ? gate_row(k, H) : -1;
      return row >= 0 && unit < H ? j.w_hh[row * H + unit] : 0.0f;
    };
    const int64_t k = int64_t{word} * Words::kPerWord;
    u[e % 16 * j.stride + word] = Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
  }
}

// dG of this thread's unit; with bf16 a word is two neighbouring units', and each lane of the pair sends two gates.
template <class Words>
__device__ __forceinline__ void give(const WireJob& g, int64_t row, int64_t unit, const float (&d)[4]) {
  uint32_t* to =
      g.wire + row * g.pitch + (unit / 16 * 64 + unit % 16 / Words::kPerWord * Words::kPerWord) / Words::kPerWord;
  const bool odd = unit % 2 != 0;
#pragma unroll
  for (int gate = 0; gate < 4; ++gate) {
    const float other = __shfl_xor_sync(kAllLanes, d[gate], 1);
    if (row < 0 || (Words::kPerWord == 2 && odd != (gate >= 2))) continue;
    const float even_value = Words::kPerWord == 2 && odd ? other : d[gate], odd_value = odd ? d[gate] : other;
    store_wire(to + gate * 16 / Words::kPerWord, sent<Words>(even_value, odd_value));
  }
}

template <class Words>
__global__ void __launch_bounds__(kTileThreads, 1) lstm_persistent_grid_backward_kernel(WireJob g) {
  const LstmJob& j = g.job;
  const LstmView& s = j.s;
  uint32_t* u = reinterpret_cast<uint32_t*>(dynamic_shared());  // [16][stride]
  float* sums = reinterpret_cast<float*>(u + 16 * j.stride);    // [warp][16][16]
  int* stuck = reinterpret_cast<int*>(sums + kBlockWarps * kSliceRows * 16);
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  const int64_t unit = int64_t{blockIdx.x} * 16 + tx;
  load_columns<Words>(j, u);
  if (threadIdx.x == 0) *stuck = 0;
  __syncthreads();
  for (int64_t step = s.rows.T - 1; step >= 0; --step) {
    const int64_t alive = s.rows.live(step), after = step + 1 < s.rows.T ? s.rows.live(step + 1) : 0;
    for (int64_t r0 = int64_t{blockIdx.y} * kSliceRows; r0 < alive; r0 += int64_t{gridDim.y} * kSliceRows) {
      const int64_t r = r0 + ty, row = r < alive ? s.rows.first(step) + r : -1;
      const bool real = row >= 0 && unit < s.H;
      UnitBack back = {};
      if (real) back.load(s, row, unit);
      float dc = real ? s.dc[r * s.H + unit] : 0.0f;
      const int64_t left = after - r0;
      const int live = static_cast<int>(left < 0 ? 0 : left < kSliceRows ? left : kSliceRows);
      float c[2][4] = {};
      bool arrived = true;
      if (live > 0) {
        const uint32_t* from = g.wire + (s.rows.first(step + 1) + r0) * g.pitch;
        arrived = multiply_arriving<Words>(
            g, u, live, step,
            [&](int at, int word, uint32_t(&w)[4]) {
              load_wire(from + at * g.pitch + word, w);
              bool all = true;
#pragma unroll
              for (int i = 0; i < 4; ++i) {
                all = all && w[i] != 0;
                w[i] = ~w[i];
              }
              return all;
            },
            c);
      }
      keep_sums(c, sums);
      if (!arrived) *stuck = 1;
      __syncthreads();
      if (*stuck) return;
      float d[4] = {0, 0, 0, 0};
      if (real) {
        float dh = 0;
        if (r >= after) dh = s.dh[r * s.R + unit];  // ends with this step: what hT was given
        else
          for (int warp = 0; warp < kBlockWarps; ++warp) dh += sums[(warp * kSliceRows + ty) * 16 + tx];
        back.step(dh, dc, d);
        s.dc[r * s.H + unit] = dc;
      }
      if (row >= 0) {
        float* to = s.gate(row, unit);
        to[0] = d[0], to[16] = d[1], to[32] = d[2], to[48] = d[3];
      }
      give<Words>(g, step > 0 ? row : -1, unit, d);
      __syncthreads();  // before the sums are written again
    }
  }
}
}  // namespace

bool lstm_grid_backward_fits(const Lstm& s) {
  return s.plain() && grid_backward_plan(shape_of(s), lstm_device()).blocks > 0;
}

void lstm_grid_backward(const Node& n, const Lstm& s) {
  const LstmPlan plan = grid_backward_plan(shape_of(s), lstm_device());
  const WireJob g = {job_of(s, plan), s.wire_back, plan.words, plan.words, 0, patience_of(n)};
  n.queue.zero(s.wire_back, s.all_rows() * plan.words * 4);
  launch(n.queue, wire_shape(plan),
         s.precision == GC_BF16 ? lstm_persistent_grid_backward_kernel<Bf16Words>
                                : lstm_persistent_grid_backward_kernel<Tf32Words>,
         g);
}
}  // namespace cuda
}  // namespace gatecell
