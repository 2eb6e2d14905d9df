// lstm_forward.cu: the forward pass: one product projects x of all steps; then one product per step with the cell as its epilogue, or one
// launch for all steps, if the plan has chosen it. Two directions of a layer are branches of one recording.
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {

// The start value of the projection's chains: the sum of both biases. With layer normalisation biases are added later.
struct Project {
  float* to;
  Stretch stretch;
  int64_t columns, hidden;
  const float *b_ih, *b_hh;
  Gates input, state;
  __device__ float start(int64_t, int64_t n) const {
    const int64_t ih = gate_row(n, hidden, input), hh = gate_row(n, hidden, state);
    return (b_ih && ih >= 0 ? b_ih[ih] : 0.0f) + (b_hh && hh >= 0 ? b_hh[hh] : 0.0f);
  }
  __device__ void finish(int64_t m, int64_t n0, int tx, const float (&v)[4]) const {
    for (int g = 0; g < 4; ++g) to[stretch.row(m) * columns + n0 + tx + 16 * g] = v[g];
  }
};

struct StepCell {
  LstmView s;
  int64_t step;
  __device__ bool early() const { return true; }
  __device__ float start(int64_t r, int64_t n) const { return s.gates[(s.rows.first(step) + r) * s.columns + n]; }
  __device__ void finish(int64_t r, int64_t n0, int tx, const float (&v)[4]) const {
    cell_forward(s, s.rows.first(step) + r, r, n0 / 4 + tx, v);
  }
};

// Stores U h without the cell, for the normalisation.
struct StepProduct {
  float* to;
  int64_t columns, step;
  LstmRows rows;
  __device__ float start(int64_t, int64_t) const { return 0.0f; }
  __device__ void finish(int64_t r, int64_t n0, int tx, const float (&v)[4]) const {
    for (int g = 0; g < 4; ++g) to[(rows.first(step) + r) * columns + n0 + tx + 16 * g] = v[g];
  }
};

// Computes h from the outputs of the cell by the output projection (Sak, Senior and Beaufays 2014).
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

void one_product_a_step(Queue& queue, const Lstm& s, Steps steps) {
  for (int64_t step = steps.from; step < steps.to; ++step) {
    const HiddenRows h = {s.view, step};
    const Extent size = s.step_extent(step, s.columns, s.R);
    if (s.norm()) {
      gemm_f32(queue, s.precision, h, GateRows{s.w_hh->data, s.R, s.H},
               StepProduct{s.norm_h, s.columns, step, s.rows()}, size);
      lstm_norm_step(queue, s, step);
    } else {
      chained_product(queue, s, step > steps.from && !s.w_hr, h, StepCell{s.view, step}, size);
    }
    if (s.w_hr)
      gemm_f32(queue, s.precision, OutputRows{s.view, step}, WeightRows{s.w_hr->data, s.w_hr->ld},
               StoreHidden{s.view, step}, s.step_extent(step, s.R, s.H));
  }
}

int32_t kernel_of(const Node& n) { return n.plan.choices[static_cast<size_t>(n.node.index)].forward; }

// Copies the states after the last step of each row.
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

void lstm_begin(const Node& n, const Lstm& s) {
  lstm_plan_rows(n, s);
  lstm_draw_mask(n, s);
  lstm_clear_padding(n.queue, s, s.y->data, s.y->ld, s.R);
  if (kernel_of(n) == kLstmSteps) lstm_pack(n.queue, s, false);
}

void lstm_project(const Node& n, const Lstm& s, Steps steps) {
  const auto data = [](const Tensor* t) -> const float* { return t ? t->data : nullptr; };
  const Stretch stretch = s.stretch(steps);
  const Project project = {
      s.norm() ? s.norm_x : s.view.gates, stretch,       s.columns,    s.H, s.norm() ? nullptr : data(s.b_ih),
      s.norm() ? nullptr : data(s.b_hh),  s.input_gates, s.state_gates};
  Products(n.queue, choice_of(n).forward_products, n.node.buffers[kProducts])
      .multiply(s.precision, PlacedRows{s.x->data, s.x->ld, s.rows(), stretch},
                GateRows{s.w_ih->data, s.w_ih->ld, s.H, s.input_gates}, project,
                s.stretch_extent(steps, s.columns, s.I));
  if (s.norm()) lstm_norm_input(n.queue, s);  // of all rows, because such layers are not part of a stack
}

void lstm_steps(const Node& n, const Lstm& s, Steps steps) {
  switch (kernel_of(n)) {
    case kLstmCluster: return lstm_cluster_forward(n.queue, s, false, steps);
    case kLstmWideCluster: return lstm_cluster_forward(n.queue, s, true, steps);
    case kLstmGrid: return lstm_grid_forward(n, s);  // all steps: this kernel needs the whole device
    default: one_product_a_step(n.queue, s, steps);
  }
}

void lstm_end(const Node& n, const Lstm& s) { final_states(n.queue, s); }

void lstm_forward_alone(const Node& n) {
  const Lstm s(n);
  lstm_begin(n, s);
  lstm_project(n, s, s.all_steps());
  lstm_steps(n, s, s.all_steps());
  lstm_end(n, s);
}

void lstm_side_by_side(const Node& a, const Node& b, int32_t Choice::*way, void (*work)(const Node&)) {
  const auto grid = [&](const Node& n) { return n.plan.choices[static_cast<size_t>(n.node.index)].*way == kLstmGrid; };
  if (grid(a) && grid(b)) return work(a), work(b);
  a.queue.fork(2);
  work(a);
  a.queue.branch(1);
  work(b);
  a.queue.join();
}

void lstm_forward(const Node& n) {
  if (n.node.partner < 0) return lstm_forward_alone(n);
  if (n.node.partner < n.node.index) return;  // computed with the first of the two
  lstm_side_by_side(n, n.partner(), &Choice::forward, lstm_forward_alone);
}
}  // namespace cuda
}  // namespace gatecell
