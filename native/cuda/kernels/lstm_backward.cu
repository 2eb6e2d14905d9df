// lstm_backward.cu: back through time: a product a step gives dh, whose epilogue is the cell of the step before; afterwards one
// product each for dX, dW and dU over all T*B rows, and sums over rows for the biases.
#include "columns.h"
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {

CellBackward cell_of(const Lstm& s, int64_t step) {
  const State dy = {s.y->grad ? s.y->grad + s.time(step) * s.B * s.y->ld : nullptr, s.y->ld};
  return {s.gate_rows(step), s.columns, s.H, s.c_before(step), s.c_after(step), dy, {s.dc, s.H}};
}

// The last step in time of the recurrence: dh and dc are what the final states were given.
void first_cell(Queue& queue, const Lstm& s) {
  const CellBackward cell = cell_of(s, s.T - 1);
  const State dhT = {s.hT ? s.hT->grad : nullptr, s.hT ? s.hT->ld : 0},
              dcT = {s.cT ? s.cT->grad : nullptr, s.cT ? s.cT->ld : 0};
  each_element(queue, s.B, s.columns / 4, [=] __device__(int64_t b, int64_t unit) {
    if (unit >= cell.hidden) return cell.padding(b, unit);
    cell.dc.data[b * cell.dc.ld + unit] = dcT.at(b, unit);
    cell.unit(b, unit, dhT.at(b, unit));
  });
}

void recurrence(Queue& queue, const Lstm& s) {
  const GateColumns u = {s.w_hh->data, s.w_hh->ld, s.H};
  const Extent size = {s.B, s.columns / 4, s.columns};
  first_cell(queue, s);
  for (int64_t step = s.T - 1; step > 0; --step)
    gemm(queue, s.precision, Rows{s.gate_rows(step), s.columns}, u, cell_of(s, step - 1), size);
}

void initial_states(const Node& n, const Lstm& s) {
  if (s.h0 && s.h0->grad) {
    const Store store = {s.h0->grad, s.h0->ld, s.H, add_if(n.accumulate(kH0)), nullptr};
    gemm(n.queue, s.precision, Rows{s.gate_rows(0), s.columns}, GateColumns{s.w_hh->data, s.w_hh->ld, s.H}, store,
         {s.B, s.H, s.columns});
  }
  if (s.c0 && s.c0->grad) {
    float* to = s.c0->grad;
    const float* dc = s.dc;
    const int64_t ld = s.c0->ld, H = s.H;
    const bool accumulate = n.accumulate(kC0);
    each_element(n.queue, s.B, s.H,
                 [=] __device__(int64_t b, int64_t unit) { put(to + b * ld + unit, dc[b * H + unit], accumulate); });
  }
}

void weights(const Node& n, const Lstm& s) {
  const int64_t rows = s.T * s.B;
  const Columns dg = {s.gates, s.columns};
  if (s.x->grad) {
    const Store store = {s.x->grad, s.x->ld, s.I, chain_if(n.accumulate(kX)), nullptr};
    gemm(n.queue, s.precision, Rows{s.gates, s.columns}, GateColumns{s.w_ih->data, s.w_ih->ld, s.H}, store,
         {rows, s.I, s.columns});
  }
  if (s.w_ih->grad) {
    const StoreGateRow store = {s.w_ih->grad, s.I, s.H, n.accumulate(kWeightIh)};
    gemm(n.queue, s.precision, dg, WeightColumns{s.x->data, s.x->ld}, store, {s.columns, s.I, rows});
  }
  if (s.w_hh->grad) {
    const StoreGateRow store = {s.w_hh->grad, s.H, s.H, n.accumulate(kWeightHh)};
    const HiddenBefore h = {s.y->data, s.h0 ? s.h0->data : nullptr, s.y->ld, s.h0 ? s.h0->ld : 0, rows, s.B, s.reverse};
    gemm(n.queue, s.precision, dg, h, store, {s.columns, s.H, rows});
  }
}

void biases(const Node& n, const Lstm& s) {
  const float* dg = s.gates;
  const int64_t columns = s.columns, hidden = s.H;
  float *ih = s.b_ih ? s.b_ih->grad : nullptr, *hh = s.b_hh ? s.b_hh->grad : nullptr;
  if (!ih && !hh) return;
  const bool add_ih = ih && n.accumulate(kBiasIh), add_hh = hh && n.accumulate(kBiasHh);
  sum_columns(
      n.plan, n.queue, s.T * s.B, columns, [] __device__(int64_t) { return 0.0f; },
      [=] __device__(int64_t row, int64_t j) { return dg[row * columns + j]; },
      [=] __device__(int64_t j, float sum) {
        const int64_t r = gate_row(j, hidden);
        if (r < 0) return;
        if (ih) put(ih + r, sum, add_ih);
        if (hh) put(hh + r, sum, add_hh);
      });
}
}  // namespace

void lstm_backward(const Node& n) {
  const Lstm s(n);
  recurrence(n.queue, s);
  initial_states(n, s);
  weights(n, s);
  biases(n, s);
}
}  // namespace cuda
}  // namespace gatecell
