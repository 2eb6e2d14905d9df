// lstm_forward.cu: one product projects x of all steps, then the recurrence: a product a step with the cell as its epilogue, or
// the cluster kernel where the plan chose it.
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {

// Where the projection's chains begin: both biases.
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

void one_product_a_step(const Node& n, const Lstm& s) {
  for (int64_t step = 0; step < s.T; ++step) {
    const State h = s.h_before(step);
    const CellForward cell = {s.gate_rows(step), s.columns, s.H, s.c_before(step), s.c_after(step), s.h_after(step)};
    gemm(n.queue, s.precision, Rows{h.data, h.ld}, GateRows{s.w_hh->data, s.w_hh->ld, s.H}, cell,
         {s.B, s.columns, s.H});
  }
}

void copy_state(Queue& queue, const State& from, const Tensor* to, int64_t B, int64_t H) {
  if (!to) return;
  float* out = to->data;
  const int64_t ld = to->ld;
  each_element(queue, B, H, [=] __device__(int64_t b, int64_t unit) { out[b * ld + unit] = from.at(b, unit); });
}
}  // namespace

void lstm_forward(const Node& n) {
  const Lstm s(n);
  const Project project = {s.gates, s.columns, s.H, s.b_ih ? s.b_ih->data : nullptr, s.b_hh ? s.b_hh->data : nullptr};
  gemm(n.queue, s.precision, Rows{s.x->data, s.x->ld}, GateRows{s.w_ih->data, s.w_ih->ld, s.H}, project,
       {s.T * s.B, s.columns, s.I});
  if (n.plan.choices[static_cast<size_t>(n.node.index)] == kLstmCluster) lstm_cluster_steps(n.queue, s);
  else one_product_a_step(n, s);
  copy_state(n.queue, s.h_after(s.T - 1), s.hT, s.B, s.H);
  copy_state(n.queue, s.c_after(s.T - 1), s.cT, s.B, s.H);
}
}  // namespace cuda
}  // namespace gatecell
