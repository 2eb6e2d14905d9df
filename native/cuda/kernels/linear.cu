// linear.cu: y = x W^T + b over all leading dimensions; W[O, I] as in PyTorch.
#include "columns.h"
#include "gemm.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace linear {

gc_status prepare(const Node& n) {
  n.why(n.products() == GC_FLOAT ? "exact f32 tiles of 64 columns" : "tf32 tensor cores, tiles of 64 columns");
  return GC_OK;
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &w = *n.in(1), *b = n.in(2), &y = *n.out(0);
  const Store store = {y.data, y.ld, y.cols, Meet::kSet, b ? b->data : nullptr};
  gemm(n.queue, n.products(), Rows{x.data, x.ld}, WeightRows{w.data, w.ld}, store, {x.rows, y.cols, x.cols});
}

void bias_gradient(const Node& n, const Tensor& b, const Tensor& y) {
  const float* dy = y.grad;
  const int64_t ld = y.ld;
  row_gradient(n, y.rows, y.cols, b.grad, n.accumulate(2),
               [=] __device__(int64_t row, int64_t j) { return dy[row * ld + j]; });
}

void backward(const Node& n) {
  const Tensor &x = *n.in(0), &w = *n.in(1), *b = n.in(2), &y = *n.out(0);
  if (!y.grad) return no_gradients(n);
  if (x.grad) {
    const Store store = {x.grad, x.ld, x.cols, chain_if(n.accumulate(0)), nullptr};
    gemm(n.queue, n.products(), Rows{y.grad, y.ld}, WeightColumns{w.data, w.ld}, store, {x.rows, x.cols, y.cols});
  }
  if (w.grad) {
    const Store store = {w.grad, w.ld, w.cols, add_if(n.accumulate(1)), nullptr};
    gemm(n.queue, n.products(), Columns{y.grad, y.ld}, WeightColumns{x.data, x.ld}, store, {y.cols, x.cols, x.rows});
  }
  if (b && b->grad) bias_gradient(n, *b, y);
}
}  // namespace linear

const OpDef op_linear = {GC_OP_LINEAR, "linear", linear::prepare, linear::forward, linear::backward};
}  // namespace cuda
}  // namespace gatecell
