// batches.h: batched matrix products as the op matmul defines them: sizes, and the passes that compute its result and its gradients.
// The processor and the device compute with the same passes.
#pragma once
#include <cstdint>

#include "both_sides.h"

namespace gatecell {

// Matrices of one tensor: `ld` floats from row to row, step[d] floats to the next one along batch dimension d, 0 where one serves all.
struct BatchSide {
  int64_t ld = 0;
  bool transposed = false;
  int64_t step[2] = {};
};

// c = or += the sum over terms of a b, for every matrix of c. Where c is broadcast along a batch dimension the matrices of a and b along
// it are terms of one sum, else each has a target of its own.
struct BatchPass {
  BatchSide a, b, c;
  int64_t rows = 0, columns = 0, inner = 0;
  int64_t count[2] = {1, 1};    // of the result's batch dimensions
  bool gradient_first = false;  // in the backward pass: the gradient of the result is a, else b

  int64_t product(bool of_terms) const {
    int64_t n = 1;
    for (int d = 0; d < 2; ++d)
      if ((c.step[d] == 0) == of_terms) n *= count[d];
    return n;
  }
  int64_t targets() const { return product(false); }
  int64_t terms() const { return product(true); }
  // Floats from the first matrix of a side to that of this target and term.
  GC_BOTH_SIDES int64_t place(const BatchSide& side, int64_t target, int64_t term) const {
    int64_t at = 0;
    for (int d = 1; d >= 0; --d) {
      int64_t& from = c.step[d] == 0 ? term : target;
      at += from % count[d] * side.step[d];
      from /= count[d];
    }
    return at;
  }
};

// The size of a tensor's dimension counted from the last one, 1 where it has none.
template <class T>
int64_t dim_from_last(const T& t, int d) {
  return d < t.rank ? t.dims[t.rank - 1 - d] : 1;
}

// Whether a [..., M, K] (transposed: [..., K, M]) times b [..., K, N] (transposed: [..., N, K]) gives out [..., M, N], with leading
// dimensions that broadcast.
template <class T>
bool fits_matmul(const T& a, const T& b, const T& out, bool a_transposed, bool b_transposed) {
  if (a.rank < 2 || b.rank < 2 || out.rank != (a.rank > b.rank ? a.rank : b.rank)) return false;
  const int64_t M = dim_from_last(a, a_transposed ? 0 : 1), K = dim_from_last(a, a_transposed ? 1 : 0);
  const int64_t N = dim_from_last(b, b_transposed ? 1 : 0);
  if (dim_from_last(b, b_transposed ? 0 : 1) != K || dim_from_last(out, 1) != M || dim_from_last(out, 0) != N)
    return false;
  for (int d = 2; d < out.rank; ++d) {
    const int64_t of_a = dim_from_last(a, d), of_b = dim_from_last(b, d);
    if (of_a != of_b && of_a != 1 && of_b != 1) return false;
    if (dim_from_last(out, d) != (of_a == 1 ? of_b : of_a)) return false;
  }
  return true;
}

struct MatMulSizes {
  int64_t M, N, K;
  int64_t count[2] = {1, 1};
  BatchSide a, b, out;

  template <class T>
  MatMulSizes(const T& of_a, const T& of_b, const T& result, bool a_transposed, bool b_transposed)
      : M(dim_from_last(result, 1)), N(dim_from_last(result, 0)), K(dim_from_last(of_a, a_transposed ? 1 : 0)) {
    a.ld = of_a.ld, b.ld = of_b.ld, out.ld = result.ld;
    a.transposed = a_transposed, b.transposed = b_transposed;
    if (!a_transposed && of_b.rows == dim_from_last(of_b, 1)) {
      M = of_a.rows;  // one b for all: the matrices of a are one matrix
      return;
    }
    for (int d = 0; d < 2; ++d) count[d] = dim_from_last(result, 3 - d);
    set_steps(a, of_a), set_steps(b, of_b), set_steps(out, result);
  }

  BatchPass forward() const { return {a, b, out, M, N, K, {count[0], count[1]}, false}; }
  BatchPass gradient_a() const {
    if (a.transposed) return {b, flipped(out), plain(a), K, M, N, {count[0], count[1]}, false};
    return {out, flipped(b), a, M, K, N, {count[0], count[1]}, true};
  }
  BatchPass gradient_b() const {
    if (b.transposed) return {flipped(out), a, plain(b), N, K, M, {count[0], count[1]}, true};
    return {flipped(a), out, b, K, N, M, {count[0], count[1]}, false};
  }

 private:
  template <class T>
  static void set_steps(BatchSide& side, const T& t) {
    const int64_t matrix = dim_from_last(t, 1) * t.ld, inner = dim_from_last(t, 2);
    side.step[1] = inner == 1 ? 0 : matrix;
    side.step[0] = dim_from_last(t, 3) == 1 ? 0 : matrix * inner;
  }
  static BatchSide flipped(BatchSide side) {
    side.transposed = !side.transposed;
    return side;
  }
  static BatchSide plain(BatchSide side) {
    side.transposed = false;
    return side;
  }
};
}  // namespace gatecell
