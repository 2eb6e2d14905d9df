// losses.h: what the losses share: sums over rows by one block, in double and in one order.
#pragma once
#include "../op.h"

namespace gatecell {
namespace cuda {

// One block of 1024 threads: finish(sum of value(row), sum of counted(row)) on thread 0.
template <class Value, class Counted, class Finish>
__global__ void __launch_bounds__(1024) sum_rows_kernel(int64_t rows, Value value, Counted counted, Finish finish) {
  __shared__ double shared[1024 / kWarp];
  double sum = 0, count = 0;
  for (int64_t row = threadIdx.x; row < rows; row += blockDim.x) {
    const double weight = counted(row);
    if (weight > 0) sum += value(row);
    count += weight;
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

// loss[0] = mean of `sums` over the rows, loss[1] = `counted`.
inline void mean_of_rows(Queue& queue, const double* sums, int64_t rows, double over, double counted, float* loss) {
  sum_rows(
      queue, rows, [=] __device__(int64_t row) { return sums[row]; }, [] __device__(int64_t) { return 1.0; },
      [=] __device__(double total, double) {
        loss[0] = static_cast<float>(total / over);
        loss[1] = static_cast<float>(counted);
      });
}
}  // namespace cuda
}  // namespace gatecell
