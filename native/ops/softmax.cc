// softmax.cc: softmax over the last dimension; sums run in double, in order of the columns.
#include "../core/machine.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) { return check_like(plan, node, 1); }

void forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  for_rows(plan, out, 20, [&](int64_t row) {
    const float* from = x.data + row * x.ld;
    float* y = out.data + row * out.ld;
    float most = from[0];
    for (int64_t j = 1; j < x.cols; ++j) most = from[j] > most ? from[j] : most;
    for (int64_t j = 0; j < x.cols; ++j) y[j] = from[j] - most;
    kernels().exp(y, y, x.cols);
    double sum = 0;
    for (int64_t j = 0; j < x.cols; ++j) sum += static_cast<double>(y[j]);
    const float scale = static_cast<float>(1 / sum);
    for (int64_t j = 0; j < x.cols; ++j) y[j] *= scale;
  });
}

// dx = y (dy - sum(y dy)); 0 in a row whose dy is 0, because its y may be NaN.
void backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  unary_gradient(plan, node, 6, [&](const float* d, int64_t row) {
    const float* y = out.data + row * out.ld;
    double sum = 0;
    for (int64_t j = 0; j < out.cols; ++j) sum += d[j] == 0 ? 0 : static_cast<double>(y[j]) * static_cast<double>(d[j]);
    const float dot = static_cast<float>(sum);
    return [=](int64_t j) { return flow(d[j] - dot, y[j]); };
  });
}
}  // namespace

const OpDef op_softmax = {GC_OP_SOFTMAX, "softmax", 1,     1,     1,       1,       0,
                          false,         true,      false, check, nullptr, forward, backward};
}  // namespace gatecell
