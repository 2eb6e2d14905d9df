// sums.h: sums over some dimensions of a tensor, in double and in a fixed order, so that any number of threads gives the same bits.
#pragma once
#include "../core/op.h"

namespace gatecell {

// Dimensions of a source, neighbours that are reduced or kept alike merged; the last one has adjoining elements, the others form rows
// with `ld` elements from one to the next.
struct Reduction {
  int count = 0;
  int64_t dims[4];
  bool reduced[4];
  int64_t ld = 0;
  // A source of the shape `from`, whose rows are `row_stride` apart; gone[d]: dimension d is reduced.
  Reduction(const Tensor& from, const bool* gone, int64_t row_stride);
  // The same, reduced to the shape `to`, which is aligned at the last dimension.
  static Reduction to_shape(const Tensor& from, const Tensor& to, int64_t row_stride);
  int64_t rows() const;     // of the source
  int64_t targets() const;  // elements of the result, in row-major order
  int64_t terms() const;    // of each sum
  bool last_reduced() const { return reduced[count - 1]; }
  int64_t columns() const { return dims[count - 1]; }
  // First of the source rows of row `target` of the result, which has columns() columns or, where the last dimension is reduced, one.
  int64_t first_row(int64_t target) const;
  // Calls body(row) for the source rows of that target row, in order.
  template <class F>
  void each_row(int64_t target, F body) const;
};

template <class F>
void Reduction::each_row(int64_t target, F body) const {
  int64_t step[4], size[4];
  int loops = 0;
  int64_t stride = 1;
  for (int d = count - 2; d >= 0; --d) {
    if (reduced[d]) step[loops] = stride, size[loops++] = dims[d];
    stride *= dims[d];
  }
  const int64_t first = first_row(target);  // at most two dimensions of rows are reduced, since neighbours are merged
  const int64_t outer = loops > 1 ? size[1] : 1, inner = loops > 0 ? size[0] : 1;
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t j = 0; j < inner; ++j) body(first + (loops > 1 ? i * step[1] : 0) + (loops > 0 ? j * step[0] : 0));
}

// Doubles that sum_rows needs as scratch memory.
int64_t sum_scratch(const Reduction& r);

// to[element of the result] (+)= scale * sum of source; `to` has rows of `columns` elements that are `to_ld` apart.
void sum_rows(Plan& plan, const Reduction& r, const float* source, double* scratch, float* to, int64_t columns,
              int64_t to_ld, double scale, bool accumulate);
}  // namespace gatecell
