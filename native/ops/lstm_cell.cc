// lstm_cell.cc: the cell of one step, forward, then backward.
#include <algorithm>

#include "../core/machine.h"
#include "lstm.h"

namespace gatecell {
namespace {
// The functions of a form need not be 0 at 0, which the padding of h and c has to be.
void clear_padding_units(const Lstm& s, gc_cell& cell, int64_t units) {
  for (int64_t r = 0; r < cell.rows; ++r) {
    std::fill(cell.h + r * cell.h_row + units, cell.h + r * cell.h_row + cell.units, 0.0f);
    if (s.kind == CellKind::kLstm) std::fill(cell.c + r * s.ld + units, cell.c + r * s.ld + cell.units, 0.0f);
  }
}
}  // namespace

void lstm_cells_forward(const Lstm& s, int variant, Range rows, int64_t p, int64_t step) {
  const int64_t first = rows.begin, unit = p * s.units, at = first * s.ld + unit, row = s.rows.first(step) + first;
  gc_cell cell;
  cell.gates = s.gate_rows(p, row);
  cell.c_prev = s.c_before(step) + at;
  cell.c = s.c_after(step) + at;
  cell.h = s.output_of(step) + at;
  cell.state_row = s.ld;
  cell.h_row = s.ld;
  cell.rows = rows.end - first;
  cell.peephole = s.peephole_weight ? s.peephole + p * 48 : nullptr;
  cell.zone_c = s.zones_of(s.zone_c, row, unit);
  cell.zone_h = s.zones_of(s.zone_h, row, unit);
  cell.zone_row = s.zone_row;
  cell.h_prev = s.h_before(step) + at;
  if (!s.has_form) return kernels().cell_forward[variant](&cell);
  cell.form = &s.form;
  cell.pre = s.pre ? s.pre + (cell.gates - s.gates) : nullptr;
  cell.units = std::min(s.units, s.ld - unit);
  if (variant == GC_CELL_RESET_GATES) {
    cell.c_prev = s.operand(step) + at;
    cell.c = s.reset_rows(step) + at;
  }
  if (variant == GC_CELL_RESET_STATE) cell.c_prev = s.reset_product + at;
  kernels().cell_forward[variant](&cell);
  if (unit + cell.units > s.H && variant != GC_CELL_RESET_GATES) clear_padding_units(s, cell, s.H - unit);
}

namespace {
void panel_backward(const Lstm& s, int variant, Range rows, int64_t p, int64_t step, const float* dy) {
  const int64_t first = rows.begin, unit = p * s.units, at = first * s.ld + unit, row = s.rows.first(step) + first;
  gc_cell_backward cell;
  cell.gates = s.gate_rows(p, row);
  cell.c_prev = (s.is_gru() ? s.h_before(step) : s.c_before(step)) + at;
  cell.c = (s.kind == CellKind::kRnn ? s.h_after(step) : s.c_after(step)) + at;
  cell.dy = dy ? dy + at : nullptr;
  cell.dh = (s.projection ? s.dm : s.dh) + at;
  cell.dc = s.dc + at;
  cell.state_row = cell.dy_row = cell.dh_row = cell.dc_row = s.ld;
  cell.rows = rows.end - first;
  cell.peephole = s.peephole_weight ? s.peephole + p * 48 : nullptr;
  cell.zone_c = s.zones_of(s.zone_c, row, unit);
  cell.zone_h = s.zones_of(s.zone_h, row, unit);
  cell.zone_row = s.zone_row;
  cell.dh_past = s.dh + at;
  cell.form = &s.form;
  cell.pre = s.pre ? s.pre + (cell.gates - s.gates) : nullptr;
  cell.units = std::min(s.units, s.ld - unit);
  if (variant == GC_CELL_RESET_GATES) {  // of r * h, whose part of dh goes to the product if that has a mask
    cell.c_prev = s.operand(step) + at;
    cell.c = s.reset_product + at;
    if (s.drops) cell.dh = nullptr, cell.dh_past = s.product + at;
  }
  kernels().cell_backward[variant](&cell);
  if (s.half) bf16_kernels().narrow(cell.gates, 64, reinterpret_cast<uint16_t*>(cell.gates), 128, cell.rows, 64);
}
}  // namespace

void lstm_cells_backward(Plan& plan, const Node& node, const Lstm& s, Range rows, Range panels, int64_t step) {
  const int64_t row = s.rows.first(step) + rows.begin;
  const float* dy = s.projection ? nullptr : s.dy_of(step);
  for (int64_t r = rows.begin; r < rows.end && s.norm; ++r) lstm_norm_output_backward(s, dy, r, step);
  if (s.variant == GC_CELL_RESET_GATES) {
    for (int64_t p = panels.begin; p < panels.end; ++p) panel_backward(s, GC_CELL_RESET_STATE, rows, p, step, dy);
    gru_reset_backward(s, *plan.store->packs[node.packs[kNewBackward]], rows);
  }
  for (int64_t p = panels.begin; p < panels.end; ++p) panel_backward(s, s.variant, rows, p, step, dy);
  for (int64_t r = 0; r < rows.end - rows.begin && s.norm; ++r) lstm_norm_recurrent_backward(s, row + r);
}
}  // namespace gatecell
