// lstm_backward.cu: the recurrence of the backward pass: one product per step computes dh, with the cell of the step before as its epilogue;
// or one launch computes all steps, if the plan has chosen it. The products over all rows come afterwards, in lstm_gradients.cu.
#include "columns.h"
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {

// The gradient of h after a step (of h0 for step -1) from the product of the step after. For rows that end with this step dh contains the
// gradient of hT, with which they begin; for others dh contains the part that does not go through the product.
struct Incoming {
  LstmView s;
  int64_t step;
  __device__ bool fresh(int64_t r) const { return s.rows.has_lengths && r >= s.rows.batch_sizes[step + 1]; }
  __device__ float start(int64_t r, int64_t n) const {
    return n < s.R && (fresh(r) || (s.passes() && !s.mask)) ? s.dh[r * s.R + n] : 0.0f;
  }
  __device__ float value(int64_t r, int64_t n, float product) const {
    if (!s.mask || fresh(r)) return product;
    const float masked = v_mul(s.mask[s.rows.batch_row(r) * s.R + n], product);
    return s.passes() ? v_add(s.dh[r * s.R + n], masked) : masked;
  }
  // Returns the gradient of the output, which includes the gradient from the layer above.
  __device__ float whole(int64_t row, int64_t n, float dh) const {
    return s.dy ? v_add(dh, s.dy[s.rows.at(row) * s.ld_y + n]) : dh;
  }
};

struct CellAfter {
  Incoming in;
  __device__ bool early() const { return !in.s.passes(); }
  __device__ float start(int64_t r, int64_t n) const { return in.start(r, n); }
  __device__ void finish(int64_t r, int64_t n0, int tx, const float (&v)[4]) const {
    const int64_t row = in.s.rows.first(in.step) + r;
    for (int k = 0; k < 4; ++k) {
      const int64_t u = n0 + tx + 16 * k;
      if (u >= in.s.columns / 4) continue;
      cell_backward(in.s, row, r, u, u < in.s.H ? in.whole(row, u, in.value(r, u, v[k])) : 0.0f);
    }
  }
};

// Stores the gradient of h for a normalisation, a projection (by row) or h0.
struct KeepGradient {
  Incoming in;
  float* to;
  bool by_row;
  __device__ float start(int64_t r, int64_t n) const { return in.start(r, n); }
  __device__ void put(int64_t r, int64_t n, float dh) const {
    const bool above = in.step >= 0;
    const int64_t row = above ? in.s.rows.first(in.step) + r : 0;
    to[(by_row ? row : r) * in.s.R + n] = above ? in.whole(row, n, dh) : dh;
  }
  __device__ void finish(int64_t r, int64_t n0, int tx, const float (&v)[4]) const {
    for (int k = 0; k < 4; ++k) {
      const int64_t n = n0 + tx + 16 * k;
      if (n < in.s.R) put(r, n, in.value(r, n, v[k]));
    }
  }
};

// Runs the backward pass of the cell on the gradient of its output, which is the product of the projection.
struct CellAlone {
  LstmView s;
  int64_t step;
  __device__ float start(int64_t, int64_t) const { return 0.0f; }
  __device__ void finish(int64_t r, int64_t n0, int tx, const float (&v)[4]) const {
    for (int k = 0; k < 4; ++k)
      if (n0 + tx + 16 * k < s.columns / 4) cell_backward(s, s.rows.first(step) + r, r, n0 + tx + 16 * k, v[k]);
  }
};
struct StepStore {
  float* to;
  int64_t ld, columns, step;
  LstmRows rows;
  __device__ float start(int64_t, int64_t) const { return 0.0f; }
  __device__ void finish(int64_t r, int64_t n0, int tx, const float (&v)[4]) const {
    for (int k = 0; k < 4; ++k)
      if (n0 + tx + 16 * k < columns) to[(rows.first(step) + r) * ld + n0 + tx + 16 * k] = v[k];
  }
};

// Sets dh or dc to the gradient of the final state.
void first_gradient(Queue& queue, const Lstm& s, const Tensor* state, float* to, int64_t width) {
  const float* from = state ? state->grad : nullptr;
  const int64_t ld = state ? state->ld : 0;
  const LstmRows rows = s.rows();
  each_element(queue, s.B, width, [=] __device__(int64_t r, int64_t k) {
    to[r * width + k] = from ? from[rows.batch_row(r) * ld + k] : 0.0f;
  });
}

// Computes dG from the gradient of h, or of the projection.
void finish_step(Queue& queue, const Lstm& s, int64_t step) {
  if (s.w_hr) {
    const StepRows dr = {s.dr, s.R, step, s.rows()};
    const WeightColumns w = {s.w_hr->data, s.w_hr->ld};
    const Extent size = s.step_extent(step, s.H, s.R);
    if (s.norm()) gemm_f32(queue, s.precision, dr, w, StepStore{s.norm_dc, s.H, s.H, step, s.rows()}, size);
    else gemm_f32(queue, s.precision, dr, w, CellAlone{s.view, step}, size);
  }
  if (s.norm()) lstm_norm_step_backward(queue, s, step);
}

// Computes the last step, for which there is no product.
void last_step(Queue& queue, const Lstm& s) {
  const int64_t step = s.T - 1;
  const LstmView v = s.view;
  const Incoming in = {v, step};
  if (s.w_hr || s.norm()) {
    const KeepGradient keep = {in, s.w_hr ? s.dr : v.dh, s.w_hr != nullptr};
    each_element(queue, s.B, s.R, [=] __device__(int64_t r, int64_t n) {
      if (r < v.rows.live(step)) keep.put(r, n, v.dh[r * v.R + n]);
    });
    return finish_step(queue, s, step);
  }
  each_element(queue, s.B, s.columns / 4, [=] __device__(int64_t r, int64_t u) {
    if (r >= v.rows.live(step)) return;
    const int64_t row = v.rows.first(step) + r;
    cell_backward(v, row, r, u, u < v.H ? in.whole(row, u, v.dh[r * v.R + u]) : 0.0f);
  });
}

void one_product_a_step(Queue& queue, const Lstm& s, Steps steps) {
  if (steps.to == s.T) last_step(queue, s);
  const int64_t top = (steps.to < s.T ? steps.to : s.T - 1) - 1;  // of those that are products
  for (int64_t step = top; step >= steps.from; --step) {
    const StepRows dg = {s.state_gradients(), s.columns, step + 1, s.rows()};
    const Incoming in = {s.view, step};
    const Extent size = s.step_extent(step, s.columns / 4, s.columns);
    if (s.w_hr || s.norm()) {
      const KeepGradient keep = {in, s.w_hr ? s.dr : s.view.dh, s.w_hr != nullptr};
      state_product_back(queue, s, dg, keep, size);
      finish_step(queue, s, step);
    } else {
      chained_product_back(queue, s, step < top, dg, CellAfter{in}, size);
    }
  }
}

int32_t kernel_of(const Node& n) { return n.plan.choices[static_cast<size_t>(n.node.index)].backward; }
bool learns_start(const Lstm& s) { return s.h0 && s.h0->grad; }  // h0's gradient is one more product

// Writes the gradient of an initial state from [r][width]: one row for each batch row, or their sum if one row is used for all.
void initial_state(const Node& n, const Lstm& s, int input, const float* from, int64_t width) {
  const Tensor* state = n.in(input);
  if (!state || !state->grad) return;
  float* to = state->grad;
  const int64_t ld = state->ld;
  const bool accumulate = n.accumulate(input);
  const LstmRows rows = s.rows();
  if (state->rank == 2)
    each_element(n.queue, s.B, width, [=] __device__(int64_t r, int64_t k) {
      put(to + rows.batch_row(r) * ld + k, from[r * width + k], accumulate);
    });
  else
    row_gradient(n, s.B, width, to, accumulate, [=] __device__(int64_t r, int64_t k) { return from[r * width + k]; });
}
}  // namespace

