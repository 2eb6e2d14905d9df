// lstm_gradients.cc: gradients that need dG of all rows, after the recurrence back in time: one product each for dX, dW and dU over all T*B
// rows, and sums for biases, peepholes, gains and a folded embedding.
#include <algorithm>
#include <cstring>

#include "../core/machine.h"
#include "lstm.h"
#include "weight_gradient.h"

namespace gatecell {
namespace {

// Adds one row of dG to `sum`. With precision bf16 its values are bf16 at the same address.
void add_row(const Lstm& s, const float* row, float* sum) {
  if (s.half) bf16_kernels().add(reinterpret_cast<const uint16_t*>(row), sum, 64);
  else kernels().add(row, sum, 64);
}

// Sums the gradients of one panel's pre-activations over all positions of each token, in their order.
void sum_by_token(const Lstm& s, int64_t panel) {
  float* sums = s.token_grad + panel * s.table->rows * 64;
  memset(sums, 0, static_cast<size_t>(s.table->rows) * 64 * 4);
  const float* row = s.gate_rows(panel, 0);
  for (int64_t i = 0; i < s.rows.count(); ++i, row += 64) add_row(s, row, sums + int64_t{s.x->ids[s.rows.at(i)]} * 64);
}

// bf16: packs x and the h of the previous step into tiles, and dG with two rows per word.
void pack_half_operands(const Lstm& s, int index, int team) {
  const int64_t rows = s.rows.count();
  const Range words = share(s.gate_words(), index, team, 32);
  if (!s.table) pack_row_pairs(s.x16, s.x->ld, s.I, words, rows, reinterpret_cast<uint32_t*>(s.packed_x));
  pack_row_pairs(s.h16, s.h_ld, s.R, words, rows, reinterpret_cast<uint32_t*>(s.packed_h));
  for (int64_t p = 0; p < s.panels; ++p) {
    for (int64_t w = words.begin; w < words.end; ++w) {
      const auto* even = reinterpret_cast<const uint16_t*>(s.gate_rows(p, 2 * w));
      bf16_kernels().pair(even, 2 * w + 1 < rows ? even + 128 : nullptr, s.g16 + (p * s.gate_words() + w) * 64, 64);
    }
  }
}

// Packs into tiles the h that precedes each row: its masked copy, or h itself, shifted by the rows of one step.
void pack_h(const Lstm& s, int index, int team) {
  const int64_t rows = s.rows.count();
  if (s.drops) return pack_rows(s.masked_h, s.h_ld, s.R, share(rows, index, team, 64), rows, 0, s.packed_h);
  if (s.rows.has_lengths) {
    const Range mine = share(rows, index, team, 64);
    for (int64_t step = 0; step < s.rows.steps(); ++step) {
      const int64_t first = s.rows.first(step);
      const Range part = {std::max(mine.begin - first, int64_t{0}), std::min(mine.end - first, s.rows.live(step))};
      if (part.begin < part.end) pack_rows(s.h_before(step), s.h_ld, s.R, part, rows, first, s.packed_h);
    }
    return;
  }
  Range mine = share(rows, index, team, 64);  // rows of y; the last step's h feeds nothing
  if (s.rows.reverse) mine.begin = std::max(mine.begin, s.B);
  else mine.end = std::min(mine.end, rows - s.B);
  pack_rows(s.y->data, s.h_ld, s.R, mine, rows, s.rows.reverse ? -s.B : s.B, s.packed_h);
  if (index == 0) pack_rows(s.h_start(), s.h_ld, s.R, {0, s.B}, rows, s.rows.first(0), s.packed_h);
}

// Packs the folded table's rows of the tokens that occur in active rows, and zeros in place of the others, which may hold NaN. The marks of
// the tokens that occur are kept in the first floats of token_grad's rows, which sum_by_token overwrites later.
void pack_table(const Lstm& s, Range tokens) {
  for (int64_t v = tokens.begin; v < tokens.end; ++v) s.token_grad[v * 64] = 0;
  for (int64_t i = 0; i < s.rows.count(); ++i) {
    const int64_t v = s.x->ids[s.rows.at(i)];
    if (v >= tokens.begin && v < tokens.end) s.token_grad[v * 64] = 1;
  }
  const int64_t total = s.table->rows;
  for (int64_t first = tokens.begin; first < tokens.end;) {
    int64_t next = first;
    while (next < tokens.end && s.token_grad[next * 64] != 0) ++next;
    pack_rows(s.table->data, s.table->ld, s.I, {first, next}, total, 0, s.packed_x);
    for (first = next; first < tokens.end && s.token_grad[first * 64] == 0;) ++first;
    clear_packed_rows(s.I, {next, first}, total, s.packed_x);
  }
}

// Packs both operands of the weight gradients, transposed into tiles: x (or the table's rows), and the h of the previous step.
void pack_operands(const Lstm& s, int index, int team) {
  lstm_pack_projection(s, index, team);
  if (s.kind == CellKind::kResetGru)
    pack_rows(s.reset_h, s.ld, s.H, share(s.rows.count(), index, team, 64), s.rows.count(), 0, s.packed_reset);
  if (s.half) pack_half_operands(s, index, team);
  if (s.table) pack_table(s, share(s.table->rows, index, team, 64));
  if (s.half) return;
  const int64_t rows = s.rows.count();
  if (!s.table)
    pack_rows(s.rows.has_lengths ? s.x_rows : s.x->data, s.x->ld, s.I, share(rows, index, team, 64), rows, 0,
              s.packed_x);
  pack_h(s, index, team);
}

void bias_gradient(const Lstm& s, int64_t panel, Gates gates, float* grad, bool accumulate) {
  alignas(64) float sum[64] = {};
  const int64_t rows = s.table ? s.table->rows : s.rows.count();
  const float* row = s.table ? s.token_grad + panel * rows * 64 : s.gate_rows(panel, 0);
  for (int64_t i = 0; i < rows; ++i, row += 64) s.table ? kernels().add(row, sum, 64) : add_row(s, row, sum);
  for (int64_t j = 0; j < 64; ++j) {
    const int64_t r = gate_row(panel * 64 + j, s.H, gates);
    if (r >= 0) grad[r] = accumulate ? grad[r] + sum[j] : sum[j];
  }
}

void bias_gradients(Plan& plan, const Node& node, const Lstm& s, int64_t panel) {
  for (int input : {kBiasIh, kBiasHh}) {
    const Tensor* b = plan.input(node, input);
    const Gates gates = input == kBiasIh ? s.input_gates : s.state_bias;
    if (b && b->grad) bias_gradient(s, panel, gates, b->grad, node.accumulate[input]);
  }
}

// Computes the gradients of gains and biases while dG is still the gradient of the sum; then turns dG into the gradient of W x.
void norm_gradients(Plan& plan, const Node& node, const Lstm& s, int team) {
  parallel(team, [&](int index, int size) {
    const Range panels = share(s.panels, index, size);
    for (int64_t p = panels.begin; p < panels.end; ++p) {
      bias_gradients(plan, node, s, p);
      lstm_norm_gradients(plan, node, s, p);
    }
  });
  parallel(team, [&](int index, int size) { lstm_norm_input_backward(s, index, size); });
}

// Sums over rows in the order of steps: dG of i and f times c before, of o times c after.
void peephole_gradient(const Lstm& s, int64_t panel, float* grad, bool accumulate) {
  alignas(64) float sum[48] = {}, d[64];
  for (int64_t step = 0; step < s.rows.steps(); ++step) {
    const float *before = s.c_before(step) + panel * 16, *after = s.c_after(step) + panel * 16;
    const float* row = s.gate_rows(panel, s.rows.first(step));
    for (int64_t r = 0; r < s.rows.live(step); ++r, row += 64, before += s.ld, after += s.ld) {
      memset(d, 0, sizeof d);
      add_row(s, row, d);
      for (int64_t u = 0; u < 16; ++u) {
        sum[u] += d[u] * before[u];
        sum[16 + u] += d[16 + u] * before[u];
        sum[32 + u] += d[48 + u] * after[u];
      }
    }
  }
  for (int64_t j = 0; j < 48; ++j) {
    const int64_t unit = panel * 16 + j % 16;
    if (unit >= s.H) continue;
    float& to = grad[j / 16 * s.H + unit];
    to = accumulate ? to + sum[j] : sum[j];
  }
}

// One panel of dW (from x) or dU (from h): its columns of the gradient, all inputs.
void weight_task(const Lstm& s, int64_t panel, const float* packed, int64_t inputs, int64_t rows, const float* dg,
                 float* block, float* grad, bool accumulate, Format format, Gates gates, Range columns = {0, 64}) {
  const int64_t width = columns.end - columns.begin;
  if (rows == 0) memset(block, 0, static_cast<size_t>(inputs) * 64 * 4);  // no row was active
  weight_gradient_block(packed, inputs, rows, dg + columns.begin, 64, width, block, format);
  scatter_gradient(block, inputs, width, grad, accumulate,
                   [&](int64_t j) { return gate_row(panel * 64 + columns.begin + j, s.H, gates); });
}

// dU of a panel. If the reset gate comes before the product of n, the rows of n have another operand than those of r and z.
void state_task(const Node& node, const Lstm& s, int64_t panel, int64_t rows, const float* dg, float* block,
                float* grad) {
  const auto task = [&](const float* packed, Gates gates, Range columns) {
    weight_task(s, panel, packed, s.R, rows, dg, block, grad, node.accumulate[kWeightHh], s.format, gates, columns);
  };
  if (s.kind != CellKind::kResetGru) return task(s.packed_h, s.state_gates, {0, 64});
  task(s.packed_h, Gates::kGruReset, {0, 32});
  task(s.packed_reset, Gates::kGruInput, {32, 48});
}

// The folded table's gradient: dE = (dG summed by token) W_ih.
void table_gradient(const Plan& plan, const Node& node, const Lstm& s, int index, int team) {
  PackedProduct m;
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

void input_gradient(const Plan& plan, const Node& node, const Lstm& s, int index, int team) {
  if (s.table || !s.x->grad) return;
  PackedProduct m = lstm_gate_product(s, 0, *plan.store->packs[node.packs[kIhBackward]]);
  m.c = s.rows.has_lengths ? s.dx_rows : s.x->grad;
  m.c_row = s.x->ld;
  m.columns = s.x->ld;
  m.accumulate = node.accumulate[kX] && !s.rows.has_lengths;
  m.a_far = true;
  const Range mine = share(s.rows.count(), index, team, kRowTile);
  multiply(m, mine, {0, m.b->blocks});
  if (!s.rows.has_lengths) return;
  for (int64_t row = mine.begin; row < mine.end; ++row) {
    float* to = s.x->grad + s.rows.positions[row] * s.x->ld;
    const float* from = s.dx_rows + row * s.x->ld;
    if (node.accumulate[kX]) kernels().add(from, to, s.x->ld);
    else memcpy(to, from, static_cast<size_t>(s.x->ld) * 4);
  }
  if (!node.accumulate[kX]) lstm_clear_padding(s, s.x->grad, s.x->ld, index, team);
}

void gradients(Plan& plan, const Node& node, const Lstm& s, int index, int team) {
  input_gradient(plan, node, s, index, team);
  float* block = s.blocks + index * s.block_floats();
  const Tensor &w = *plan.input(node, kWeightIh), &u = *plan.input(node, kWeightHh);
  const Range panels = share(s.panels, index, team);
  for (int64_t p = panels.begin; p < panels.end; ++p) {
    const float* dg = s.half ? reinterpret_cast<const float*>(s.g16 + p * s.gate_words() * 64) : s.gate_rows(p, 0);
    const int64_t k = s.half ? s.gate_words() : s.rows.count();
    if (s.table) sum_by_token(s, p);
    if (w.grad && s.table)
      weight_task(s, p, s.packed_x, s.I, s.table->rows, s.token_grad + p * s.table->rows * 64, block, w.grad,
                  node.accumulate[kWeightIh], Format::kF32, s.input_gates);
    if (w.grad && !s.table)
      weight_task(s, p, s.packed_x, s.I, k, dg, block, w.grad, node.accumulate[kWeightIh], s.format, s.input_gates);
    const float* recurrent = s.norm ? s.norm_dh + p * s.panel_stride : dg;
    if (u.grad) state_task(node, s, p, k, recurrent, block, u.grad);
    if (!s.norm) bias_gradients(plan, node, s, p);
    if (s.peephole_weight && s.peephole_weight->grad)
      peephole_gradient(s, p, s.peephole_weight->grad, node.accumulate[kPeephole]);
  }
  lstm_projection_gradient(plan, node, s, block, index, team);
}
}  // namespace

void lstm_gradients(Plan& plan, const Node& node, const Lstm& s, int team) {
  if (s.norm) norm_gradients(plan, node, s, team);
  // Where no parameter has a gradient, dX needs none of the packed operands.
  if (!plan.only_observed) parallel(team, [&](int index, int size) { pack_operands(s, index, size); });
  parallel(team, [&](int index, int size) { gradients(plan, node, s, index, size); });
  if (s.table && s.table->grad)
    parallel(team, [&](int index, int size) { table_gradient(plan, node, s, index, size); });
}
}  // namespace gatecell
