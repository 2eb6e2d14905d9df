// mean_square.cc: [mean of (x - y)^2, number of elements]; sums run in double, in order of the rows.
#include "losses.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) { return check_pair_loss(plan, node, "x"); }

void forward(Plan& plan, Node& node) {
  const Tensor& x = *plan.input(node, 0);
  pair_loss(plan, node, 3, static_cast<double>(x.rows * x.cols), [](const float* a, const float* b, int64_t n) {
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) {
      const double d = static_cast<double>(a[j]) - static_cast<double>(b[j]);
      sum += d * d;
    }
    return sum;
  });
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
                              prepare_pair_loss, forward,       backward};
}  // namespace gatecell
