// lstm_resident.h: what the kernels of one launch share: U in a block's shared memory, a slice's product with it, and the plain cell.
// Thread (ty, tx) of 16 x 16 owns row ty of the slice and unit tx of each of the block's panels.
#pragma once
#include "lstm.h"
#include "lstm_plan.h"

namespace gatecell {
namespace cuda {

struct LstmJob {
  LstmView s;
  const float* w_hh;
  int words, stride;
  unsigned blocks;
  Steps steps;  // of this launch: states of the step before them, or back after them, lie in global memory
};
inline LstmShape shape_of(const Lstm& s) { return {s.H, s.B, s.precision == GC_BF16 ? 2 : 1}; }
inline LstmDevice lstm_device() {
  return {device_info().cluster_blocks, device_info().multiprocessors, static_cast<size_t>(block_shared_bytes())};
}
inline LstmJob job_of(const Lstm& s, const LstmPlan& plan, Steps steps) {
  return {s.view, s.w_hh->data, plan.words, plan.stride, plan.blocks, steps};
}
inline LstmJob job_of(const Lstm& s, const LstmPlan& plan) { return job_of(s, plan, s.all_steps()); }

// A cluster for each slice of the batch.
inline Shape cluster_shape(const Lstm& s, const LstmPlan& plan) {
  Shape shape;
  shape.grid = dim3(plan.blocks, static_cast<unsigned>(shape_of(s).slices()));
  shape.block = dim3(kTileThreads);
  shape.cluster = plan.blocks;
  shape.shared = plan.shared;
  return shape;
}

// Rows of U of `panels` panels from `first` on, k along hidden units.
template <class Words>
__device__ void load_rows(const LstmJob& j, uint32_t* u, int64_t first, int panels) {
  const int64_t H = j.s.H;
  for (int e = static_cast<int>(threadIdx.x); e < panels * 64 * j.words; e += kTileThreads) {
    const int row = e / j.words, word = e % j.words;
    const int64_t from = gate_row(first * 64 + row, H), k = int64_t{word} * Words::kPerWord;
    const auto at = [&](int64_t i) { return from >= 0 && i < H ? j.w_hh[from * H + i] : 0.0f; };
    u[row * j.stride + word] = Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
  }
}

// h before the first step of the launch, of the slice from r0 on; zeros for rows beyond the batch and those that have ended.
template <class Words>
__device__ void load_first_state(const LstmJob& j, uint32_t* h, int64_t r0) {
  const LstmView& s = j.s;
  for (int e = static_cast<int>(threadIdx.x); e < kSliceRows * j.words; e += kTileThreads) {
    const int row = e / j.words, word = e % j.words;
    const int64_t r = r0 + row, k = int64_t{word} * Words::kPerWord;
    const bool lives = r < s.rows.B && j.steps.from < s.rows.steps_of(r);
    const int64_t at_row = lives ? s.rows.first(j.steps.from) + r : -1;
    const auto at = [&](int64_t i) { return lives && i < s.H ? s.h_before(at_row, i) : 0.0f; };
    h[row * j.stride + word] = Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
  }
}

// This warp's part of h U^T for its panel, to `sums` [slice of k][panel][16][64].
template <class Words, int Panels>
__device__ __forceinline__ void multiply_slice(const LstmJob& j, const uint32_t* u, const uint32_t* h, float* sums) {
  constexpr int slices = kBlockWarps / Panels;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, panel = warp / slices, slice = warp % slices;
  const int group = static_cast<int>(lane_id()) / 4, member = static_cast<int>(lane_id()) % 4;
  if (panel >= Panels) return;
  float c[8][4] = {};
  for (int word = slice * 8; word < j.words; word += slices * 8) {
    const uint32_t* at = h + group * j.stride + word + member;
    const uint32_t fa[4] = {at[0], at[8 * j.stride], at[4], at[8 * j.stride + 4]};
#pragma unroll
    for (int tile = 0; tile < 8; ++tile) {
      const uint32_t* bt = u + (panel * 64 + tile * 8 + group) * j.stride + word + member;
      const uint32_t fb[2] = {bt[0], bt[4]};
      Words::mma(c[tile], fa, fb);
    }
  }
  float* to = sums + (slice * Panels + panel) * kSliceRows * 64;
#pragma unroll
  for (int tile = 0; tile < 8; ++tile)
#pragma unroll
    for (int i = 0; i < 4; ++i) to[(group + i / 2 * 8) * 64 + tile * 8 + 2 * member + i % 2] = c[tile][i];
}

// Pre-activations of this thread's units as the projection left them; zeros where there is no row.
template <int Panels>
__device__ __forceinline__ void load_start(const LstmView& s, int64_t row, int64_t unit, float (&start)[Panels][4]) {
#pragma unroll
  for (int p = 0; p < Panels; ++p)
#pragma unroll
    for (int g = 0; g < 4; ++g)
      start[p][g] = row >= 0 && unit + 16 * p < s.H ? s.gate(row, unit + 16 * p)[16 * g] : 0.0f;
}

// One unit forward; returns h. Rows and units beyond the matrix give zero and write nothing. `last`: of this row.
template <int Panels>
__device__ __forceinline__ float resident_cell(const LstmView& s, const float* sums, int panel, const float (&start)[4],
                                               int64_t row, int64_t r, int64_t unit, bool last, float& c) {
  constexpr int slices = kBlockWarps / Panels;
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  float v[4];
#pragma unroll
  for (int g = 0; g < 4; ++g) {
    float sum = 0;
    for (int k = 0; k < slices; ++k) sum += sums[((k * Panels + panel) * kSliceRows + ty) * 64 + tx + 16 * g];
    v[g] = start[g] + sum;
  }
  v_gates(v[0], v[1], v[2], v[3]);
  if (row < 0 || unit >= s.H) return 0.0f;
  c = v_fma(v[1], c, v_mul(v[0], v[2]));
  const float h = v_mul(v[3], v_tanh(c));
  s.y[s.rows.at(row) * s.ld_y + unit] = h;
  if (s.keep) {
    float* to = s.gate(row, unit);
    to[0] = v[0], to[16] = v[1], to[32] = v[2], to[48] = v[3];
  }
  if (s.keep || last) *s.c_at(row, r, unit) = c;
  return h;
}

// What one unit's backward step reads, asked for before it is needed.
struct UnitBack {
  float i, f, g, o, c, before, dy;
  __device__ __forceinline__ void load(const LstmView& s, int64_t row, int64_t unit) {
    const float* at = s.gate(row, unit);
    i = at[0], f = at[16], g = at[32], o = at[48];
    c = *s.c_at(row, 0, unit), before = s.c_before(row, 0, unit);
    dy = s.dy ? s.dy[s.rows.at(row) * s.ld_y + unit] : 0.0f;
  }
  // From dh of the step after: the gradients of the pre-activations; dc is carried.
  __device__ __forceinline__ void step(float dh, float& dc, float (&d)[4]) const {
    const float tc = v_tanh(c);
    dh = v_add(dh, dy);
    const float whole = v_add(dc, tanh_slope(tc, v_mul(dh, o)));
    d[0] = sigmoid_slope(i, v_mul(whole, g));
    d[1] = sigmoid_slope(f, v_mul(whole, before));
    d[2] = tanh_slope(g, v_mul(whole, i));
    d[3] = sigmoid_slope(o, v_mul(dh, tc));
    dc = v_mul(whole, f);
  }
};

}  // namespace cuda
}  // namespace gatecell
