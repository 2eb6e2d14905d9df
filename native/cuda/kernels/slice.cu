// slice.cu: a range of one dimension; its length is the result's. The gradient outside the range is zero.
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace slice {

// The row of x that row `row` of the result is taken from, and the column where the range begins.
struct Source {
  int64_t outer_out = 1, outer_in = 1, offset = 0, column = 0;
  __device__ int64_t row(int64_t r) const { return r / outer_out * outer_in + offset + r % outer_out; }
};

Source source_of(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const int dim = static_cast<int>(n.attribute(0));
  const int64_t begin = static_cast<int64_t>(n.attribute(1));
  Source s;
  if (dim == x.rank - 1) {
    s.column = begin;
    return s;
  }
  int64_t inner = 1;
  for (int i = dim + 1; i < x.rank - 1; ++i) inner *= x.dims[i];
  s.outer_out = y.dims[dim] * inner;
  s.outer_in = x.dims[dim] * inner;
  s.offset = begin * inner;
  return s;
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const Source source = source_of(n);
  const float* from = x.data;
  float* to = y.data;
  const int64_t ldx = x.ld, ldy = y.ld;
  each_element(n.queue, y.rows, y.cols, [=] __device__(int64_t row, int64_t j) {
    to[row * ldy + j] = from[source.row(row) * ldx + source.column + j];
  });
}

void backward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  if (!x.grad) return;
  no_gradient(n, 0);  // zero wherever the range is not
  if (!y.grad) return;
  const Source source = source_of(n);
  float* to = x.grad;
  const float* from = y.grad;
  const int64_t ldx = x.ld, ldy = y.ld;
  const bool accumulate = n.accumulate(0);
  each_element(n.queue, y.rows, y.cols, [=] __device__(int64_t row, int64_t j) {
    put(to + source.row(row) * ldx + source.column + j, from[row * ldy + j], accumulate);
  });
}
}  // namespace slice

const OpDef op_slice = {GC_OP_SLICE, "slice", nullptr, slice::forward, slice::backward};
}  // namespace cuda
}  // namespace gatecell