void lstm_begin_back(const Node& n, const Lstm& s) {
  first_gradient(n.queue, s, s.hT, s.view.dh, s.R);
  first_gradient(n.queue, s, s.cT, s.view.dc, s.H);
  if (kernel_of(n) == kLstmSteps || learns_start(s)) lstm_pack(n.queue, s, true);
}

void lstm_steps_back(const Node& n, const Lstm& s, Steps steps) {
  switch (kernel_of(n)) {
    case kLstmCluster: return lstm_cluster_backward(n.queue, s, false, steps);
    case kLstmWideCluster: return lstm_cluster_backward(n.queue, s, true, steps);
    case kLstmGrid: return lstm_grid_backward(n, s);  // all steps: this kernel needs the whole device
    default: one_product_a_step(n.queue, s, steps);
  }
}

void lstm_end_back(const Node& n, const Lstm& s) {
  if (learns_start(s))
    state_product_back(n.queue, s, StepRows{s.state_gradients(), s.columns, 0, s.rows()},
                       KeepGradient{{s.view, -1}, s.view.dh, false}, {s.B, s.R, s.columns});
}

void lstm_recurrence_back(const Node& n) {
  const Lstm s(n);
  lstm_begin_back(n, s);
  lstm_steps_back(n, s, s.all_steps());
  lstm_end_back(n, s);
}

void lstm_after_back(const Node& n, bool with_input) {
  const Lstm s(n);
  initial_state(n, s, kH0, s.view.dh, s.R);
  initial_state(n, s, kC0, s.view.dc, s.H);
  lstm_gradients(n, s);
  if (!with_input) return;
  lstm_begin_input_gradient(n, s);
  lstm_input_gradient(n, s, s.all_steps());
}

// In the backward pass the node with the higher number comes first, and the recurrences of both directions run with it.
void lstm_backward(const Node& n) {
  if (n.node.partner_back < 0) lstm_recurrence_back(n);
  else if (n.node.partner_back < n.node.index)
    lstm_side_by_side(n, n.partner(), &Choice::backward, lstm_recurrence_back);
  lstm_after_back(n, true);
}
}  // namespace cuda
}  // namespace gatecell
