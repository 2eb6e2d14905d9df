// lstm_resident.h: the common part of the kernels of one launch: their arguments, U in the form in which they read it, and the plain cell.
// Thread (ty, tx) of 16 x 16 owns row ty of the slice and unit tx of each of the block's panels.
#pragma once
#include "lstm.h"
#include "lstm_weights.h"

namespace gatecell {
namespace cuda {

struct LstmJob {
  LstmView s;
  const float* w_hh;
  int words, stride, pitch;  // as in the plan
  unsigned blocks;
  Steps steps;  // of this launch: states of the step before them, or after them going back, are in global memory
};
inline LstmShape shape_of(const Lstm& s) { return {s.H, s.B, s.precision == GC_BF16 ? 2 : 1}; }
inline LstmDevice lstm_device() {
  return {device_info().cluster_blocks, device_info().multiprocessors, static_cast<size_t>(block_shared_bytes())};
}
inline LstmJob job_of(const Lstm& s, const LstmPlan& plan, Steps steps) {
  return {s.view, s.w_hh->data, plan.words, plan.stride, plan.pitch, plan.blocks, steps};
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

// Rows of U, beginning with a panel, k along hidden units.
template <class Words>
struct UnitRows {
  static constexpr bool kAlongK = true;
  const LstmJob& j;
  int64_t panel;
  __device__ __forceinline__ uint32_t operator()(int row, int word) const {
    const int64_t H = j.s.H, from = gate_row(panel * 64 + row, H), k = int64_t{word} * Words::kPerWord;
    const auto at = [&](int64_t i) { return from >= 0 && i < H ? j.w_hh[from * H + i] : 0.0f; };
    return Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
  }
};
// Columns of U, beginning with a unit, k along columns of the gate buffer.
template <class Words>
struct UnitColumns {
  static constexpr bool kAlongK = false;
  const LstmJob& j;
  int64_t unit;
  __device__ __forceinline__ uint32_t operator()(int column, int word) const {
    const int64_t H = j.s.H, n = unit + column, k = int64_t{word} * Words::kPerWord;
    const auto at = [&](int64_t i) {
      const int64_t row = i < j.s.columns ? gate_row(i, H) : -1;
      return row >= 0 && n < H ? j.w_hh[row * H + n] : 0.0f;
    };
    return Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
  }
};

// Returns a word of h before a step of batch row r; zeros outside the layer and for rows that are not active at the step.
template <class Words>
__device__ __forceinline__ uint32_t word_before(const LstmView& s, int64_t step, int64_t r, int word) {
  const bool lives = r < s.rows.B && step < s.rows.steps_of(r);
  const int64_t row = lives ? s.rows.first(step) + r : -1;
  const auto at = [&](int64_t k) { return lives && k < s.H ? s.h_before(row, k) : 0.0f; };
  const int64_t k = int64_t{word} * Words::kPerWord;
  return Words::word(at(k), Words::kPerWord == 2 ? at(k + 1) : 0.0f);
}

// Loads the pre-activations of this thread's units, which the projection has stored; zeros if there is no row.
template <int Panels>
__device__ __forceinline__ void load_start(const LstmView& s, int64_t row, int64_t unit, float (&start)[Panels][4]) {
#pragma unroll
  for (int p = 0; p < Panels; ++p)
#pragma unroll
    for (int g = 0; g < 4; ++g)
      start[p][g] = row >= 0 && unit + 16 * p < s.H ? s.gate(row, unit + 16 * p)[16 * g] : 0.0f;
}

// One unit of the forward pass, in two parts: first the values for which other threads wait, then those that are only kept.
struct UnitForward {
  float v[4], c, h;
  // Computes the cell from sums [slice of k][panel][16][64]; h is zero if there is no unit.
  template <int Panels>
  __device__ __forceinline__ void step(const float* sums, int panel, const float (&start)[4], bool real, float before) {
    const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
#pragma unroll
    for (int g = 0; g < 4; ++g) {
      float sum = 0;
#pragma unroll
      for (int k = 0; k < kBlockWarps / Panels; ++k)
        sum += sums[(k * Panels + panel) * kSliceRows * 64 + sum_place<64>(ty, tx + 16 * g)];
      v[g] = start[g] + sum;
    }
    v_gates(v[0], v[1], v[2], v[3]);
    c = v_fma(v[1], before, v_mul(v[0], v[2]));
    h = real ? v_mul(v[3], v_tanh(c)) : 0.0f;
  }
  // `last`: of this row.
  __device__ __forceinline__ void store(const LstmView& s, int64_t row, int64_t r, int64_t unit, bool last) const {
    s.y[s.rows.at(row) * s.ld_y + unit] = h;
    if (s.keep) {
      float* to = s.gate(row, unit);
      to[0] = v[0], to[16] = v[1], to[32] = v[2], to[48] = v[3];
    }
    if (s.keep || last) *s.c_at(row, r, unit) = c;
  }
};

// The inputs of the backward step of one unit, which are loaded before they are needed.
struct UnitBack {
  float i, f, g, o, c, before, dy;
  __device__ __forceinline__ void load(const LstmView& s, int64_t row, int64_t unit) {
    const float* at = s.gate(row, unit);
    i = at[0], f = at[16], g = at[32], o = at[48];
    c = *s.c_at(row, 0, unit), before = s.c_before(row, 0, unit);
    dy = s.dy ? s.dy[s.rows.at(row) * s.ld_y + unit] : 0.0f;
  }
  // Computes the gradients of the pre-activations from dh of the step after; dc is carried.
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
