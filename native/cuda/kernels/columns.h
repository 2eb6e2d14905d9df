// columns.h: sums over the rows of a matrix, one per column: gradients of biases and of rows that were broadcast. In exact mode there is one
// chain per column in order of the rows, as on the processor; otherwise eight stretches of rows are summed in parallel and added in order.
#pragma once
#include "../op.h"

namespace gatecell {
namespace cuda {

constexpr int kStretches = 8;

template <class Begin, class F, class End>
__global__ void __launch_bounds__(32 * kStretches)
    sum_columns_kernel(int64_t rows, int64_t columns, int64_t stretch, Begin begin, F f, End end) {
  __shared__ float sums[kStretches][32];
  const int64_t column = int64_t{blockIdx.x} * 32 + threadIdx.x, first = threadIdx.y * stretch;
  const int64_t last = first + stretch < rows ? first + stretch : rows;
  float sum = threadIdx.y == 0 && column < columns ? begin(column) : 0.0f;
  for (int64_t row = first; row < last && column < columns; ++row) sum += f(row, column);
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= columns) return;
  for (int i = 1; i < kStretches && i * stretch < rows; ++i) sum += sums[i][threadIdx.x];
  end(column, sum);
}

// Calls end(column, sum) for each column. The sum over rows of f(row, column) begins with begin(column).
template <class Begin, class F, class End>
void sum_columns(const Plan& plan, Queue& queue, int64_t rows, int64_t columns, Begin begin, F f, End end) {
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>((columns + 31) / 32));
  shape.block = dim3(32, kStretches);
  const int64_t stretch = plan.precision == GC_FLOAT ? rows : (rows + kStretches - 1) / kStretches;
  launch(queue, shape, sum_columns_kernel<Begin, F, End>, rows, columns, stretch, begin, f, end);
}

// Computes grad[column] = or += the sum over rows; with += the chain begins with the value that is there.
template <class F>
void row_gradient(const Node& n, int64_t rows, int64_t columns, float* grad, bool accumulate, F f) {
  sum_columns(
      n.plan, n.queue, rows, columns, [=] __device__(int64_t j) { return accumulate ? grad[j] : 0.0f; }, f,
      [=] __device__(int64_t j, float sum) { grad[j] = sum; });
}
}  // namespace cuda
}  // namespace gatecell
