// flip.cu: the tensor reversed along dimension 0 (time).
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace flip {

struct Mirror {
  int64_t steps, inner, columns, ld;
  bool within_row;  // rank 1: the row itself is reversed
  explicit Mirror(const Tensor& t)
      : steps(t.dims[0]), inner(t.rows / t.dims[0]), columns(t.cols), ld(t.ld), within_row(t.rank == 1) {}
  __device__ int64_t at(int64_t row, int64_t j) const {
    if (within_row) return columns - 1 - j;
    return ((steps - 1 - row / inner) * inner + row % inner) * ld + j;
  }
};

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const Mirror mirror(x);
  const float* from = x.data;
  float* to = y.data;
  const int64_t ld = y.ld;
  each_element(n.queue, y.rows, y.cols,
               [=] __device__(int64_t row, int64_t j) { to[row * ld + j] = from[mirror.at(row, j)]; });
}

void backward(const Node& n) {
  const Mirror mirror(*n.out(0));
  const float* dy = n.out(0)->grad;
  unary_gradient(n, [=] __device__(float, int64_t row, int64_t j) { return dy[mirror.at(row, j)]; });
}
}  // namespace flip

const OpDef op_flip = {GC_OP_FLIP, "flip", nullptr, flip::forward, flip::backward};
}  // namespace cuda
}  // namespace gatecell
