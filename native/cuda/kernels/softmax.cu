// softmax.cu: softmax over the last dimension, a warp per row; sums in double.
#include "softmax.h"

#include "ops.h"

namespace gatecell {
namespace cuda {
namespace softmax {

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const float* from = x.data;
  float* to = y.data;
  const int64_t ldx = x.ld, ldy = y.ld, columns = x.cols;
  each_row(n.queue, x.rows,
           [=] __device__(int64_t row, int lane) { softmax_row(from + row * ldx, to + row * ldy, columns, lane); });
}

// dx = y (dy - sum(y dy)); 0 in a row whose dy is 0, because its y may be NaN.
void backward(const Node& n) {
  const Tensor &x = *n.in(0), &out = *n.out(0);
  if (!x.grad) return;
  if (!out.grad) return no_gradient(n, 0);
  const float *y = out.data, *dy = out.grad;
  float* dx = x.grad;
  const int64_t ldx = x.ld, ldy = out.ld, columns = x.cols;
  const bool accumulate = n.accumulate(0);
  each_row(n.queue, x.rows, [=] __device__(int64_t row, int lane) {
    const float *p = y + row * ldy, *d = dy + row * ldy;
    double sum = 0;
    for (int64_t j = lane; j < columns; j += kWarp)
      sum += d[j] == 0 ? 0 : static_cast<double>(p[j]) * static_cast<double>(d[j]);
    const float dot = static_cast<float>(warp_sum(sum));
    for (int64_t j = lane; j < columns; j += kWarp) put(dx + row * ldx + j, flow(d[j] - dot, p[j]), accumulate);
  });
}
}  // namespace softmax

const OpDef op_softmax = {GC_OP_SOFTMAX, "softmax", nullptr, softmax::forward, softmax::backward};
}  // namespace cuda
}  // namespace gatecell
