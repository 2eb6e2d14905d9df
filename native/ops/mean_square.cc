// mean_square.cc: [mean of (x - y)^2, number of elements]; sums run in double, in order of the rows.
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &y = *plan.input(node, 1), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, x, "x", GC_F32);
  if (status == GC_OK) status = expect_same_shape(node, x, y);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status == GC_OK) status = expect_shape(plan, node, out, "the result", {2});
  return status;
}

void prepare(Plan& plan, Node& node) { node.buffers.push_back({plan.input(node, 0)->rows * 8, Life::kForward}); }

void forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &y = *plan.input(node, 1), &out = *plan.output(node, 0);
  double* sums = reinterpret_cast<double*>(node.buffers[0].data);
  for_rows(plan, x, 3, [&](int64_t row) {
    const float *a = x.data + row * x.ld, *b = y.data + row * y.ld;
    double sum = 0;
    for (int64_t j = 0; j < x.cols; ++j) {
      const double d = static_cast<double>(a[j]) - static_cast<double>(b[j]);
      sum += d * d;
    }
    sums[row] = sum;
  });
  double total = 0;
  for (int64_t row = 0; row < x.rows; ++row) total += sums[row];
  const double count = static_cast<double>(x.rows * x.cols);
  out.data[0] = static_cast<float>(total / count);
  out.data[1] = static_cast<float>(count);
}

void backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &y = *plan.input(node, 1), &out = *plan.output(node, 0);
  if (!out.grad) return no_gradients(plan, node);
  const float scale = static_cast<float>(2.0 * static_cast<double>(out.grad[0]) / static_cast<double>(x.rows * x.cols));
  for (size_t i = 0; i < 2; ++i) {
    const Tensor& to = *plan.input(node, i);
    if (!to.grad) continue;
    const float s = i == 0 ? scale : -scale;
    for_rows(plan, x, 3, [&](int64_t row) {
      const float *a = x.data + row * x.ld, *b = y.data + row * y.ld;
      put(to.grad + row * to.ld, to.cols, node.accumulate[i], [=](int64_t j) { return s * (a[j] - b[j]); });
    });
  }
}
}  // namespace

const OpDef op_mean_square = {GC_OP_MEAN_SQUARE, "mean_square", 2,       2, 1, 1, 0, true, false, false, check,
                              prepare,           forward,       backward};
}  // namespace gatecell
