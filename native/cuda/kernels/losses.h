// losses.h: the common part of the losses: sums over rows by one block, in double and in one order, and the losses of pairs.
#pragma once
#include "../op.h"

namespace gatecell {
namespace cuda {

// Calls finish(sum of value(row), sum of counted(row)) on thread 0 of one block of 1024 threads. A row that does not count has the value 0.
template <class Value, class Counted, class Finish>
__global__ void __launch_bounds__(1024) sum_rows_kernel(int64_t rows, Value value, Counted counted, Finish finish) {
  __shared__ double shared[1024 / kWarp];
  double sum = 0, count = 0;
  for (int64_t row = threadIdx.x; row < rows; row += blockDim.x) {
    sum += value(row);
    count += counted(row);
  }
  sum = block_sum(sum, shared);
  count = block_sum(count, shared);
  if (threadIdx.x == 0) finish(sum, count);
}

template <class Value, class Counted, class Finish>
void sum_rows(Queue& queue, int64_t rows, Value value, Counted counted, Finish finish) {
  Shape shape;
  shape.grid = dim3(1);
  shape.block = dim3(1024);
  launch(queue, shape, sum_rows_kernel<Value, Counted, Finish>, rows, value, counted, finish);
}

// ---- losses of pairs: sums over the elements of two matrices of one shape, x and t -------------------------------------------
// Asks for the buffer of pair_loss, for the nats or squares of each row, in double.
inline gc_status prepare_pair_loss(const Node& n) {
  n.ask(n.in(0)->rows * 8, GC_LIFE_FORWARD);
  return GC_OK;
}

// Computes [sum of value(x, t) over all elements / over, over], with one warp per row.
template <class Value>
void pair_loss(const Node& n, double over, Value value) {
  const Tensor &x = *n.in(0), &t = *n.in(1);
  const float *a = x.data, *b = t.data;
  float* loss = n.out(0)->data;
  double* sums = n.buffer<double>(0);
  const int64_t lda = x.ld, ldb = t.ld, columns = x.cols;
  each_row(n.queue, x.rows, [=] __device__(int64_t row, int lane) {
    double sum = 0;
    for (int64_t j = lane; j < columns; j += kWarp) sum += value(a[row * lda + j], b[row * ldb + j]);
    sum = warp_sum(sum);
    if (lane == 0) sums[row] = sum;
  });
  sum_rows(
      n.queue, x.rows, [=] __device__(int64_t row) { return sums[row]; }, [] __device__(int64_t) { return 1.0; },
      [=] __device__(double total, double) {
        loss[0] = static_cast<float>(total / over);
        loss[1] = static_cast<float>(over);
      });
}

// Computes the gradient of input i: slope(i, x, t) * factor * the gradient of the loss / over.
template <class Slope>
void pair_loss_gradient(const Node& n, double factor, double over, Slope slope) {
  const Tensor &x = *n.in(0), &t = *n.in(1), &out = *n.out(0);
  if (!out.grad) return no_gradients(n);
  const float *a = x.data, *b = t.data, *dloss = out.grad;
  const int64_t lda = x.ld, ldb = t.ld;
  for (int32_t i = 0; i < 2; ++i) {
    const Tensor& to = *n.in(i);
    if (!to.grad) continue;
    float* grad = to.grad;
    const int64_t ld = to.ld;
    const bool accumulate = n.accumulate(i);
    each_element(n.queue, x.rows, x.cols, [=] __device__(int64_t row, int64_t j) {
      const float scale = static_cast<float>(factor * static_cast<double>(dloss[0]) / over);
      put(grad + row * ld + j, slope(i, a[row * lda + j], b[row * ldb + j]) * scale, accumulate);
    });
  }
}
}  // namespace cuda
}  // namespace gatecell
