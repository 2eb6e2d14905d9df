// columns.h: sums over the rows of a matrix, one per column: gradients of biases and of what served every row. One chain per
// column in order of the rows, as on the processor.
#pragma once
#include "../op.h"

namespace gatecell {
namespace cuda {

// sums[column] = chain over rows of f(row, column), from the value of `begin(column)`; given to `end(column, sum)`.
template <class Begin, class F, class End>
void sum_columns(Queue& queue, int64_t rows, int64_t columns, Begin begin, F f, End end) {
  each(queue, columns, [=] __device__(int64_t column) {
    float sum = begin(column);
    for (int64_t row = 0; row < rows; ++row) sum += f(row, column);
    end(column, sum);
  });
}

// grad[column] = or += sums over rows, the chain beginning at what is there already.
template <class F>
void row_gradient(Queue& queue, int64_t rows, int64_t columns, float* grad, bool accumulate, F f) {
  sum_columns(
      queue, rows, columns, [=] __device__(int64_t j) { return accumulate ? grad[j] : 0.0f; }, f,
      [=] __device__(int64_t j, float sum) { grad[j] = sum; });
}
}  // namespace cuda
}  // namespace gatecell
