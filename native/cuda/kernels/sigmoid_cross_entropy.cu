// sigmoid_cross_entropy.cu: K independent yes/no questions per row: [mean over rows of the sum over K of the cross-entropies in
// nats, rows]. Stable for any logit: max(x, 0) - x t + log(1 + exp(-|x|)). A warp per row; sums in double.
#include "losses.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace sigmoid_cross_entropy {

gc_status prepare(const Node& n) {
  n.ask(n.in(0)->rows * 8, GC_LIFE_FORWARD);
  return GC_OK;
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &t = *n.in(1);
  const float *logits = x.data, *targets = t.data;
  double* nats = n.buffer<double>(0);
  const int64_t ldx = x.ld, ldt = t.ld, columns = x.cols;
  each_row(n.queue, x.rows, [=] __device__(int64_t row, int lane) {
    double sum = 0;
    for (int64_t j = lane; j < columns; j += kWarp) {
      const float logit = logits[row * ldx + j];
      const double v = static_cast<double>(logit);
      sum += (v > 0 ? v : 0) - v * static_cast<double>(targets[row * ldt + j]) +
             log1p(static_cast<double>(v_exp(-fabsf(logit))));
    }
    sum = warp_sum(sum);
    if (lane == 0) nats[row] = sum;
  });
  const double rows = static_cast<double>(x.rows);
  mean_of_rows(n.queue, nats, x.rows, rows, rows, n.out(0)->data);
}

// d/dx = sigmoid(x) - t, d/dt = -x, each over the number of rows.
void backward(const Node& n) {
  const Tensor &x = *n.in(0), &t = *n.in(1), &out = *n.out(0);
  if (!out.grad) return no_gradients(n);
  const float *logits = x.data, *targets = t.data, *dloss = out.grad;
  const int64_t ldx = x.ld, ldt = t.ld;
  const double rows = static_cast<double>(x.rows);
  for (int32_t i = 0; i < 2; ++i) {
    const Tensor& to = *n.in(i);
    if (!to.grad) continue;
    float* grad = to.grad;
    const int64_t ld = to.ld;
    const bool accumulate = n.accumulate(i);
    each_element(n.queue, x.rows, x.cols, [=] __device__(int64_t row, int64_t j) {
      const float scale = static_cast<float>(static_cast<double>(dloss[0]) / rows), logit = logits[row * ldx + j];
      put(grad + row * ld + j, (i == 0 ? v_sigmoid(logit) - targets[row * ldt + j] : -logit) * scale, accumulate);
    });
  }
}
}  // namespace sigmoid_cross_entropy

const OpDef op_sigmoid_cross_entropy = {GC_OP_SIGMOID_CROSS_ENTROPY, "sigmoid_cross_entropy",
                                        sigmoid_cross_entropy::prepare, sigmoid_cross_entropy::forward,
                                        sigmoid_cross_entropy::backward};
}  // namespace cuda
}  // namespace gatecell
