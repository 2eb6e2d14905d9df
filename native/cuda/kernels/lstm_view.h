// lstm_view.h: one recurrent layer as kernels see it: the rows that are active at each step, the layout of states, and the cell in all its
// variants, forward and backward, with the same operations as native/kernels/shared/{cell,gru}.inl.
//
// A row is one batch row at one step. Without lengths row t * B + b is that of time t. With lengths the batch is sorted, longest first; the
// active rows of a step are the first live(step) of them, and only active rows exist, stored one after the other in order of steps, as on
// the processor (native/ops/lstm.h): no product touches padding. `r` is the index of a batch row in that order.
#pragma once
#include "../../core/philox.h"
#include "gemm.h"
#include "ops.h"

namespace gatecell {
namespace cuda {

struct LstmRows {
  int64_t T, B;
  bool reverse, has_lengths;
  // With lengths, computed on the device at the start of a run (lstm_rows.cu): [T], [T + 1], [B], [B], [T * B], [T * B]; and [T], in which
  // the element of the first step of a stretch is the number of rows of the stretch.
  int32_t *batch_sizes, *begin, *order, *length, *positions, *previous, *stretch;

  static int64_t ints(int64_t T, int64_t B) { return 3 * T + 1 + 2 * B + 2 * T * B; }
  void set_arrays(int32_t* at) {
    batch_sizes = at, begin = batch_sizes + T, order = begin + T + 1, length = order + B, positions = length + B;
    previous = positions + T * B, stretch = previous + T * B;
  }
  __host__ __device__ int64_t time(int64_t step) const { return reverse ? T - 1 - step : step; }
  __device__ int64_t live(int64_t step) const { return has_lengths ? batch_sizes[step] : B; }
  __device__ int64_t first(int64_t step) const { return has_lengths ? begin[step] : time(step) * B; }
  __device__ int64_t count() const { return has_lengths ? begin[T] : T * B; }
  __device__ int64_t steps_of(int64_t r) const { return has_lengths ? length[r] : T; }
  // Return the index of a row in [T, B, ...], its batch row, and the row of the step before (-1 before the first).
  __device__ int64_t at(int64_t row) const { return has_lengths ? positions[row] : row; }
  __device__ int64_t batch(int64_t row) const { return at(row) % B; }
  __device__ int64_t batch_row(int64_t r) const { return has_lengths ? order[r] : r; }
  __device__ int64_t before(int64_t row) const {
    if (has_lengths) return previous[row];
    const int64_t p = reverse ? row + B : row - B;
    return p < T * B ? p : -1;
  }
  // Return, for extents, the addresses of the number of rows of a step and of all steps; null if the number is known beforehand.
  const int32_t* live_now(int64_t step) const { return has_lengths ? batch_sizes + step : nullptr; }
  const int32_t* count_now() const { return has_lengths ? begin + T : nullptr; }
};

// Steps of a sequence, and their rows.
struct Steps {
  int64_t from, to;  // one past the last
};
struct Stretch {
  const int32_t* begin;  // with lengths: the number of rows before them; if null, `first` is
  int64_t first;
  __device__ int64_t row(int64_t m) const { return (begin ? *begin : first) + m; }
};

// The shares of c and h that keep their values (zoneout, Krueger et al. 2017): drawn if the run computes gradients, otherwise the expectation.
struct Zoneout {
  bool on, draws;
  float c, h;
  uint32_t below_c, below_h;
  uint64_t stream;
  const Control* control;

  static __device__ bool hit(const Draws& draws, uint64_t block, int64_t unit, uint32_t below) {
    const PhiloxBlock b = draws.block(block);
    const uint32_t low = unit % 2 ? b.word[1] : b.word[0], high = unit % 2 ? b.word[3] : b.word[2];
    return (unit % 4 < 2 ? low : high) < below;
  }
  __device__ void rates(int64_t place, int64_t unit, int64_t hidden, float& of_c, float& of_h) const {
    of_c = c, of_h = h;
    if (!draws) return;
    const uint64_t block = static_cast<uint64_t>(place * ((hidden + 3) / 4) + unit / 4);
    of_c = hit(Draws(control->seed, stream, control->step, Draw::kZoneoutCell), block, unit, below_c) ? 1.0f : 0.0f;
    of_h = hit(Draws(control->seed, stream, control->step, Draw::kZoneoutState), block, unit, below_h) ? 1.0f : 0.0f;
  }
};

struct LstmView {
  LstmRows rows;
  int64_t H, R, columns;  // R: width of h; columns: of the gate buffer
  bool keep, gru, norm;   // keep: cells and outputs of every row stay for the backward pass
  float *gates, *cells;   // [row][panel][i f g o of 16 units]; c by row where it is kept, else by r
  float* y;               // h of a row at rows.at(row)
  float* outputs;         // of the cell, where a projection makes h of them; as the cells lie
  const float *h0, *c0;   // null: zeros; a distance of 0: one row for all
  int64_t ld_y, ld_h0, ld_c0;
  const float* peephole;  // [3][H] of i, f, o, or null
  const float* mask;      // [B][R]: factors of h in the recurrent product, or null
  Zoneout zoneout;
  const float* dy;  // as y, or null
  float *dh, *dc;   // [r][R], [r][H]

