// lstm_gradients.cu: the gradients after the backward recurrence: one product each for dX, dW and dU over all rows, and sums over rows for
// biases and peepholes.
#include "columns.h"
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {

// Stores c[m][n] in [T, B, ...], with m in the order of the rows of a stretch.
struct StorePlaced {
  float* c;
  int64_t ld, columns;
  Meet meet;
  LstmRows rows;
  Stretch stretch;
  __device__ float* at(int64_t m) const { return c + rows.at(stretch.row(m)) * ld; }
  __device__ float start(int64_t m, int64_t n) const { return meet == Meet::kChain ? at(m)[n] : 0.0f; }
  __device__ void finish(int64_t m, int64_t n0, int tx, const float (&v)[4]) const {
    for (int g = 0; g < 4; ++g)
      if (n0 + tx + 16 * g < columns) put(at(m) + n0 + tx + 16 * g, v[g], meet == Meet::kAdd);
  }
};

// Computes grad[j] = or += the sum of f(row, j) over the rows in their order.
template <class F>
void sum_rows(const Node& n, const Lstm& s, int64_t columns, float* grad, bool accumulate, F f) {
  const LstmRows rows = s.rows();
  sum_columns(
      n.plan, n.queue, s.all_rows(), columns, [] __device__(int64_t) { return 0.0f; },
      [=] __device__(int64_t row, int64_t j) { return row < rows.count() ? f(row, j) : 0.0f; },
      [=] __device__(int64_t j, float sum) { put(grad + j, sum, accumulate); });
}

// In the order of steps, in both directions: i and f depend on c before the step, o depends on c after it.
void peephole_gradient(const Node& n, const Lstm& s) {
  const Tensor* w = n.in(kPeephole);
  if (!w || !w->grad) return;
  const LstmView v = s.view;
  sum_rows(n, s, 3 * s.H, w->grad, n.accumulate(kPeephole), [=] __device__(int64_t i, int64_t j) {
    const int64_t row = v.rows.has_lengths ? i : v.rows.time(i / v.rows.B) * v.rows.B + i % v.rows.B, unit = j % v.H;
    const float* d = v.gate(row, unit);
    if (j < 2 * v.H) return v_mul(d[j < v.H ? 0 : 16], v.c_before(row, 0, unit));
    return v_mul(d[48], *v.c_at(row, 0, unit));
  });
}
}  // namespace

void lstm_bias_gradients(const Node& n, const Lstm& s) {
  const float* dg = s.view.gates;
  const int64_t columns = s.columns, hidden = s.H;
  float *ih = s.b_ih ? s.b_ih->grad : nullptr, *hh = s.b_hh ? s.b_hh->grad : nullptr;
  if (!ih && !hh) return;
  const bool add_ih = ih && n.accumulate(kBiasIh), add_hh = hh && n.accumulate(kBiasHh);
  const Gates input = s.input_gates, state = s.state_gates;
  const LstmRows rows = s.rows();
  sum_columns(
      n.plan, n.queue, s.all_rows(), columns, [] __device__(int64_t) { return 0.0f; },
      [=] __device__(int64_t row, int64_t j) { return row < rows.count() ? dg[row * columns + j] : 0.0f; },
      [=] __device__(int64_t j, float sum) {
        const int64_t of_ih = gate_row(j, hidden, input), of_hh = gate_row(j, hidden, state);
        if (ih && of_ih >= 0) put(ih + of_ih, sum, add_ih);
        if (hh && of_hh >= 0) put(hh + of_hh, sum, add_hh);
      });
}

void lstm_begin_input_gradient(const Node& n, const Lstm& s) {
  if (s.x->grad && !n.accumulate(kX)) lstm_clear_padding(n.queue, s, s.x->grad, s.x->ld, s.I);
}

void lstm_input_gradient(const Node& n, const Lstm& s, Steps steps) {
  if (!s.x->grad) return;
  const bool accumulate = n.accumulate(kX);
  const Meet meet = s.lengths ? add_if(accumulate) : chain_if(accumulate);
  const Stretch stretch = s.stretch(steps);
  Products(n.queue, choice_of(n).backward_products, n.node.buffers[kProductsBack])
      .multiply(s.precision, StretchRows{s.view.gates, s.columns, stretch},
                GateColumns{s.w_ih->data, s.w_ih->ld, s.H, s.input_gates},
                StorePlaced{s.x->grad, s.x->ld, s.I, meet, s.rows(), stretch}, s.stretch_extent(steps, s.I, s.columns));
}

void lstm_weight_gradients(const Node& n, const Lstm& s) {
  Products products(n.queue, choice_of(n).backward_products, n.node.buffers[kProductsBack]);
  if (s.w_ih->grad)
    products.multiply(s.precision, Columns{s.view.gates, s.columns}, PlacedColumns{s.x->data, s.x->ld, s.rows()},
                      StoreGateRow{s.w_ih->grad, s.I, s.H, n.accumulate(kWeightIh), s.input_gates},
                      s.weight_extent(s.columns, s.I));
  if (s.w_hh->grad)
    products.multiply(s.precision, Columns{s.state_gradients(), s.columns}, HiddenColumns{s.view},
                      StoreGateRow{s.w_hh->grad, s.R, s.H, n.accumulate(kWeightHh), s.state_gates},
                      s.weight_extent(s.columns, s.R), s.w_ih->grad && s.state_gradients() == s.view.gates);
  if (s.w_hr && s.w_hr->grad)
    gemm_f32(n.queue, s.precision, Columns{s.dr, s.R}, WeightColumns{s.view.outputs, s.H},
             Store{s.w_hr->grad, s.H, s.H, add_if(n.accumulate(kWeightHr)), nullptr}, s.weight_extent(s.R, s.H));
}

void lstm_gradients(const Node& n, const Lstm& s) {
  if (s.norm()) lstm_norm_gradients(n, s);
  else lstm_bias_gradients(n, s);
  lstm_weight_gradients(n, s);
  peephole_gradient(n, s);
}
}  // namespace cuda
}  // namespace gatecell
