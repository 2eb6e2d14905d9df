// mean_square.cu: [mean of (x - y)^2, number of elements], a warp per row; sums in double.
#include "losses.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace mean_square {

gc_status prepare(const Node& n) {
  n.ask(n.in(0)->rows * 8, GC_LIFE_FORWARD);
  return GC_OK;
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.in(1);
  const float *a = x.data, *b = y.data;
  double* sums = n.buffer<double>(0);
  const int64_t lda = x.ld, ldb = y.ld, columns = x.cols;
  each_row(n.queue, x.rows, [=] __device__(int64_t row, int lane) {
    double sum = 0;
    for (int64_t j = lane; j < columns; j += kWarp) {
      const double d = static_cast<double>(a[row * lda + j]) - static_cast<double>(b[row * ldb + j]);
      sum += d * d;
    }
    sum = warp_sum(sum);
    if (lane == 0) sums[row] = sum;
  });
  const double elements = static_cast<double>(x.rows * x.cols);
  mean_of_rows(n.queue, sums, x.rows, elements, elements, n.out(0)->data);
}

void backward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.in(1), &out = *n.out(0);
  if (!out.grad) return no_gradients(n);
  const float *a = x.data, *b = y.data, *dloss = out.grad;
  const int64_t lda = x.ld, ldb = y.ld;
  const double elements = static_cast<double>(x.rows * x.cols);
  for (int32_t i = 0; i < 2; ++i) {
    const Tensor& to = *n.in(i);
    if (!to.grad) continue;
    float* grad = to.grad;
    const int64_t ld = to.ld;
    const bool accumulate = n.accumulate(i);
    each_element(n.queue, x.rows, x.cols, [=] __device__(int64_t row, int64_t j) {
      const float scale = static_cast<float>(2.0 * static_cast<double>(dloss[0]) / elements);
      put(grad + row * ld + j, (i == 0 ? scale : -scale) * (a[row * lda + j] - b[row * ldb + j]), accumulate);
    });
  }
}
}  // namespace mean_square

const OpDef op_mean_square = {GC_OP_MEAN_SQUARE, "mean_square", mean_square::prepare, mean_square::forward,
                              mean_square::backward};
}  // namespace cuda
}  // namespace gatecell
