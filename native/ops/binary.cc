// binary.cc: a + b, a - b, a * b element by element; b has a's shape, or is one row [last dim] used for every row of a.
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) {
  const Tensor &a = *plan.input(node, 0), &b = *plan.input(node, 1);
  gc_status status = check_like(plan, node, 1);
  if (status == GC_OK) status = expect_dtype(node, b, "b", GC_F32);
  if (status != GC_OK || a.same_shape(b) || (b.rank == 1 && b.cols == a.cols)) return status;
  return fail(GC_INVALID_SHAPE, "%s: expected b of shape %s or [%lld], got %s", node.op->name, a.shape().c_str(),
              static_cast<long long>(a.cols), b.shape().c_str());
}

// Returns the distance between the rows of b, which is 0 if there is only one.
int64_t step_of(const Tensor& a, const Tensor& b) { return b.same_shape(a) ? b.ld : 0; }

template <class F>
void forward(Plan& plan, Node& node, F f) {
  const Tensor &a = *plan.input(node, 0), &b = *plan.input(node, 1), &out = *plan.output(node, 0);
  const int64_t step = step_of(a, b);
  for_rows(plan, out, 1, [&](int64_t row) {
    const float *x = a.data + row * a.ld, *y = b.data + row * step;
    put(out.data + row * out.ld, out.cols, false, [=](int64_t j) { return f(x[j], y[j]); });
  });
}

// Computes grad(b)[j] = sum over rows of f(row, j), rows in order, columns split over the team.
template <class F>
void row_gradient(Plan& plan, const Tensor& like, float* grad, bool accumulate, F f) {
  parallel(plan.team(2.0 * static_cast<double>(like.rows * like.cols)), [&](int index, int team) {
    const Range mine = share(like.cols, index, team, 16);
    if (!accumulate) memset(grad + mine.begin, 0, static_cast<size_t>(mine.end - mine.begin) * 4);
    for (int64_t row = 0; row < like.rows; ++row)
      for (int64_t j = mine.begin; j < mine.end; ++j) grad[j] += f(row, j);
  });
}

// Computes the gradient of input i: f(row, j), of the shape of a or summed over rows.
template <class F>
void input_gradient(Plan& plan, Node& node, size_t i, F f) {
  const Tensor &to = *plan.input(node, i), &out = *plan.output(node, 0);
  const bool accumulate = node.accumulate[i];
  if (!to.grad) return;
  if (!out.grad) return no_gradient(plan, node, i);
  if (!to.same_shape(out)) return row_gradient(plan, out, to.grad, accumulate, f);
  for_rows(plan, out, 1,
           [&](int64_t row) { put(to.grad + row * to.ld, to.cols, accumulate, [=](int64_t j) { return f(row, j); }); });
}

void add_forward(Plan& plan, Node& node) {
  forward(plan, node, [](float a, float b) { return a + b; });
}

void add_backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  const float* d = out.grad;
  const int64_t ld = out.ld;
  for (size_t i = 0; i < 2; ++i) input_gradient(plan, node, i, [=](int64_t row, int64_t j) { return d[row * ld + j]; });
}

void sub_forward(Plan& plan, Node& node) {
  forward(plan, node, [](float a, float b) { return a - b; });
}

void sub_backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  const float* d = out.grad;
  const int64_t ld = out.ld;
  input_gradient(plan, node, 0, [=](int64_t row, int64_t j) { return d[row * ld + j]; });
  input_gradient(plan, node, 1, [=](int64_t row, int64_t j) { return -d[row * ld + j]; });
}

void mul_forward(Plan& plan, Node& node) {
  forward(plan, node, [](float a, float b) { return a * b; });
}

void mul_backward(Plan& plan, Node& node) {
  const Tensor &a = *plan.input(node, 0), &b = *plan.input(node, 1), &out = *plan.output(node, 0);
  const float *d = out.grad, *x = a.data, *y = b.data;
  const int64_t ld = out.ld, a_step = a.ld, b_step = step_of(a, b);
  input_gradient(plan, node, 0, [=](int64_t row, int64_t j) { return flow(d[row * ld + j], y[row * b_step + j]); });
  input_gradient(plan, node, 1, [=](int64_t row, int64_t j) { return flow(d[row * ld + j], x[row * a_step + j]); });
}
}  // namespace

const OpDef op_add = {GC_OP_ADD, "add", 2, 2, 1, 1, 0, false, false, false, check, nullptr, add_forward, add_backward};
const OpDef op_sub = {GC_OP_SUB, "sub", 2, 2, 1, 1, 0, false, false, false, check, nullptr, sub_forward, sub_backward};
const OpDef op_mul = {GC_OP_MUL, "mul", 2, 2, 1, 1, 0, true, false, false, check, nullptr, mul_forward, mul_backward};
}  // namespace gatecell
