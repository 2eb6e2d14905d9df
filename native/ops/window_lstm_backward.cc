// window_lstm_backward.cc: back through time for the gradients of gates, window and states; then one product for each weight.
#include <algorithm>
#include <cstring>

#include "../core/machine.h"
#include "weight_gradient.h"
#include "window_lstm.h"

namespace gatecell {
namespace {

// Sets to[b] to the gradient of a final state, or to zero.
void start(const Tensor* from, float* to, int64_t rows, int64_t cols, int64_t ld) {
  for (int64_t b = 0; b < rows; ++b) {
    float* row = to + b * ld;
    memset(row, 0, static_cast<size_t>(ld) * 4);
    if (from && from->grad) memcpy(row, from->grad + b * from->ld, static_cast<size_t>(cols) * 4);
  }
}

void finish(const Tensor* to, const float* from, int64_t from_ld, bool accumulate) {
  if (!to || !to->grad) return;
  for (int64_t r = 0; r < to->rows; ++r) {
    float* row = to->grad + r * to->ld;
    if (accumulate) kernels().add(from + r * from_ld, row, to->cols);
    else memcpy(row, from + r * from_ld, static_cast<size_t>(to->cols) * 4);
    memset(row + to->cols, 0, static_cast<size_t>(to->ld - to->cols) * 4);
  }
}

struct Packs {
  const Packed &ih, &hh, &window;
};

// Computes dw, the sum of that from the step after (in doperand) and that of the window as a result; from dw, draw and an addition to dh.
void window_step(const WindowLstm& s, const Packs& packs, Range rows, int64_t t, const Tensor* phi, bool add_chars,
                 float* scratch) {
  for (int64_t b = rows.begin; b < rows.end; ++b) {
    const int64_t row = t * s.B + b;
    float *dw = s.doperand + b * s.in_ld + s.I, *draw = s.draw + row * s.raw_ld;
    if (s.w->grad) kernels().add(s.w->grad + row * s.w->ld, dw, s.C);
    s.window.backward(b, s.raw_row(t, b), s.kappa + row * s.K, s.phi + row * s.window.U, dw,
                      phi && phi->grad ? phi->grad + row * phi->ld : nullptr, draw, s.dkappa + b * s.K, add_chars,
                      scratch);
    memset(draw + 3 * s.K, 0, static_cast<size_t>(s.raw_ld - 3 * s.K) * 4);
  }
  PackedProduct m;
  m.a = s.draw + t * s.B * s.raw_ld;
  m.a_row = s.raw_ld;
  m.segment_length = packs.window.k;
  m.b = &packs.window;
  m.c = s.dh;
  m.c_row = s.ld;
  m.columns = s.ld;
  m.accumulate = true;
  multiply(m, rows, {0, packs.window.blocks});
}

void cell_step(const WindowLstm& s, Range rows, int64_t t) {
  for (int64_t p = 0; p < s.panels; ++p) {
    const int64_t at = rows.begin * s.ld + p * 16, step = t * s.B * s.ld + at;
    gc_cell_backward cell;
    cell.gates = s.gate_rows(p, t, rows.begin);
    cell.c_prev = s.c_before(t) + at;
    cell.c = s.cell + step;
    cell.dy = s.y->grad ? s.y->grad + step : nullptr;
    cell.dh = s.dh + at;
    cell.dc = s.dc + at;
    cell.state_row = cell.dy_row = cell.dh_row = cell.dc_row = s.ld;
    cell.rows = rows.end - rows.begin;
    kernels().cell_backward[GC_CELL_PLAIN](&cell);
  }
}

// Computes, from the gradients of the gates at step t, those of h and of [x; w] before it.
void operands_step(const WindowLstm& s, const Packs& packs, Range rows, int64_t t, bool add_x) {
  PackedProduct m;
  m.a = s.gate_rows(0, t, 0);
  m.a_row = 64;
  m.segments = s.panels;
  m.segment_length = 64;
  m.a_segment = s.panel_stride;
  m.b = &packs.hh;
  m.c = s.dh;
  m.c_row = s.ld;
  m.columns = s.ld;
  multiply(m, rows, {0, packs.hh.blocks});
  m.b = &packs.ih;
  m.c = s.doperand;
  m.c_row = s.in_ld;
  m.columns = s.in_ld;
  multiply(m, rows, {0, packs.ih.blocks});
  if (!s.x->grad) return;
  for (int64_t b = rows.begin; b < rows.end; ++b) {
    float* to = s.x->grad + (t * s.B + b) * s.x->ld;
    const float* from = s.doperand + b * s.in_ld;
    if (add_x) kernels().add(from, to, s.I);
    else memcpy(to, from, static_cast<size_t>(s.I) * 4);
    memset(to + s.I, 0, static_cast<size_t>(s.x->ld - s.I) * 4);
  }
}

struct Operands {
  float *in, *h_before, *h;  // [x; w], h before and after each step, in tiles
  explicit Operands(const WindowLstm& s)
      : in(s.packed),
        h_before(in + packed_rows_floats(s.T * s.B, s.I + s.C)),
        h(h_before + packed_rows_floats(s.T * s.B, s.H)) {}
};

void pack_operands(const WindowLstm& s, int index, int team) {
  const Operands to(s);
  const int64_t rows = s.T * s.B;
  const Range mine = share(rows, index, team, 64);
  pack_rows(s.operand, s.in_ld, s.I + s.C, mine, rows, 0, to.in);
  pack_rows(s.y->data, s.ld, s.H, mine, rows, 0, to.h);
  const Range shifted = {mine.begin, std::min(mine.end, rows - s.B)};  // the last step's h feeds no gate
  if (shifted.begin < shifted.end) pack_rows(s.y->data, s.ld, s.H, shifted, rows, s.B, to.h_before);
  if (index == 0) pack_rows(s.h_before(0), s.ld, s.H, {0, s.B}, rows, 0, to.h_before);
}

void add_biases(const Plan& plan, const Node& node, const WindowLstm& s, int64_t panel) {
  alignas(64) float sum[64] = {};
  const float* row = s.gate_rows(panel, 0, 0);
  for (int64_t i = 0; i < s.T * s.B; ++i, row += 64) kernels().add(row, sum, 64);
  for (size_t input : {kWlBiasIh, kWlBiasHh}) {
    const Tensor* bias = input < node.in.size() && node.in[input] >= 0 ? &plan.tensors[node.in[input]] : nullptr;
    if (!bias || !bias->grad) continue;
    for (int64_t j = 0; j < 64; ++j) {
      const int64_t r = gate_row(panel * 64 + j, s.H);
      if (r >= 0) bias->grad[r] = node.accumulate[input] ? bias->grad[r] + sum[j] : sum[j];
    }
  }
}

// Computes one block of 64 columns of dW_window.
void window_weights(Plan& plan, const Node& node, const WindowLstm& s, int64_t n, float* block) {
  const Tensor& weight = *plan.input(node, kWlWeightWindow);
  if (!weight.grad) return;
  const int64_t width = std::min<int64_t>(64, 3 * s.K - n * 64);
  weight_gradient_block(Operands(s).h, s.H, s.T * s.B, s.draw + n * 64, s.raw_ld, width, block);
  scatter_gradient(block, s.H, width, weight.grad, node.accumulate[kWlWeightWindow],
                   [=](int64_t j) { return n * 64 + j; });
}

void weights(Plan& plan, const Node& node, const WindowLstm& s, int index, int team) {
  const Operands from(s);
  const int64_t rows = s.T * s.B;
  float* block = s.blocks + index * s.block_floats();
  const Tensor &ih = *plan.input(node, kWlWeightIh), &hh = *plan.input(node, kWlWeightHh);
  const Range panels = share(s.panels, index, team);
  for (int64_t p = panels.begin; p < panels.end; ++p) {
    const auto row = [&](int64_t j) { return gate_row(p * 64 + j, s.H); };
    const float* dg = s.gate_rows(p, 0, 0);
    if (ih.grad) {
      weight_gradient_block(from.in, s.I + s.C, rows, dg, 64, 64, block);
      scatter_gradient(block, s.I + s.C, 64, ih.grad, node.accumulate[kWlWeightIh], row);
    }
    if (hh.grad) {
      weight_gradient_block(from.h_before, s.H, rows, dg, 64, 64, block);
      scatter_gradient(block, s.H, 64, hh.grad, node.accumulate[kWlWeightHh], row);
    }
    add_biases(plan, node, s, p);
  }
  const Range blocks = share((3 * s.K + 63) / 64, index, team);
  for (int64_t n = blocks.begin; n < blocks.end; ++n) window_weights(plan, node, s, n, block);
}

void window_bias(Plan& plan, const Node& node, const WindowLstm& s) {
  const Tensor& bias = *plan.input(node, kWlBiasWindow);
  if (!bias.grad) return;
  if (!node.accumulate[kWlBiasWindow]) memset(bias.grad, 0, static_cast<size_t>(3 * s.K) * 4);
  for (int64_t row = 0; row < s.T * s.B; ++row) kernels().add(s.draw + row * s.raw_ld, bias.grad, 3 * s.K);
}
}  // namespace

void window_lstm_backward(Plan& plan, Node& node) {
  const WindowLstm s(plan, node);
  const auto pack = [&](int i) -> const Packed& { return *plan.store->packs[node.packs[static_cast<size_t>(i)]]; };
  const Packs packs = {pack(kWlIhBackward), pack(kWlHhBackward), pack(kWlWindowBackward)};
  const Tensor *phi = plan.output(node, kWlPhi), *windowT = plan.output(node, kWlWindowT),
               &chars = *plan.input(node, kWlChars);
  const bool add_chars = !s.window.one_hot() && chars.grad;
  if (add_chars && !node.accumulate[kWlChars]) memset(chars.grad, 0, static_cast<size_t>(chars.bytes()));
  start(plan.output(node, kWlHT), s.dh, s.B, s.H, s.ld);
  start(plan.output(node, kWlCT), s.dc, s.B, s.H, s.ld);
  start(plan.output(node, kWlKappaT), s.dkappa, s.B, s.K, s.K);
  memset(s.doperand, 0, static_cast<size_t>(s.B * s.in_ld) * 4);
  if (windowT && windowT->grad)
    for (int64_t b = 0; b < s.B; ++b)
      memcpy(s.doperand + b * s.in_ld + s.I, windowT->grad + b * windowT->ld, static_cast<size_t>(s.C) * 4);
  const int team = plan.team(2 * s.flops());
  parallel(team, [&](int index, int size) {
    const Range rows = share(s.B, index, size);
    if (rows.begin == rows.end) return;
    for (int64_t t = s.T - 1; t >= 0; --t) {
      window_step(s, packs, rows, t, phi, add_chars, s.scratch + index * s.window.scratch());
      cell_step(s, rows, t);
      operands_step(s, packs, rows, t, node.accumulate[kWlX]);
    }
  });
  const auto adds = [&](size_t input) { return input < node.accumulate.size() && node.accumulate[input]; };
  finish(s.h0, s.dh, s.ld, adds(kWlH0));
  finish(s.c0, s.dc, s.ld, adds(kWlC0));
  finish(s.kappa0, s.dkappa, s.K, adds(kWlKappa0));
  finish(s.window0, s.doperand + s.I, s.in_ld, adds(kWlWindow0));
  parallel(team, [&](int index, int size) { pack_operands(s, index, size); });
  parallel(team, [&](int index, int size) { weights(plan, node, s, index, size); });
  window_bias(plan, node, s);
}
}  // namespace gatecell
