// sums.cu: see sums.h. If the last dimension is kept, a thread adds the rows of one column in order. If it is reduced, eight threads sum a
// row, each of them every eighth element, and a thread adds the sums of the rows of one result in order.
#include "sums.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int kLanes = 8, kRowsOfWarp = kWarp / kLanes;

__device__ __forceinline__ void put_sum(const SumTarget& target, int64_t element, double sum) {
  float* at = target.to + element / target.columns * target.ld + element % target.columns;
  const double value = target.scale * sum;
  *at = static_cast<float>(target.accumulate ? static_cast<double>(*at) + value : value);
}

void sum_columns(Queue& queue, const Reduction& r, const float* source, const SumTarget& target) {
  const int64_t width = r.columns();
  each(queue, r.targets(), [=] __device__(int64_t element) {
    const float* column = source + element % width;
    double sum = 0;
    in_order(r.source_rows(element / width), [&](int64_t row) { sum += static_cast<double>(column[row * r.ld]); });
    put_sum(target, element, sum);
  });
}
}  // namespace

void sum_dimensions(Queue& queue, const Reduction& r, const float* source, double* scratch, const SumTarget& target) {
  if (!r.last_reduced()) return sum_columns(queue, r, source, target);
  const int64_t rows = r.rows(), columns = r.columns();
  each_row(queue, (rows + kRowsOfWarp - 1) / kRowsOfWarp, [=] __device__(int64_t group, int lane) {
    const int64_t row = group * kRowsOfWarp + lane / kLanes;
    double sum = 0;
    for (int64_t j = lane % kLanes; j < columns && row < rows; j += kLanes)
      sum += static_cast<double>(source[row * r.ld + j]);
    for (int with = kLanes / 2; with > 0; with /= 2) sum += __shfl_xor_sync(kAllLanes, sum, with);
    if (row < rows && lane % kLanes == 0) scratch[row] = sum;
  });
  each(queue, r.targets(), [=] __device__(int64_t element) {
    double sum = 0;
    in_order(r.source_rows(element), [&](int64_t row) { sum += scratch[row]; });
    put_sum(target, element, sum);
  });
}
}  // namespace cuda
}  // namespace gatecell
