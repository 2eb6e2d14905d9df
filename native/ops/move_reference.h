// move_reference.h: where the elements of rearranged, gathered and joined tensors come from, in plain loops, for the tests.
#pragma once
#include "reference.h"

namespace gatecell {
namespace reference {
using Sizes = std::vector<size_t>;

// The indices of an element in row-major order.
inline Sizes indices_of(size_t element, const Sizes& dims) {
  Sizes at(dims.size());
  for (size_t d = dims.size(); d-- > 0; element /= dims[d]) at[d] = element % dims[d];
  return at;
}
inline size_t element_of(const Sizes& at, const Sizes& dims) {
  size_t element = 0;
  for (size_t d = 0; d < dims.size(); ++d) element = element * dims[d] + at[d];
  return element;
}
inline size_t elements(const Sizes& dims) {
  size_t n = 1;
  for (size_t size : dims) n *= size;
  return n;
}

// Of the op rearrange, by its attributes.
inline std::vector<size_t> rearrange_source(const Sizes& x, const Sizes& y, const std::vector<double>& attributes) {
  const size_t rank = x.size();
  Sizes kernels;
  for (size_t a = 0; a < rank; ++a) kernels.push_back(static_cast<size_t>(attributes[4 + 4 * a]));
  const size_t width = y.back() / elements(kernels);
  std::vector<size_t> source;
  for (size_t i = 0; i < elements(y); ++i) {
    Sizes at = indices_of(i, y);
    const Sizes kernel = indices_of(at.back() / width, kernels);
    at.back() %= width;
    Sizes from;
    bool inside = true;
    for (size_t a = 0; a < rank && inside; ++a) {
      const double* of = &attributes[1 + 4 * a];
      const double index =
          static_cast<double>(at[static_cast<size_t>(of[0])]) * of[2] + static_cast<double>(kernel[a]) - of[1];
      inside = index >= 0 && index < static_cast<double>(x[a]);
      from.push_back(inside ? static_cast<size_t>(index) : 0);
    }
    source.push_back(inside ? element_of(from, x) : kNowhere);
  }
  return source;
}

// Of gather: the element of x for each element of the result.
inline std::vector<size_t> take_source(const Sizes& x, const Ids& ids, size_t axis) {
  const size_t inner = elements(Sizes(x.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.end()));
  std::vector<size_t> source;
  for (size_t outer = 0; outer < elements(x) / inner / x[axis]; ++outer)
    for (int32_t id : ids)
      for (size_t i = 0; i < inner; ++i) source.push_back((outer * x[axis] + static_cast<size_t>(id)) * inner + i);
  return source;
}

// Of tensors that are joined along a dimension.
inline std::vector<size_t> concat_source(const std::vector<Sizes>& parts, size_t axis) {
  std::vector<size_t> source;
  size_t outer = elements(Sizes(parts[0].begin(), parts[0].begin() + static_cast<std::ptrdiff_t>(axis)));
  for (size_t o = 0; o < outer; ++o) {
    size_t base = 0;
    for (const Sizes& part : parts) {
      const size_t run = elements(part) / outer;
      for (size_t i = 0; i < run; ++i) source.push_back(base + o * run + i);
      base += elements(part);
    }
  }
  return source;
}
}  // namespace reference
}  // namespace gatecell
