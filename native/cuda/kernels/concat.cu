// concat.cu: tensors that differ in one dimension, joined along it.
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace concat {

// Where the rows of one part are in the result.
struct Place {
  int64_t own = 1, whole = 1, first = 0, column = 0;
  __device__ int64_t row(int64_t r) const { return r / own * whole + first + r % own; }
};

// The place of part `i` that begins at index `begin` of the joined dimension, which the place of the next part continues.
Place place_of(const Node& n, int32_t i, int64_t& begin) {
  const Tensor &y = *n.out(0), &part = *n.in(i);
  const int axis = y.rank - 1 - static_cast<int>(n.attribute(0));
  int64_t inner = 1;  // rows of one index of the joined dimension
  for (int d = axis + 1; d + 1 < y.rank; ++d) inner *= y.dims[d];
  Place place;
  if (axis == y.rank - 1) place.column = begin;
  else place.own = part.dims[axis] * inner, place.whole = y.dims[axis] * inner, place.first = begin * inner;
  begin += part.dims[axis];
  return place;
}

void forward(const Node& n) {
  float* to = n.out(0)->data;
  const int64_t ldy = n.out(0)->ld;
  int64_t begin = 0;
  for (int32_t i = 0; i < n.node.inputs; ++i) {
    const Tensor& part = *n.in(i);
    const Place place = place_of(n, i, begin);
    const float* from = part.data;
    const int64_t ld = part.ld;
    each_element(n.queue, part.rows, part.cols, [=] __device__(int64_t row, int64_t j) {
      to[place.row(row) * ldy + place.column + j] = from[row * ld + j];
    });
  }
}

void backward(const Node& n) {
  const float* from = n.out(0)->grad;
  const int64_t ldy = n.out(0)->ld;
  if (!from) return no_gradients(n);
  int64_t begin = 0;
  for (int32_t i = 0; i < n.node.inputs; ++i) {
    const Tensor& part = *n.in(i);
    const Place place = place_of(n, i, begin);
    if (!part.grad) continue;
    float* to = part.grad;
    const int64_t ld = part.ld;
    const bool accumulate = n.accumulate(i);
    each_element(n.queue, part.rows, part.cols, [=] __device__(int64_t row, int64_t j) {
      put(to + row * ld + j, from[place.row(row) * ldy + place.column + j], accumulate);
    });
  }
}
}  // namespace concat

const OpDef op_concat = {GC_OP_CONCAT, "concat", nullptr, concat::forward, concat::backward};
}  // namespace cuda
}  // namespace gatecell