  __device__ float* gate(int64_t row, int64_t unit) const { return gates + row * columns + unit / 16 * 64 + unit % 16; }
  __device__ float h_before(int64_t row, int64_t k) const {
    const int64_t p = rows.before(row);
    if (p >= 0) return y[rows.at(p) * ld_y + k];
    return h0 ? h0[rows.batch(row) * ld_h0 + k] : 0.0f;
  }
  __device__ float c_before(int64_t row, int64_t r, int64_t unit) const {
    const int64_t p = rows.before(row);
    if (p >= 0) return cells[(keep ? p : r) * H + unit];
    return c0 ? c0[rows.batch(row) * ld_c0 + unit] : 0.0f;
  }
  __device__ float* c_at(int64_t row, int64_t r, int64_t unit) const { return cells + (keep ? row : r) * H + unit; }
  __device__ float* output_at(int64_t row, int64_t r, int64_t unit) const {
    return outputs ? outputs + (keep ? row : r) * H + unit : y + rows.at(row) * ld_y + unit;
  }
  __device__ float mask_at(int64_t row, int64_t k) const { return mask[rows.batch(row) * R + k]; }
  // Returns whether a part of dh goes directly to the step before, without the recurrent product.
  __device__ bool passes() const { return zoneout.on || gru; }
};

// Turns pre-activations into activations and writes c and the output. With layer normalisation the output is computed elsewhere.
__device__ __forceinline__ void cell_forward(const LstmView& s, int64_t row, int64_t r, int64_t unit,
                                             const float (&v)[4]) {
  float i = v[0], f = v[1], g = v[2], o = v[3];
  float* to = s.gate(row, unit);
  const bool real = unit < s.H;
  if (s.gru) {  // r, z, n, and the part of n that comes from h
    i = v_sigmoid(i), f = v_sigmoid(f), g = v_tanh(v_fma(i, o, g));
    to[0] = i, to[16] = f, to[32] = g, to[48] = o;
    if (real) *s.output_at(row, r, unit) = v_fma(f, s.h_before(row, unit), v_mul(v_sub(1.0f, f), g));
    return;
  }
  const float before = real ? s.c_before(row, r, unit) : 0.0f;
  const float* peephole = real ? s.peephole : nullptr;
  if (peephole) {
    i = v_sigmoid(v_fma(peephole[unit], before, i)), f = v_sigmoid(v_fma(peephole[s.H + unit], before, f));
    g = v_tanh(g);
  } else {
    v_gates(i, f, g, o);
  }
  float c = v_fma(f, before, v_mul(i, g));
  if (peephole) o = v_sigmoid(v_fma(peephole[2 * s.H + unit], c, o));
  to[0] = i, to[16] = f, to[32] = g, to[48] = o;
  if (!real) return;
  float h = v_mul(o, v_tanh(c));
  if (s.zoneout.on) {
    float zc, zh;
    s.zoneout.rates(s.rows.at(row), unit, s.H, zc, zh);
    c = v_fma(zc, before, v_mul(v_sub(1.0f, zc), c));
    h = v_fma(zh, s.h_before(row, unit), v_mul(v_sub(1.0f, zh), h));
  }
  *s.c_at(row, r, unit) = c;
  if (!s.norm) *s.output_at(row, r, unit) = h;
}

// Turns activations into gradients of the pre-activations, with zeros in the padding. dc is carried, and so is the part of dh that goes
// directly to the step before. `dh`: the gradient of the output, from the step after and from the layer above. With layer normalisation the
// gradient of o is computed already, and dc includes what comes through the normalised cell.
__device__ __forceinline__ void cell_backward(const LstmView& s, int64_t row, int64_t r, int64_t unit, float dh) {
  float* at = s.gate(row, unit);
  if (unit >= s.H) {
    at[0] = at[16] = at[32] = at[48] = 0.0f;
    return;
  }
  const float i = at[0], f = at[16], g = at[32], o = at[48];
  if (s.gru) {
    const float dn = tanh_slope(g, v_mul(dh, v_sub(1.0f, f)));
    const float turn = v_mul(dh, v_sub(s.h_before(row, unit), g));
    s.dh[r * s.R + unit] = v_mul(dh, f);
    at[0] = sigmoid_slope(i, v_mul(dn, o));
    at[16] = sigmoid_slope(f, turn);
    at[32] = dn;
    at[48] = v_mul(dn, i);
    return;
  }
  const float before = s.c_before(row, r, unit);
  float dc = s.dc[r * s.H + unit], past = 0.0f, d_o = at[48];
  if (!s.norm) {
    // tanh(c) is recomputed, as on the processor; with zoneout c is, too.
    const float tc = v_tanh(s.zoneout.on ? v_fma(f, before, v_mul(i, g)) : *s.c_at(row, r, unit));
    if (s.zoneout.on) {
      float zc, zh;
      s.zoneout.rates(s.rows.at(row), unit, s.H, zc, zh);
      s.dh[r * s.R + unit] = v_mul(zh, dh);
      dh = v_mul(v_sub(1.0f, zh), dh);
      past = v_mul(zc, dc);
      dc = v_mul(v_sub(1.0f, zc), dc);
    }
    dc = v_add(dc, tanh_slope(tc, v_mul(dh, o)));
    d_o = sigmoid_slope(o, v_mul(dh, tc));
  }
  if (s.peephole) dc = v_fma(s.peephole[2 * s.H + unit], d_o, dc);
  const float d_i = sigmoid_slope(i, v_mul(dc, g)), d_f = sigmoid_slope(f, v_mul(dc, before));
  at[0] = d_i;
  at[16] = d_f;
  at[32] = tanh_slope(g, v_mul(dc, i));
  at[48] = d_o;
  float carried = v_mul(dc, f);
  if (s.peephole) carried = v_fma(s.peephole[unit], d_i, v_fma(s.peephole[s.H + unit], d_f, carried));
  if (s.zoneout.on) carried = v_add(past, carried);
  s.dc[r * s.H + unit] = carried;
}

// A(m, k) = h[k] before row first + m, masked if the layer has recurrent dropout.
struct HiddenRows {
  static constexpr bool kAlongK = true;
  LstmView s;
  int64_t step;
  __device__ float operator()(int64_t m, int64_t k) const {
    const int64_t row = s.rows.first(step) + m;
    const float h = s.h_before(row, k);
    return s.mask ? v_mul(h, s.mask_at(row, k)) : h;
  }
};
// B(k, n) = h[n] before row k, for the gradient of U.
struct HiddenColumns {
  static constexpr bool kAlongK = false;
  LstmView s;
  __device__ float operator()(int64_t row, int64_t n) const {
    const float h = s.h_before(row, n);
    return s.mask ? v_mul(h, s.mask_at(row, n)) : h;
  }
};
// Rows of one step out of [row][ld]; zeros for rows that are not active.
struct StepRows {
  static constexpr bool kAlongK = true;
  const float* a;
  int64_t ld, step;
  LstmRows rows;
  __device__ float operator()(int64_t m, int64_t k) const {
    return m < rows.live(step) ? a[(rows.first(step) + m) * ld + k] : 0.0f;
  }
};
// Rows of a stretch of steps, out of [row][ld].
struct StretchRows {
  static constexpr bool kAlongK = true;
  const float* a;
  int64_t ld;
  Stretch stretch;
  __device__ float operator()(int64_t m, int64_t k) const { return a[stretch.row(m) * ld + k]; }
};
// Rows of [T, B, ld] in the order of the rows, as the left or the right operand of a product.
struct PlacedRows {
  static constexpr bool kAlongK = true;
  const float* a;
  int64_t ld;
  LstmRows rows;
  Stretch stretch;
  __device__ float operator()(int64_t m, int64_t k) const { return a[rows.at(stretch.row(m)) * ld + k]; }
};
struct PlacedColumns {
  static constexpr bool kAlongK = false;
  const float* a;
  int64_t ld;
  LstmRows rows;
  __device__ float operator()(int64_t k, int64_t n) const { return a[rows.at(k) * ld + n]; }
};
}  // namespace cuda
}  // namespace gatecell
