// lstm_norm.cc: layer normalisation inside the cell (Ba, Kiros & Hinton 2016, "Layer normalization", supplement, eqs. 20 to 22):
//
//   (i, f, g, o) = LN(W x; gain_ih) + LN(U h; gain_hh) + b_ih + b_hh,   h = sigmoid(o) * tanh(LN(c; gain_c) + bias_c)
//
// where LN(v; gain) = gain * (v - mean) / sqrt(variance + 1e-5) over all 4H values of a row (H for c), and b_ih, b_hh stand for the
// paper's three biases, of which only the sum matters. c itself is carried without normalisation. A row needs all units, so threads own rows.
#include <cstring>

#include "../core/machine.h"
#include "lstm.h"

namespace gatecell {
namespace {

void pack_units(const float* from, int64_t H, int64_t slots, int64_t panels, float* to) {
  for (int64_t j = 0; j < panels * slots * 16; ++j) {
    const int64_t unit = j / (slots * 16) * 16 + j % 16, slot = j / 16 % slots;
    to[j] = unit < H ? from[slot * H + unit] : 0;
  }
}

gc_norm norm_of(const Lstm& s) {
  gc_norm n = {};
  n.panel = s.panel_stride;
  n.units = s.H;
  return n;
}

// Computes the sum over all rows of a[row] * b[row] (or of a) for one vector of `width` columns, in the order of the rows.
void sum_rows(const float* a, int64_t a_row, const float* b, int64_t b_row, int64_t rows, int64_t width, float* sum) {
  memset(sum, 0, static_cast<size_t>(width) * 4);
  for (int64_t r = 0; r < rows; ++r, a += a_row, b += b_row)
    for (int64_t j = 0; j < width; ++j) sum[j] += a[j] * b[j];
}
}  // namespace

void lstm_pack_gains(Plan& plan, const Node& node, const Lstm& s) {
  if (!s.norm) return;
  pack_units(plan.input(node, kGainIh)->data, s.H, 4, s.panels, s.gain_ih);
  pack_units(plan.input(node, kGainHh)->data, s.H, 4, s.panels, s.gain_hh);
  pack_units(plan.input(node, kGainC)->data, s.H, 1, s.panels, s.gain_c);
  pack_units(plan.input(node, kBiasC)->data, s.H, 1, s.panels, s.bias_c);
}

void lstm_norm_input(const Lstm& s, int64_t row) {
  gc_norm n = norm_of(s);
  n.x = s.norm_x + s.gate_at(row);
  n.gain = s.gain_ih;
  n.bias = s.bias;
  n.out = s.gates + s.gate_at(row);
  n.stats = s.stats + row * 4;
  kernels().norm_gates_forward(&n);
}

void lstm_norm_recurrent(const Lstm& s, int64_t row) {
  gc_norm n = norm_of(s);
  n.x = s.norm_h + s.gate_at(row);
  n.gain = s.gain_hh;
  n.out = s.gates + s.gate_at(row);
  n.stats = s.stats + row * 4 + 1;
  kernels().norm_gates_forward(&n);
}

void lstm_norm_output(const Lstm& s, int64_t r, int64_t step) {
  const int64_t row = s.rows.first(step) + r;
  gc_norm n = norm_of(s);
  n.x = s.c_after(step) + r * s.ld;
  n.gain = s.gain_c;
  n.bias = s.bias_c;
  n.out = s.gates + s.gate_at(row);
  n.h = s.output_of(step) + r * s.ld;
  n.stats = s.stats + row * 4 + 2;
  kernels().norm_cell_forward(&n);
}

void lstm_norm_output_backward(const Lstm& s, const float* dy, int64_t r, int64_t step) {
  const int64_t row = s.rows.first(step) + r;
  gc_norm n = norm_of(s);
  n.x = s.c_after(step) + r * s.ld;
  n.gain = s.gain_c;
  n.bias = s.bias_c;
  n.out = s.gates + s.gate_at(row);
  n.d = s.norm_dc + row * s.ld;
  n.dh = (s.projection ? s.dm : s.dh) + r * s.ld;
  n.dy = dy ? dy + r * s.ld : nullptr;
  n.dc = s.dc + r * s.ld;
  n.stats = s.stats + row * 4 + 2;
  kernels().norm_cell_backward(&n);
}

void lstm_norm_recurrent_backward(const Lstm& s, int64_t row) {
  gc_norm n = norm_of(s);
  n.x = s.norm_h + s.gate_at(row);
  n.gain = s.gain_hh;
  n.d = s.gates + s.gate_at(row);
  n.out = s.norm_dh + s.gate_at(row);
  n.stats = s.stats + row * 4 + 1;
  kernels().norm_gates_backward(&n);
}

// Turns dG into the gradient of W x, in place. Called after the gradients of gains and biases are computed.
void lstm_norm_input_backward(const Lstm& s, int index, int team) {
  const Range mine = share(s.rows.count(), index, team);
  for (int64_t row = mine.begin; row < mine.end; ++row) {
    gc_norm n = norm_of(s);
    n.x = s.norm_x + s.gate_at(row);
    n.gain = s.gain_ih;
    n.d = n.out = s.gates + s.gate_at(row);
    n.stats = s.stats + row * 4;
    kernels().norm_gates_backward(&n);
  }
}

// Computes the gradients of the gains and of the bias of c for one panel, as sums over rows in their order.
void lstm_norm_gradients(Plan& plan, const Node& node, const Lstm& s, int64_t p) {
  alignas(64) float sum[64];
  const int64_t rows = s.rows.count();
  const auto put = [&](int input, int64_t slots) {
    const Tensor* w = plan.input(node, input);
    if (!w->grad) return;
    for (int64_t j = 0; j < slots * 16; ++j) {
      const int64_t unit = p * 16 + j % 16;
      if (unit >= s.H) continue;
      float& to = w->grad[j / 16 * s.H + unit];
      to = node.accumulate[input] ? to + sum[j] : sum[j];
    }
  };
  const float* dg = s.gate_rows(p, 0);
  sum_rows(dg, 64, s.norm_x + p * s.panel_stride, 64, rows, 64, sum);
  put(kGainIh, 4);
  sum_rows(dg, 64, s.norm_h + p * s.panel_stride, 64, rows, 64, sum);
  put(kGainHh, 4);
  memset(sum, 0, sizeof sum);
  for (int64_t r = 0; r < rows; ++r) {
    const float *d = s.norm_dc + r * s.ld + p * 16, *c = s.cell + r * s.ld + p * 16, *stats = s.stats + r * 4 + 2;
    for (int64_t j = 0; j < 16; ++j) sum[j] += d[j] * ((c[j] - stats[0]) * stats[1]), sum[16 + j] += d[j];
  }
  put(kGainC, 1);
  memcpy(sum, sum + 16, 16 * 4);
  put(kBiasC, 1);
}
}  // namespace gatecell
