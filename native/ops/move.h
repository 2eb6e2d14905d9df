// move.h: ops that only move elements (concat, slice, reshape, flip). Each is a list of strips, which are copied in the forward pass; the
// backward pass copies their gradients back. Elements are any 4-byte values, so ids can be sliced as well as activations.
#pragma once
#include "rows.h"

namespace gatecell {

// Checks that the result has the dtype of the input.
inline gc_status expect_same_dtype(const Node& node, const Tensor& x, const Tensor& out) {
  return expect_dtype(node, out, "the result of the input's type,", x.dtype);
}

// Computes to[0..n) = or += from[0..n).
inline void give_back(float* to, const float* from, int64_t n, bool accumulate) {
  if (!accumulate) memcpy(to, from, static_cast<size_t>(n) * 4);
  else
    for (int64_t j = 0; j < n; ++j) to[j] += from[j];
}
}  // namespace gatecell
