// binary.cu: a + b, a - b, a * b element by element; b has a's shape, or is one row [last dim] used for every row of a.
#include "columns.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace binary {

bool same_shape(const Tensor& a, const Tensor& b) {
  return a.rank == b.rank && a.dims[0] == b.dims[0] && a.dims[1] == b.dims[1] && a.dims[2] == b.dims[2] &&
         a.dims[3] == b.dims[3];
}
// Returns the distance between the rows of b, which is 0 if there is only one.
int64_t step_of(const Tensor& a, const Tensor& b) { return same_shape(a, b) ? b.ld : 0; }

template <class F>
void forward(const Node& n, F f) {
  const Tensor &a = *n.in(0), &b = *n.in(1), &y = *n.out(0);
  const float *x = a.data, *w = b.data;
  float* to = y.data;
  const int64_t lda = a.ld, ldb = step_of(a, b), ldy = y.ld;
  each_element(n.queue, y.rows, y.cols,
               [=] __device__(int64_t row, int64_t j) { to[row * ldy + j] = f(x[row * lda + j], w[row * ldb + j]); });
}

// Computes the gradient of input i: f(row, column), of the shape of a or summed over rows.
template <class F>
void input_gradient(const Node& n, int32_t i, F f) {
  const Tensor &to = *n.in(i), &y = *n.out(0);
  const bool accumulate = n.accumulate(i);
  if (!to.grad) return;
  if (!y.grad) return no_gradient(n, i);
  if (!same_shape(y, to)) return row_gradient(n, y.rows, y.cols, to.grad, accumulate, f);
  float* grad = to.grad;
  const int64_t ld = to.ld;
  each_element(n.queue, to.rows, to.cols,
               [=] __device__(int64_t row, int64_t j) { put(grad + row * ld + j, f(row, j), accumulate); });
}

void add_forward(const Node& n) {
  forward(n, [] __device__(float a, float b) { return a + b; });
}
void add_backward(const Node& n) {
  const float* d = n.out(0)->grad;
  const int64_t ld = n.out(0)->ld;
  for (int32_t i = 0; i < 2; ++i)
    input_gradient(n, i, [=] __device__(int64_t row, int64_t j) { return d[row * ld + j]; });
}

void sub_forward(const Node& n) {
  forward(n, [] __device__(float a, float b) { return a - b; });
}
void sub_backward(const Node& n) {
  const float* d = n.out(0)->grad;
  const int64_t ld = n.out(0)->ld;
  input_gradient(n, 0, [=] __device__(int64_t row, int64_t j) { return d[row * ld + j]; });
  input_gradient(n, 1, [=] __device__(int64_t row, int64_t j) { return -d[row * ld + j]; });
}

void mul_forward(const Node& n) {
  forward(n, [] __device__(float a, float b) { return a * b; });
}
void mul_backward(const Node& n) {
  const Tensor &a = *n.in(0), &b = *n.in(1), &y = *n.out(0);
  const float *d = y.grad, *x = a.data, *w = b.data;
  const int64_t ld = y.ld, lda = a.ld, ldb = step_of(a, b);
  input_gradient(n, 0, [=] __device__(int64_t row, int64_t j) { return flow(d[row * ld + j], w[row * ldb + j]); });
  input_gradient(n, 1, [=] __device__(int64_t row, int64_t j) { return flow(d[row * ld + j], x[row * lda + j]); });
}
}  // namespace binary

const OpDef op_add = {GC_OP_ADD, "add", nullptr, binary::add_forward, binary::add_backward};
const OpDef op_sub = {GC_OP_SUB, "sub", nullptr, binary::sub_forward, binary::sub_backward};
const OpDef op_mul = {GC_OP_MUL, "mul", nullptr, binary::mul_forward, binary::mul_backward};
}  // namespace cuda
}  // namespace gatecell
