// window_lstm_backward.cu: the backward pass of window_lstm.h on the device: back through time for the gradients of gates, window and states,
// then one product for each weight over all T * B rows.
#include "columns.h"
#include "window_lstm.h"

namespace gatecell {
namespace cuda {
namespace window_lstm {
namespace {

// The backward pass of the cell of a step, as the epilogue of the product that computes its dh.
struct CellBack {
  LstmView s;
  int64_t first;
  const float* dhT;  // at the last step the gradient of the final h, otherwise null
  int64_t ld_dhT;
  __device__ float start(int64_t b, int64_t unit) const { return dhT && unit < s.H ? dhT[b * ld_dhT + unit] : 0.0f; }
  __device__ void finish(int64_t b, int64_t n0, int tx, const float (&v)[4]) const {
    const int64_t row = first + b;
    for (int place = 0; place < 4; ++place) {
      const int64_t unit = n0 + tx + 16 * place;
      if (unit >= s.columns / 4) return;
      cell_backward(s, row, b, unit, s.dy && unit < s.H ? v_add(v[place], s.dy[row * s.ld_y + unit]) : v[place]);
    }
  }
};

// Sets `to` to the gradient of a final state, or to zero.
void begin(Queue& queue, const Tensor* from, float* to, int64_t rows, int64_t columns) {
  const float* grad = from ? from->grad : nullptr;
  const int64_t ld = from ? from->ld : 0;
  each_element(queue, rows, columns,
               [=] __device__(int64_t b, int64_t j) { to[b * columns + j] = grad ? grad[b * ld + j] : 0.0f; });
}

// Returns the columns of W_ih by which dG of a step is multiplied for the gradient of the window before it.
GateColumns window_columns(const WindowLstm& s) { return {s.w_ih.data + s.I, s.w_ih.ld, s.H}; }

void step(const WindowLstm& s, int64_t t) {
  Queue& queue = s.n.queue;
  const int32_t precision = s.n.products();
  const bool last = t + 1 == s.T;
  if (!last)
    gemm(queue, precision, Rows{s.gate_rows(t + 1), s.columns}, window_columns(s),
         Store{s.dw, s.C, s.C, Meet::kSet, nullptr}, {s.B, s.C, s.columns});
  const Tensor *phi = s.n.out(kPhi), *hT = s.n.out(kHT);
  window::window_backward(queue, s.window, t, t + 1,
                          {s.w.grad, s.w.ld, s.dw, phi ? phi->grad : nullptr, phi ? phi->ld : 0});
  const CellBack cell = {s.view, t * s.B, last && hT ? hT->grad : nullptr, hT ? hT->ld : 0};
  const int64_t split = last ? 0 : s.columns;  // there is no step after the last one
  const float* after = last ? nullptr : s.gate_rows(t + 1);
  gemm(queue, precision, join_a(Rows{after, s.columns}, Rows{s.draw_rows(t), 3 * s.K}, split),
       join_b(GateColumns{s.w_hh.data, s.w_hh.ld, s.H}, PaddedColumns{s.w_window.data, s.w_window.ld}, split), cell,
       {s.B, s.columns / 4, split + 3 * s.K});
}

// Computes grad (+)= dG of the first step times columns of W.
void start_gradient(const WindowLstm& s, int32_t input, const GateColumns& w, int64_t width) {
  const Tensor* to = s.n.in(input);
  if (!to || !to->grad) return;
  gemm(s.n.queue, s.n.products(), Rows{s.gate_rows(0), s.columns}, w,
       Store{to->grad, to->ld, width, add_if(s.n.accumulate(input)), nullptr}, {s.B, width, s.columns});
}

void states(const WindowLstm& s) {
  start_gradient(s, kH0, {s.w_hh.data, s.w_hh.ld, s.H}, s.H);
  start_gradient(s, kWindow0, window_columns(s), s.C);
  give_dkappa(s.n, s.window, kKappa0);
  const Tensor* c0 = s.n.in(kC0);
  if (!c0 || !c0->grad) return;
  float* to = c0->grad;
  const float* dc = s.view.dc;
  const int64_t ld = c0->ld, H = s.H;
  const bool accumulate = s.n.accumulate(kC0);
  each_element(s.n.queue, s.B, s.H,
               [=] __device__(int64_t b, int64_t unit) { put(to + b * ld + unit, dc[b * H + unit], accumulate); });
}

void weights(const WindowLstm& s) {
  const Node& n = s.n;
  const int64_t rows = s.T * s.B, raw = 3 * s.K;
  const Columns dg = {s.view.gates, s.columns};
  const int32_t precision = n.products();
  if (s.x.grad)
    gemm(n.queue, precision, Rows{s.view.gates, s.columns}, GateColumns{s.w_ih.data, s.w_ih.ld, s.H},
         Store{s.x.grad, s.x.ld, s.I, add_if(n.accumulate(kX)), nullptr}, {rows, s.I, s.columns});
  if (s.w_ih.grad)
    gemm(n.queue, precision, dg, InputColumns{s.x.data, s.x.ld, s.I, s.w_before()},
         StoreGateRow{s.w_ih.grad, s.I + s.C, s.H, n.accumulate(kWeightIh)}, {s.columns, s.I + s.C, rows});
  if (s.w_hh.grad)
    gemm(n.queue, precision, dg, HiddenColumns{s.view}, StoreGateRow{s.w_hh.grad, s.H, s.H, n.accumulate(kWeightHh)},
         {s.columns, s.H, rows});
  if (s.w_window.grad)
    gemm(n.queue, precision, Columns{s.window.draw, raw}, WeightColumns{s.y.data, s.y.ld},
         Store{s.w_window.grad, s.H, s.H, add_if(n.accumulate(kWeightWindow)), nullptr}, {raw, s.H, rows});
}

void biases(const WindowLstm& s) {
  const Node& n = s.n;
  const int64_t rows = s.T * s.B, columns = s.columns, hidden = s.H, raw = 3 * s.K;
  const Tensor *window = n.in(kBiasWindow), *b_ih = n.in(kBiasIh), *b_hh = n.in(kBiasHh);
  if (window->grad) {
    const float* draw = s.window.draw;
    row_gradient(n, rows, raw, window->grad, n.accumulate(kBiasWindow),
                 [=] __device__(int64_t row, int64_t j) { return draw[row * raw + j]; });
  }
  float *ih = b_ih ? b_ih->grad : nullptr, *hh = b_hh ? b_hh->grad : nullptr;
  if (!ih && !hh) return;
  const bool add_ih = ih && n.accumulate(kBiasIh), add_hh = hh && n.accumulate(kBiasHh);
  const float* dg = s.view.gates;
  sum_columns(
      n.plan, n.queue, rows, columns, [] __device__(int64_t) { return 0.0f; },
      [=] __device__(int64_t row, int64_t j) { return dg[row * columns + j]; },
      [=] __device__(int64_t j, float sum) {
        const int64_t r = gate_row(j, hidden);
        if (r < 0) return;
        if (ih) put(ih + r, sum, add_ih);
        if (hh) put(hh + r, sum, add_hh);
      });
}
}  // namespace

void backward(const Node& n) {
  const WindowLstm s(n);
  no_gradient(n, kChars);  // beyond the lengths; the window adds
  begin(n.queue, n.out(kCT), s.view.dc, s.B, s.H);
  begin(n.queue, n.out(kWindowT), s.dw, s.B, s.C);
  begin_dkappa(n.queue, s.window, n.out(kKappaT));
  for (int64_t t = s.T - 1; t >= 0; --t) step(s, t);
  states(s);
  weights(s);
  biases(s);
}
}  // namespace window_lstm
}  // namespace cuda
}  // namespace gatecell
