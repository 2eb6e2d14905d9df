// window_lstm.cu: memory and the forward pass of the LSTM layer with a soft window.
#include "window_lstm.h"

namespace gatecell {
namespace cuda {
namespace window_lstm {
namespace {

gc_status prepare(const Node& n) {
  const WindowLstm s(n);
  const gc_life kept = n.node.trains ? GC_LIFE_SAVED : GC_LIFE_FORWARD;
  n.ask(s.T * s.B * s.columns * 4, kept);
  n.ask(s.T * s.B * s.H * 4, kept);
  n.ask(s.window.kept_bytes(), kept);
  n.ask(s.window.backward_bytes(), GC_LIFE_BACKWARD);
  n.ask(s.B * s.H * 4, GC_LIFE_BACKWARD);
  n.ask(s.B * s.C * 4, GC_LIFE_BACKWARD);
  n.why(n.products() == GC_FLOAT ? "two products and a window a step (exact f32 chains)"
                                 : "two products and a window a step (tf32 tensor cores)");
  return GC_OK;
}

// Computes the part of the gates that comes from x, for all steps, beginning with both biases.
struct Project {
  float* gates;
  int64_t columns, hidden;
  const float *b_ih, *b_hh;
  __device__ float start(int64_t, int64_t n) const {
    const int64_t row = gate_row(n, hidden);
    if (row < 0) return 0.0f;
    return (b_ih ? b_ih[row] : 0.0f) + (b_hh ? b_hh[row] : 0.0f);
  }
  __device__ void finish(int64_t m, int64_t n0, int tx, const float (&v)[4]) const {
    for (int g = 0; g < 4; ++g) gates[m * columns + n0 + tx + 16 * g] = v[g];
  }
};

struct Cell {
  LstmView s;
  int64_t first;
  __device__ float start(int64_t b, int64_t n) const { return s.gates[(first + b) * s.columns + n]; }
  __device__ void finish(int64_t b, int64_t n0, int tx, const float (&v)[4]) const {
    cell_forward(s, first + b, b, n0 / 4 + tx, v);
  }
};

void step(const WindowLstm& s, int64_t t) {
  Queue& queue = s.n.queue;
  const int32_t precision = s.n.products();
  const int64_t first = t * s.B;
  gemm(queue, precision, join_a(BeforeRows{s.w_before(), first}, HiddenRows{s.view, t}, s.C),
       join_b(GateRows{s.w_ih.data + s.I, s.w_ih.ld, s.H}, GateRows{s.w_hh.data, s.w_hh.ld, s.H}, s.C),
       Cell{s.view, first}, {s.B, s.columns, s.C + s.H});
  float* raw = s.window.rates + first * 3 * s.K;  // the window replaces them by the rates
  gemm(queue, precision, Rows{s.y.data + first * s.y.ld, s.y.ld}, WeightRows{s.w_window.data, s.w_window.ld},
       Store{raw, 3 * s.K, 3 * s.K, Meet::kSet, s.n.in(kBiasWindow)->data}, {s.B, 3 * s.K, s.H});
  window::window_forward(queue, s.window, t, t + 1, s.window.rates, 3 * s.K, s.w);
}

// Copies the rows of the last step to a result.
void give(Queue& queue, const Tensor* to, const float* rows, int64_t ld, int64_t first) {
  if (!to) return;
  float* out = to->data;
  const int64_t ld_to = to->ld;
  each_element(queue, to->rows, to->cols,
               [=] __device__(int64_t b, int64_t j) { out[b * ld_to + j] = rows[(first + b) * ld + j]; });
}

void forward(const Node& n) {
  const WindowLstm s(n);
  check_window(n, s.window);
  const Tensor *b_ih = n.in(kBiasIh), *b_hh = n.in(kBiasHh);
  const Project project = {s.view.gates, s.columns, s.H, b_ih ? b_ih->data : nullptr, b_hh ? b_hh->data : nullptr};
  gemm(n.queue, n.products(), Rows{s.x.data, s.x.ld}, GateRows{s.w_ih.data, s.w_ih.ld, s.H}, project,
       {s.T * s.B, s.columns, s.I});
  for (int64_t t = 0; t < s.T; ++t) step(s, t);
  const int64_t last = (s.T - 1) * s.B;
  give(n.queue, n.out(kHT), s.y.data, s.y.ld, last);
  give(n.queue, n.out(kCT), s.view.cells, s.H, last);
  give(n.queue, n.out(kWindowT), s.w.data, s.w.ld, last);
  give_kappa(n.queue, s.window, n.out(kKappaT));
  give_phi(n.queue, s.window, n.out(kPhi));
}
}  // namespace

WindowLstm::WindowLstm(const Node& node)
    : n(node),
      T(node.in(kX)->dims[0]),
      B(node.in(kX)->dims[1]),
      I(node.in(kX)->cols),
      H(node.out(kY)->cols),
      C(node.out(kWindow)->cols),
      K(node.in(kWeightWindow)->dims[0] / 3),
      columns(gate_columns(H)),
      x(*node.in(kX)),
      y(*node.out(kY)),
      w(*node.out(kWindow)),
      w_ih(*node.in(kWeightIh)),
      w_hh(*node.in(kWeightHh)),
      w_window(*node.in(kWeightWindow)),
      window(*node.in(kChars), *node.in(kLengths), node.in(kKappa0), T, B, K, C),
      view(),
      dw(node.buffer(kDw)) {
  view.rows.T = T, view.rows.B = B;
  view.H = view.R = H, view.columns = columns;
  view.keep = true;
  view.gates = node.buffer(kGates), view.cells = node.buffer(kCells), view.dc = node.buffer(kDc);
  view.y = y.data, view.dy = y.grad, view.ld_y = y.ld;
  const Tensor *h0 = node.in(kH0), *c0 = node.in(kC0);
  if (h0) view.h0 = h0->data, view.ld_h0 = h0->ld;
  if (c0) view.c0 = c0->data, view.ld_c0 = c0->ld;
  window.place(node.buffer(kWindowKept), node.buffer(kWindowBack));
}
}  // namespace window_lstm

const OpDef op_window_lstm = {GC_OP_WINDOW_LSTM, "window_lstm", window_lstm::prepare, window_lstm::forward,
                              window_lstm::backward};
}  // namespace cuda
}  // namespace gatecell
