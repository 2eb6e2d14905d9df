// reduction.h: which elements of a tensor are reduced to which element of a result, and in which order. The processor and the device reduce
// in the same order.
#pragma once
#include <cstdint>

#include "both_sides.h"

namespace gatecell {

// The rows of a source that are reduced to one row of the result, in their order: first + i * outer_step + j * inner_step.
struct SourceRows {
  int64_t first, outer, outer_step, inner, inner_step;
};

// Dimensions of a source. Neighbours that are all reduced or all kept are merged; the last dimension has adjoining elements, the others form
// rows with `ld` elements from one to the next.
struct Reduction {
  int count = 0;
  int64_t dims[4];
  bool reduced[4];
  int64_t ld = 0;

  // A source of the shape `from`, whose rows are `row_stride` apart; gone[d]: dimension d is reduced.
  template <class T>
  Reduction(const T& from, const bool* gone, int64_t row_stride) : ld(row_stride) {
    constexpr int64_t kPiece = 4096;
    for (int d = 0; d < from.rank; ++d) {
      const bool last = d == from.rank - 1;
      const bool is_gone = from.dims[d] > 1 && gone[d];
      const bool neutral = from.dims[d] == 1 && !(last && ld != 1);
      if (neutral && count > 0) continue;
      // Rows that adjoin each other are one row.
      const bool joins = count > 0 && (reduced[count - 1] == is_gone) && (!last || ld == from.dims[d]);
      if (joins) {
        dims[count - 1] *= from.dims[d];
      } else {
        dims[count] = from.dims[d];
        reduced[count++] = is_gone;
      }
    }
    if (row_stride == from.cols) ld = dims[count - 1];
    // Everything is summed to one element: pieces of one row, so that several threads have some.
    if (count == 1 && reduced[0] && dims[0] > kPiece && dims[0] % kPiece == 0) {
      dims[1] = kPiece, dims[0] /= kPiece, reduced[1] = true, count = 2, ld = kPiece;
    }
  }
  // The same, reduced to the shape `to`, which is aligned at the last dimension.
  template <class T>
  static Reduction to_shape(const T& from, const T& to, int64_t row_stride) {
    const int offset = from.rank - to.rank;
    bool gone[4] = {};
    for (int d = 0; d < from.rank; ++d) gone[d] = d < offset || to.dims[d - offset] == 1;
    return Reduction(from, gone, row_stride);
  }

  GC_BOTH_SIDES bool last_reduced() const { return reduced[count - 1]; }
  GC_BOTH_SIDES int64_t columns() const { return dims[count - 1]; }
  // Returns the number of rows of the source.
  GC_BOTH_SIDES int64_t rows() const {
    int64_t n = 1;
    for (int d = 0; d + 1 < count; ++d) n *= dims[d];
    return n;
  }
  // Returns the number of elements of the result, which are in row-major order.
  GC_BOTH_SIDES int64_t targets() const {
    int64_t n = 1;
    for (int d = 0; d < count; ++d) n *= reduced[d] ? 1 : dims[d];
    return n;
  }
  // Returns the number of columns of the result: those of the source, or 1 if the last dimension is reduced.
  GC_BOTH_SIDES int64_t width() const { return last_reduced() ? 1 : columns(); }

  // Returns the source rows of row `target` of the result. At most two dimensions of rows are reduced, since neighbours are merged.
  GC_BOTH_SIDES SourceRows source_rows(int64_t target) const {
    SourceRows of = {0, 1, 0, 1, 0};
    int64_t stride = 1;
    bool inner = true;
    for (int d = count - 2; d >= 0; --d) {
      if (!reduced[d]) {
        of.first += target % dims[d] * stride;
        target /= dims[d];
      } else if (inner) {
        of.inner = dims[d], of.inner_step = stride, inner = false;
      } else {
        of.outer = dims[d], of.outer_step = stride;
      }
      stride *= dims[d];
    }
    return of;
  }
  // Returns the row of the result to which row `row` of the source is reduced.
  GC_BOTH_SIDES int64_t target_row(int64_t row) const {
    int64_t target = 0, stride = 1;
    for (int d = count - 2; d >= 0; --d) {
      if (!reduced[d]) target += row % dims[d] * stride, stride *= dims[d];
      row /= dims[d];
    }
    return target;
  }
};
}  // namespace gatecell
