// lstm_backward.cc: back through time for dG and dh; afterwards one product each for dX, dW and dU over all T*B rows.
#include <algorithm>
#include <cstring>

#include "../core/machine.h"
#include "lstm.h"
#include "weight_gradient.h"

namespace gatecell {
namespace {

void start_gradient(const Tensor* from, float* to, int64_t floats) {
  if (from && from->grad) memcpy(to, from->grad, static_cast<size_t>(floats) * 4);
  else memset(to, 0, static_cast<size_t>(floats) * 4);
}

void finish_gradient(const Tensor* to, const float* from, int64_t floats, bool accumulate) {
  if (!to || !to->grad) return;
  if (accumulate) kernels().add(from, to->grad, floats);
  else memcpy(to->grad, from, static_cast<size_t>(floats) * 4);
}

void cells_backward(const Lstm& s, Range rows, Range panels, int64_t step) {
  const int64_t t = s.time(step), first = rows.begin;
  for (int64_t p = panels.begin; p < panels.end; ++p) {
    gc_cell_backward cell;
    cell.gates = s.gate_rows(p, t, first);
    cell.c_prev = s.c_before(step) + first * s.ld + p * 16;
    cell.c = s.c_after(step) + first * s.ld + p * 16;
    cell.dy = s.y->grad ? s.y->grad + (t * s.B + first) * s.ld + p * 16 : nullptr;
    cell.dh = s.dh + first * s.ld + p * 16;
    cell.dc = s.dc + first * s.ld + p * 16;
    cell.state_row = cell.dy_row = cell.dh_row = cell.dc_row = s.ld;
    cell.rows = rows.end - first;
    kernels().cell_backward(&cell);
    if (s.half) bf16_kernels().narrow(cell.gates, 64, reinterpret_cast<uint16_t*>(cell.gates), 128, cell.rows, 64);
  }
}

// A = dG of the rows from (t, 0) on: k runs over panels and their 64 columns (bf16: 32 words at the beginning of the row).
MatMul gate_product(const Lstm& s, int64_t t, const Packed& packed) {
  MatMul m;
  m.a = s.gate_rows(0, t, 0);
  m.a_row = 64;
  m.segments = s.panels;
  m.segment_length = s.half ? 32 : 64;
  m.a_segment = s.panel_stride;
  m.b = &packed;
  return m;
}

void recurrence(const Lstm& s, const Packed& u, int index, int team, Barrier& barrier) {
  const Split split = lstm_split(s, team);
  const bool by_rows = split == Split::kRows;
  const Range rows = by_rows ? share(s.B, index, team) : Range{0, s.B};
  const Range panels = by_rows ? Range{0, s.panels} : share(s.panels, index, team);
  const Range blocks = by_rows ? Range{0, u.blocks} : share(u.blocks, index, team);
  for (int64_t step = s.T - 1; step >= 0; --step) {
    cells_backward(s, rows, panels, step);
    if (!by_rows) barrier.wait(team);
    MatMul m = gate_product(s, s.time(step), u);
    m.c = s.dh;
    m.c_row = s.ld;
    m.columns = s.ld;
    multiply(m, rows, blocks);
    if (!by_rows) barrier.wait(team);
  }
}

// sum += one row of dG, which bf16 keeps narrowed in place.
void add_row(const Lstm& s, const float* row, float* sum) {
  if (s.half) bf16_kernels().add(reinterpret_cast<const uint16_t*>(row), sum, 64);
  else kernels().add(row, sum, 64);
}

// Gradients of one panel's pre-activations, summed over all places of each token in order.
void sum_by_token(const Lstm& s, int64_t panel) {
  float* sums = s.token_grad + panel * s.table->rows * 64;
  memset(sums, 0, static_cast<size_t>(s.table->rows) * 64 * 4);
  const float* row = s.gate_rows(panel, 0, 0);
  for (int64_t i = 0; i < s.T * s.B; ++i, row += 64) add_row(s, row, sums + int64_t{s.x->ids[i]} * 64);
}

// bf16: x and h of the step before in tiles, and dG with two rows to a word.
void pack_half_operands(const Lstm& s, int index, int team) {
  const int64_t rows = s.T * s.B;
  const Range words = share(s.gate_words(), index, team, 32);
  if (!s.table) pack_row_pairs(s.x16, s.x->ld, s.I, words, rows, reinterpret_cast<uint32_t*>(s.packed_x));
  pack_row_pairs(s.h16 + (s.reverse ? s.B * s.ld : 0), s.ld, s.H, words, rows, reinterpret_cast<uint32_t*>(s.packed_h));
  for (int64_t p = 0; p < s.panels; ++p) {
    for (int64_t w = words.begin; w < words.end; ++w) {
      const auto* even = reinterpret_cast<const uint16_t*>(s.gate_rows(p, 0, 2 * w));
      bf16_kernels().pair(even, 2 * w + 1 < rows ? even + 128 : nullptr, s.g16 + (p * s.gate_words() + w) * 64, 64);
    }
  }
}

// Both operands of the weight gradients, transposed into tiles: x (or the table's rows), and h of the step before.
void pack_operands(const Lstm& s, int index, int team) {
  const int64_t rows = s.T * s.B, shift = s.reverse ? -s.B : s.B;
  const Tensor& x = s.table ? *s.table : *s.x;
  if (s.half) pack_half_operands(s, index, team);
  if (s.half && !s.table) return;
  pack_rows(x.data, x.ld, s.I, share(x.rows, index, team, 64), x.rows, 0, s.packed_x);
  if (s.half) return;
  Range mine = share(rows, index, team, 64);  // rows of y; the last step's h feeds nothing
  if (s.reverse) mine.begin = std::max(mine.begin, s.B);
  else mine.end = std::min(mine.end, rows - s.B);
  pack_rows(s.y->data, s.ld, s.H, mine, rows, shift, s.packed_h);
  if (index == 0) pack_rows(s.h_before(0), s.ld, s.H, {0, s.B}, rows, s.time(0) * s.B, s.packed_h);
}

void bias_gradient(const Lstm& s, int64_t panel, float* grad, bool accumulate) {
  alignas(64) float sum[64] = {};
  const int64_t rows = s.table ? s.table->rows : s.T * s.B;
  const float* row = s.table ? s.token_grad + panel * rows * 64 : s.gate_rows(panel, 0, 0);
  for (int64_t i = 0; i < rows; ++i, row += 64) s.table ? kernels().add(row, sum, 64) : add_row(s, row, sum);
  for (int64_t j = 0; j < 64; ++j) {
    const int64_t r = gate_row(panel * 64 + j, s.H);
    if (r >= 0) grad[r] = accumulate ? grad[r] + sum[j] : sum[j];
  }
}

// One panel of dW (from x) or dU (from h): 64 columns of the gradient, all inputs.
void weight_task(const Lstm& s, int64_t panel, const float* packed, int64_t inputs, int64_t rows, const float* dg,
                 float* block, float* grad, bool accumulate, Format format) {
  weight_gradient_block(packed, inputs, rows, dg, 64, 64, block, format);
  scatter_gradient(block, inputs, 64, grad, accumulate, [&](int64_t j) { return gate_row(panel * 64 + j, s.H); });
}

// The folded table's gradient: dE = (dG summed by token) W_ih.
void table_gradient(const Plan& plan, const Node& node, const Lstm& s, int index, int team) {
  MatMul m;
  m.a = s.token_grad;
  m.a_row = 64;
  m.segments = s.panels;
  m.segment_length = 64;
  m.a_segment = s.table->rows * 64;
  m.b = plan.store->packs[node.packs[kIhBackward]].get();
  m.c = s.table->grad;
  m.c_row = s.table->ld;
  m.columns = s.table->cols;
  m.accumulate = node.accumulate[kTable];
  multiply(m, {0, s.table->rows}, share(m.b->blocks, index, team));
}

void gradients(Plan& plan, const Node& node, const Lstm& s, int index, int team) {
  if (!s.table && s.x->grad) {
    MatMul m = gate_product(s, 0, *plan.store->packs[node.packs[kIhBackward]]);
    m.c = s.x->grad;
    m.c_row = s.x->ld;
    m.columns = s.x->ld;
    m.accumulate = node.accumulate[kX];
    multiply(m, share(s.T * s.B, index, team, kRowTile), {0, m.b->blocks});
  }
  float* block = s.blocks + index * s.block_floats();
  const Tensor &w = *plan.input(node, kWeightIh), &u = *plan.input(node, kWeightHh);
  const Tensor* biases[] = {plan.input(node, kBiasIh), plan.input(node, kBiasHh)};
  const Range panels = share(s.panels, index, team);
  for (int64_t p = panels.begin; p < panels.end; ++p) {
    const float* dg = s.half ? reinterpret_cast<const float*>(s.g16 + p * s.gate_words() * 64) : s.gate_rows(p, 0, 0);
    const int64_t k = s.half ? s.gate_words() : s.T * s.B;
    if (s.table) sum_by_token(s, p);
    if (w.grad && s.table)
      weight_task(s, p, s.packed_x, s.I, s.table->rows, s.token_grad + p * s.table->rows * 64, block, w.grad,
                  node.accumulate[kWeightIh], Format::kF32);
    if (w.grad && !s.table)
      weight_task(s, p, s.packed_x, s.I, k, dg, block, w.grad, node.accumulate[kWeightIh], s.format);
    if (u.grad) weight_task(s, p, s.packed_h, s.H, k, dg, block, u.grad, node.accumulate[kWeightHh], s.format);
    for (int i = 0; i < 2; ++i)
      if (biases[i] && biases[i]->grad) bias_gradient(s, p, biases[i]->grad, node.accumulate[kBiasIh + i]);
  }
}
}  // namespace

void lstm_backward(Plan& plan, Node& node) {
  const Lstm s(plan, node);
  const Packed& u = *plan.store->packs[node.packs[kHhBackward]];
  start_gradient(plan.output(node, kHT), s.dh, s.B * s.ld);
  start_gradient(plan.output(node, kCT), s.dc, s.B * s.ld);
  const int team = plan.team(16.0 * static_cast<double>(s.T * s.B * s.H * (s.I + s.H)));
  Barrier barrier;
  const int step_team = lstm_team(plan, s, 16.0 * static_cast<double>(s.T * s.B * s.H * (s.I + s.H)));
  parallel(step_team, [&](int index, int size) { recurrence(s, u, index, size, barrier); });
  finish_gradient(s.h0, s.dh, s.B * s.ld, s.h0 ? node.accumulate[kH0] : false);
  finish_gradient(s.c0, s.dc, s.B * s.ld, s.c0 ? node.accumulate[kC0] : false);
  parallel(team, [&](int index, int size) { pack_operands(s, index, size); });
  parallel(team, [&](int index, int size) { gradients(plan, node, s, index, size); });
  if (s.table && s.table->grad)
    parallel(team, [&](int index, int size) { table_gradient(plan, node, s, index, size); });
}
}  // namespace gatecell
