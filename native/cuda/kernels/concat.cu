// concat.cu: tensors that differ only in the last dimension, joined along it.
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace concat {

void forward(const Node& n) {
  const Tensor& y = *n.out(0);
  float* to = y.data;
  const int64_t ldy = y.ld;
  for (int32_t i = 0; i < n.node.inputs; ++i) {
    const Tensor& part = *n.in(i);
    const float* from = part.data;
    const int64_t ld = part.ld;
    each_element(n.queue, part.rows, part.cols,
                 [=] __device__(int64_t row, int64_t j) { to[row * ldy + j] = from[row * ld + j]; });
    to += part.cols;
  }
}

void backward(const Node& n) {
  const Tensor& y = *n.out(0);
  if (!y.grad) return no_gradients(n);
  const float* from = y.grad;
  const int64_t ldy = y.ld;
  for (int32_t i = 0; i < n.node.inputs; ++i) {
    const Tensor& part = *n.in(i);
    if (part.grad) {
      float* to = part.grad;
      const int64_t ld = part.ld;
      const bool accumulate = n.accumulate(i);
      each_element(n.queue, part.rows, part.cols,
                   [=] __device__(int64_t row, int64_t j) { put(to + row * ld + j, from[row * ldy + j], accumulate); });
    }
    from += part.cols;
  }
}
}  // namespace concat

const OpDef op_concat = {GC_OP_CONCAT, "concat", nullptr, concat::forward, concat::backward};
}  // namespace cuda
}  // namespace gatecell
