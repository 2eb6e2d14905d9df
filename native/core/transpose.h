// transpose.h: transposition of 4 x 4 floats in registers.
#pragma once
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace gatecell {
// Computes to[i][j] (+)= from[j][i] for i, j < 4.
inline void transpose_square(const float* const from[4], float* const to[4], bool accumulate) {
#if defined(__SSE__)
  __m128 r[4] = {_mm_loadu_ps(from[0]), _mm_loadu_ps(from[1]), _mm_loadu_ps(from[2]), _mm_loadu_ps(from[3])};
  _MM_TRANSPOSE4_PS(r[0], r[1], r[2], r[3]);
  for (int i = 0; i < 4; ++i) _mm_storeu_ps(to[i], accumulate ? _mm_add_ps(_mm_loadu_ps(to[i]), r[i]) : r[i]);
#else
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) to[i][j] = accumulate ? to[i][j] + from[j][i] : from[j][i];
#endif
}
}  // namespace gatecell
