// lstm_backward.cc: the recurrence of the backward pass: back through time for dG and dh.
#include <algorithm>
#include <cstring>

#include "../core/machine.h"
#include "lstm.h"

namespace gatecell {
namespace {

// Copies dy of one step, which has the order of the batch, into contiguous rows.
void gather_dy(const Lstm& s, Range rows, Range columns, int64_t step) {
  const int64_t first = s.rows.first(step);
  for (int64_t r = rows.begin; r < rows.end; ++r)
    memcpy(s.dy_rows + r * s.h_ld + columns.begin, s.y->grad + s.rows.positions[first + r] * s.h_ld + columns.begin,
           static_cast<size_t>(columns.end - columns.begin) * 4);
}

void recurrence(Plan& plan, const Node& node, const Lstm& s, int index, int team, Barrier& barrier) {
  const Packed& u = *plan.store->packs[node.packs[kHhBackward]];
  const bool by_rows = lstm_split(s, team) == Split::kRows;
  const Share mine = lstm_share(s, index, team);
  const Range blocks = by_rows ? Range{0, u.blocks} : share(u.blocks, index, team);
  for (int64_t step = s.rows.steps() - 1; step >= 0; --step) {
    const Range rows = s.rows.active(mine.rows, step);
    if (rows.begin < rows.end) {
      const Range columns = s.projection ? Range{0, s.h_ld} : s.columns_of(mine.panels);
      if (s.rows.has_lengths && s.y->grad) gather_dy(s, rows, columns, step);
      if (s.projection) lstm_project_backward(plan, node, s, rows, step);
      lstm_cells_backward(plan, node, s, rows, mine.panels, step);
    }
    if (!by_rows) barrier.wait(team);
    if (rows.begin < rows.end) {
      PackedProduct m = lstm_gate_product(s, s.rows.first(step), u);
      if (s.norm) m.a = s.norm_dh + s.rows.first(step) * 64;
      m.c = s.drops ? s.product : s.dh;
      m.c_row = s.h_ld;
      m.columns = s.h_ld;
      m.accumulate = s.drops ? s.kind == CellKind::kResetGru : s.passes();
      multiply(m, rows, blocks);
      const Range columns = {blocks.begin * 64, std::min(blocks.end * 64, s.h_ld)};
      if (s.drops && columns.begin < columns.end) lstm_masked_gradient(s, rows, columns);
    }
    if (!by_rows && step > 0) barrier.wait(team);  // after the first step the join of the team is the barrier
  }
}

double backward_flops(const Lstm& s) { return 2 * s.row_flops() * static_cast<double>(s.rows.count()); }

void both_recurrences(Plan& plan, const Node& node, const Lstm& s) {
  const Node& other = plan.nodes[node.partner_back];
  const Lstm o(plan, other);
  lstm_final_gradients(o, plan.output(other, kHT), plan.output(other, kCT));
  Barrier barriers[2];
  parallel_with_barriers(plan.threads, [&](int index, int team) {
    lstm_side_by_side(index, team, [&](int which, int i, int n) {
      recurrence(plan, which ? other : node, which ? o : s, i, n, barriers[which]);
    });
  });
}
}  // namespace

PackedProduct lstm_gate_product(const Lstm& s, int64_t row, const Packed& packed) {
  PackedProduct m;
  m.a = s.gate_rows(0, row);
  m.a_row = 64;
  m.segments = s.panels;
  m.segment_length = s.half ? 32 : 64;
  m.a_segment = s.panel_stride;
  m.b = &packed;
  return m;
}

void lstm_backward(Plan& plan, Node& node) {
  const Lstm s(plan, node);
  const double flops = backward_flops(s);
  // In the backward pass the node with the higher number comes first, and the recurrences of both directions run with it.
  const bool done = node.partner_back > node.index;
  if (!done) lstm_final_gradients(s, plan.output(node, kHT), plan.output(node, kCT));
  const int team = plan.team(flops);
  Barrier barrier;
  if (node.partner_back >= 0 && !done) both_recurrences(plan, node, s);
  else if (!done) {
    const int size = lstm_team(plan, s, flops);
    parallel(size, lstm_split(s, size) == Split::kRows ? Shares::kIndependent : Shares::kBarrier,
             [&](int index, int of) { recurrence(plan, node, s, index, of, barrier); });
  }
  lstm_start_gradients(plan, node, s);
  lstm_gradients(plan, node, s, team);
}
}  // namespace gatecell
