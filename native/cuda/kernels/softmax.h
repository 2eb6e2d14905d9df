// softmax.h: probabilities of one row by one warp, for softmax and cross-entropy.
#pragma once
#include "../math.h"

namespace gatecell {
namespace cuda {

// Computes the largest element and log(sum(exp(x - largest))), on every lane, and the probabilities p, unless p is null.
struct RowMass {
  float most;
  double log_sum;
};

__device__ __forceinline__ RowMass softmax_row(const float* x, float* p, int64_t n, int lane) {
  float most = x[0];
  for (int64_t j = lane; j < n; j += kWarp) most = x[j] > most ? x[j] : most;
  most = warp_max(most);
  double sum = 0;
  for (int64_t j = lane; j < n; j += kWarp) {
    const float e = v_exp(x[j] - most);
    if (p) p[j] = e;
    sum += static_cast<double>(e);
  }
  sum = warp_sum(sum);
  const float scale = static_cast<float>(1 / sum);
  for (int64_t j = lane; p && j < n; j += kWarp) p[j] *= scale;
  return {most, log(sum)};
}
}  // namespace cuda
}  // namespace gatecell
