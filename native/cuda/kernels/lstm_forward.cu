// lstm_forward.cu: one product projects x of all steps, then the recurrence: a product a step with the cell as its epilogue, or
// a kernel of one launch where the plan chose it. Two directions of a layer are branches of one recording.
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {

// Where the projection's chains begin: both biases. With layer normalisation they come later.
struct Project {
  float* to;
  int64_t columns, hidden;
  const float *b_ih, *b_hh;
  Gates input, state;
  __device__ float start(int64_t, int64_t n) const {
    const int64_t ih = gate_row(n, hidden, input), hh = gate_row(n, hidden, state);
    return (b_ih && ih >= 0 ? b_ih[ih] : 0.0f) + (b_hh && hh >= 0 ? b_hh[hh] : 0.0f);
  }
  __device__ void finish(int64_t m, int64_t n0, int tx, const float (&v)[4]) const {
    for (int g = 0; g < 4; ++g) to[m * columns + n0 + tx + 16 * g] = v[g];
  }
};

struct StepCell {
  LstmView s;
  int64_t step;
  __device__ float start(int64_t r, int64_t n) const { return s.gates[(s.rows.first(step) + r) * s.columns + n]; }
  __device__ void finish(int64_t r, int64_t n0, int tx, const float (&v)[4]) const {
    cell_forward(s, s.rows.first(step) + r, r, n0 / 4 + tx, v);
  }
};

// U h as it is, for the normalisation.
struct StepProduct {
  float* to;
  int64_t columns, step;
  LstmRows rows;
  __device__ float start(int64_t, int64_t) const { return 0.0f; }
  __device__ void finish(int64_t r, int64_t n0, int tx, const float (&v)[4]) const {
    for (int g = 0; g < 4; ++g) to[(rows.first(step) + r) * columns + n0 + tx + 16 * g] = v[g];
  }
};

// The output projection (Sak, Senior and Beaufays 2014): from the cell's outputs to h.
struct OutputRows {
  static constexpr bool kAlongK = true;
  LstmView s;
  int64_t step;
  __device__ float operator()(int64_t m, int64_t k) const {
    return s.outputs[(s.keep ? s.rows.first(step) + m : m) * s.H + k];
  }
};
struct StoreHidden {
  LstmView s;
  int64_t step;
  __device__ float start(int64_t, int64_t) const { return 0.0f; }
  __device__ void finish(int64_t m, int64_t n0, int tx, const float (&v)[4]) const {
    const int64_t at = s.rows.at(s.rows.first(step) + m) * s.ld_y;
    for (int g = 0; g < 4; ++g)
      if (n0 + tx + 16 * g < s.R) s.y[at + n0 + tx + 16 * g] = v[g];
  }
};

void one_product_a_step(Queue& queue, const Lstm& s) {
  lstm_pack(queue, s, false);
  for (int64_t step = 0; step < s.T; ++step) {
    const HiddenRows h = {s.view, step};
    const Extent size = s.step_extent(step, s.columns, s.R);
    if (s.norm()) {
      gemm_f32(queue, s.precision, h, GateRows{s.w_hh->data, s.R, s.H},
               StepProduct{s.norm_h, s.columns, step, s.rows()}, size);
      lstm_norm_step(queue, s, step);
    } else {
      state_product(queue, s, h, StepCell{s.view, step}, size);
    }
    if (s.w_hr)
      gemm_f32(queue, s.precision, OutputRows{s.view, step}, WeightRows{s.w_hr->data, s.w_hr->ld},
               StoreHidden{s.view, step}, s.step_extent(step, s.R, s.H));
  }
}

// The states after each row's own last step.
void final_states(Queue& queue, const Lstm& s) {
  const LstmView v = s.view;
  if (s.hT) {
    float* to = s.hT->data;
    const int64_t ld = s.hT->ld;
    each_element(queue, s.B, s.R, [=] __device__(int64_t r, int64_t k) {
      const int64_t b = v.rows.batch_row(r), n = v.rows.steps_of(r);
      to[b * ld + k] = n > 0  ? v.y[v.rows.at(v.rows.first(n - 1) + r) * v.ld_y + k]
                       : v.h0 ? v.h0[b * v.ld_h0 + k]
                              : 0.0f;
    });
  }
  if (s.cT) {
    float* to = s.cT->data;
    const int64_t ld = s.cT->ld;
    each_element(queue, s.B, s.H, [=] __device__(int64_t r, int64_t unit) {
      const int64_t b = v.rows.batch_row(r), n = v.rows.steps_of(r);
      to[b * ld + unit] = n > 0 ? *v.c_at(v.rows.first(n - 1) + r, r, unit) : v.c0 ? v.c0[b * v.ld_c0 + unit] : 0.0f;
    });
  }
}
}  // namespace

void lstm_project_input(const Node& n, const Lstm& s) {
  const auto data = [](const Tensor* t) -> const float* { return t ? t->data : nullptr; };
  const Project project = {
      s.norm() ? s.norm_x : s.view.gates, s.columns,     s.H,          s.norm() ? nullptr : data(s.b_ih),
      s.norm() ? nullptr : data(s.b_hh),  s.input_gates, s.state_gates};
  Products(n.queue, choice_of(n).forward_products, n.node.buffers[kProducts])
      .multiply(s.precision, PlacedRows{s.x->data, s.x->ld, s.rows()},
                GateRows{s.w_ih->data, s.w_ih->ld, s.H, s.input_gates}, project, s.rows_extent(s.columns, s.I));
  if (s.norm()) lstm_norm_input(n.queue, s);
}

void lstm_forward_alone(const Node& n) {
  const Lstm s(n);
  lstm_plan_rows(n, s);
  lstm_draw_mask(n, s);
  lstm_project_input(n, s);
  switch (n.plan.choices[static_cast<size_t>(n.node.index)].forward) {
    case kLstmCluster: lstm_cluster_forward(n.queue, s); break;
    case kLstmGrid: lstm_grid_forward(n, s); break;
    default: one_product_a_step(n.queue, s);
  }
  lstm_clear_padding(n.queue, s, s.y->data, s.y->ld, s.R);
  final_states(n.queue, s);
}

void lstm_side_by_side(const Node& a, const Node& b, int32_t Choice::*way, void (*work)(const Node&)) {
  const auto grid = [&](const Node& n) { return n.plan.choices[static_cast<size_t>(n.node.index)].*way == kLstmGrid; };
  if (grid(a) && grid(b)) return work(a), work(b);
  a.queue.fork();
  work(a);
  a.queue.aside();
  work(b);
  a.queue.join();
}

void lstm_forward(const Node& n) {
  if (n.node.partner < 0) return lstm_forward_alone(n);
  if (n.node.partner < n.node.index) return;  // done with the first of the two
  lstm_side_by_side(n, n.partner(), &Choice::forward, lstm_forward_alone);
}
}  // namespace cuda
}  // namespace gatecell
