// matmul_reference.h: the op matmul in plain loops, forward and back, for the tests.
#pragma once
#include <vector>

namespace gatecell {
namespace reference {

// c[n0, n1, M, N] = a b. a has a matrix of [M, K] or, transposed, [K, M] for each index of its own batch dimensions, which are 1 or
// those of c; b likewise of [K, N] or [N, K].
struct MatMul {
  std::vector<size_t> a, b, out;  // shapes
  bool a_transposed, b_transposed;

  static size_t from_last(const std::vector<size_t>& dims, size_t d) {
    return d < dims.size() ? dims[dims.size() - 1 - d] : 1;
  }
  // The element of an operand at batch index (i, j), row and column, or transposed.
  static size_t element(const std::vector<size_t>& dims, size_t i, size_t j, size_t row, size_t column,
                        bool transposed) {
    const size_t n0 = from_last(dims, 3), n1 = from_last(dims, 2), rows = from_last(dims, 1);
    if (transposed) std::swap(row, column);
    return (((n0 == 1 ? 0 : i) * n1 + (n1 == 1 ? 0 : j)) * rows + row) * from_last(dims, 0) + column;
  }
  // Calls f(element of a, element of b, element of c) for every product of two elements.
  template <class F>
  void each(F f) const {
    const size_t K = from_last(a, a_transposed ? 1 : 0);
    for (size_t i = 0; i < from_last(out, 3); ++i)
      for (size_t j = 0; j < from_last(out, 2); ++j)
        for (size_t m = 0; m < from_last(out, 1); ++m)
          for (size_t n = 0; n < from_last(out, 0); ++n)
            for (size_t k = 0; k < K; ++k)
              f(element(a, i, j, m, k, a_transposed), element(b, i, j, k, n, b_transposed),
                element(out, i, j, m, n, false));
  }
  template <class Real>
  std::vector<Real> forward(const std::vector<Real>& x, const std::vector<Real>& y) const {
    size_t count = 1;
    for (size_t size : out) count *= size;
    std::vector<Real> c(count, 0);
    each([&](size_t at_a, size_t at_b, size_t at_c) { c[at_c] += x[at_a] * y[at_b]; });
    return c;
  }
  template <class Real>
  void backward(const std::vector<Real>& x, const std::vector<Real>& y, const std::vector<Real>& dc,
                std::vector<Real>& dx, std::vector<Real>& dy) const {
    dx.assign(x.size(), 0), dy.assign(y.size(), 0);
    each([&](size_t at_a, size_t at_b, size_t at_c) {
      dx[at_a] += dc[at_c] * y[at_b];
      dy[at_b] += dc[at_c] * x[at_a];
    });
  }
};
}  // namespace reference
}  // namespace gatecell
