// sums.h: sums over dimensions of a tensor, in double and in the processor's order (native/ops/sums.cc), and so with its bits.
#pragma once
#include "../../core/reduction.h"
#include "../op.h"

namespace gatecell {
namespace cuda {

// Calls body(row) for source rows in their order.
template <class F>
__device__ __forceinline__ void in_order(const SourceRows& of, F body) {
  for (int64_t i = 0; i < of.outer; ++i)
    for (int64_t j = 0; j < of.inner; ++j) body(of.first + i * of.outer_step + j * of.inner_step);
}

// The memory of a result: rows of `columns` elements that are `ld` apart. Element i in row-major order is set to, or increased by,
// scale times its sum.
struct SumTarget {
  float* to;
  int64_t columns, ld;
  double scale;
  bool accumulate;
};

// Returns the bytes that sum_dimensions needs as scratch memory.
inline int64_t sum_scratch_bytes(const Reduction& r) { return r.last_reduced() ? r.rows() * 8 : 0; }
void sum_dimensions(Queue& queue, const Reduction& r, const float* source, double* scratch, const SumTarget& target);
}  // namespace cuda
}  // namespace gatecell
