// rearrange.h: which element of a tensor lies where after the op rearrange: permuted dimensions, padding with a constant, and patches of
// a convolution. The processor and the device compute with the same places.
#pragma once
#include <cstdint>

#include "both_sides.h"

namespace gatecell {

// The result has, at position o of a dimension and element k of its kernel, the element o * stride + k - before of that dimension of x,
// or the constant where x has none. Dimension `target` of the result has the positions of one dimension of x. The last one has, for each
// element of the kernels in row-major order, the positions of dimension `last` of x, whose stride and kernel are 1.
struct Rearrange {
  int rank = 0, last = 0;
  int64_t patches = 1;  // elements of all kernels
  float constant = 0;
  int order[4] = {};  // dimension of x by dimension of the result
  int64_t size[4] = {}, x_step[4] = {};
  int64_t positions[4] = {}, y_step[4] = {};  // by dimension of x
  int64_t before[4] = {}, stride[4] = {}, kernel[4] = {};

  // From the attributes {constant, then target, before, stride and kernel of each dimension of x}, which have been checked.
  template <class T>
  Rearrange(const T& x, const T& y, const double* attributes) : rank(x.rank) {
    constant = static_cast<float>(attributes[0]);
    int target[4];
    int64_t step = 1;
    for (int a = rank - 1; a >= 0; --a) {
      const double* of = attributes + 1 + 4 * a;
      target[a] = static_cast<int>(of[0]);
      before[a] = static_cast<int64_t>(of[1]), stride[a] = static_cast<int64_t>(of[2]);
      kernel[a] = static_cast<int64_t>(of[3]);
      patches *= kernel[a];
      order[target[a]] = a;
      size[a] = x.dims[a];
      x_step[a] = step;
      step *= a == rank - 1 ? x.ld : x.dims[a];
    }
    last = order[rank - 1];
    step = y.ld;
    for (int d = rank - 1; d >= 0; --d) {
      const int a = order[d];
      positions[a] = a == last ? y.dims[d] / patches : y.dims[d];
      y_step[a] = a == last ? 1 : step;
      if (a != last) step *= positions[a];
    }
  }

  // The place in x of what the row `row` of the result has for element `patch` of the kernels, at index 0 of dimension `last`; -1
  // outside of x.
  GC_BOTH_SIDES int64_t source(int64_t row, int64_t patch) const {
    int64_t offset[4] = {};
    for (int a = rank - 1; a >= 0; --a) offset[a] = patch % kernel[a], patch /= kernel[a];
    int64_t place = 0;
    for (int d = rank - 2; d >= 0; --d) {
      const int a = order[d];
      const int64_t at = row % positions[a] * stride[a] + offset[a] - before[a];
      row /= positions[a];
      if (at < 0 || at >= size[a]) return -1;
      place += at * x_step[a];
    }
    return place;
  }

  // The place in the result that has, for element `patch` of the kernels, the element of x with these indices, less that of dimension
  // `last`; -1 if no position has it.
  GC_BOTH_SIDES int64_t target_of(const int64_t* at, int64_t patch) const {
    int64_t place = patch * positions[last];
    for (int a = rank - 1; a >= 0; --a) {
      const int64_t offset = patch % kernel[a];
      patch /= kernel[a];
      if (a == last) continue;
      const int64_t from = at[a] + before[a] - offset, position = from / stride[a];
      if (from < 0 || from % stride[a] != 0 || position >= positions[a]) return -1;
      place += position * y_step[a];
    }
    return place;
  }
};
}  // namespace gatecell
