// reshape.cu: the same elements in row-major order under another shape. A copy, because rows are padded.
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace reshape {

// Returns the index of element (row, j) of a matrix with `columns` columns in one with rows of `other` columns, `ld` apart.
__device__ __forceinline__ int64_t other_place(int64_t row, int64_t j, int64_t columns, int64_t other, int64_t ld) {
  const int64_t element = row * columns + j;
  return element / other * ld + element % other;
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const float* from = x.data;
  float* to = y.data;
  const int64_t ldx = x.ld, ldy = y.ld, cx = x.cols, cy = y.cols;
  each_element(n.queue, y.rows, y.cols,
               [=] __device__(int64_t row, int64_t j) { to[row * ldy + j] = from[other_place(row, j, cy, cx, ldx)]; });
}

void backward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const float* dy = y.grad;
  const int64_t ldy = y.ld, cx = x.cols, cy = y.cols;
  unary_gradient(n, [=] __device__(float, int64_t row, int64_t j) { return dy[other_place(row, j, cx, cy, ldy)]; });
}
}  // namespace reshape

const OpDef op_reshape = {GC_OP_RESHAPE, "reshape", nullptr, reshape::forward, reshape::backward};
}  // namespace cuda
}  // namespace gatecell
