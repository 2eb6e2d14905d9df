// weight_gradient.h: from a 64-column block of A^T B to the rows of a PyTorch-shaped gradient.
#pragma once
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "../core/matmul.h"

namespace gatecell {
// to[j][0..4) (+)= c[0..4)[j]: a square of four, so that a row of the gradient is written in whole lines.
inline void scatter_square(const float* c, float* const to[4], bool accumulate) {
#if defined(__SSE__)
  __m128 r[4] = {_mm_loadu_ps(c), _mm_loadu_ps(c + 64), _mm_loadu_ps(c + 128), _mm_loadu_ps(c + 192)};
  _MM_TRANSPOSE4_PS(r[0], r[1], r[2], r[3]);
  for (int j = 0; j < 4; ++j) _mm_storeu_ps(to[j], accumulate ? _mm_add_ps(_mm_loadu_ps(to[j]), r[j]) : r[j]);
#else
  for (int j = 0; j < 4; ++j)
    for (int i = 0; i < 4; ++i) to[j][i] = accumulate ? to[j][i] + c[i * 64 + j] : c[i * 64 + j];
#endif
}

// grad[row(j)][i] (+)= c[i][j] for j < width, i < inputs; row(j) < 0 is padding. c has row stride 64.
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
          float* const four[] = {to + i, grad + row(j + 1) * inputs + i, grad + row(j + 2) * inputs + i,
                                 grad + row(j + 3) * inputs + i};
          scatter_square(c + i * 64 + j, four, accumulate);
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
