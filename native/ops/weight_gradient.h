// weight_gradient.h: writes a 64-column block of A^T B to the rows of a gradient in PyTorch's layout.
#pragma once
#include "../core/packed_product.h"
#include "../core/transpose.h"

namespace gatecell {
// Computes grad[row(j)][i] (+)= c[i][j] for j < width, i < inputs; row(j) < 0 is padding. c has row stride 64.
template <class Row>
void scatter_gradient(const float* c, int64_t inputs, int64_t width, float* grad, bool accumulate, Row row) {
  for (int64_t i0 = 0; i0 < inputs; i0 += 16) {  // squares of 16 keep both sides in L1
    const int64_t i1 = i0 + 16 < inputs ? i0 + 16 : inputs;
    for (int64_t j = 0; j < width; ++j) {
      const int64_t r = row(j);
      if (r < 0) continue;
      float* to = grad + r * inputs;
      if (j % 4 == 0 && j + 4 <= width && i1 - i0 == 16 && row(j + 3) >= 0) {
        for (int64_t i = i0; i < i1; i += 4) {
          const float* at = c + i * 64 + j;
          const float* const four[] = {at, at + 64, at + 128, at + 192};
          float* const rows[] = {to + i, grad + row(j + 1) * inputs + i, grad + row(j + 2) * inputs + i,
                                 grad + row(j + 3) * inputs + i};
          transpose_square(four, rows, accumulate);
        }
        j += 3;
        continue;
      }
      if (accumulate) {
        for (int64_t i = i0; i < i1; ++i) to[i] += c[i * 64 + j];
      } else {
        for (int64_t i = i0; i < i1; ++i) to[i] = c[i * 64 + j];
      }
    }
  }
}
}  // namespace gatecell
