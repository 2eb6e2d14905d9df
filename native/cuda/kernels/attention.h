// attention.h: dot-product and additive attention on the device: tensors, buffers, and the products of both. attention.cu contains the
// common part, attention_additive.cu the scores v . tanh(q + k) and their gradients.
#pragma once
#include "batch.h"
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace attention {

enum Output { kContext, kWeightsOut };
// Buffers: [T][B][S] each; kDV: gradients of v, a row for each target step and batch row.
enum Buffer { kWeights, kSlopes, kDV };

struct Attention {
  const Node& n;
  bool additive;
  const Tensor &q, &k, *v, &values, &ids, &context, *weights_out;
  int64_t T, S, B, A, V;
  float scale;
  const int32_t* lengths;
  float *weights, *slopes, *dv;

  explicit Attention(const Node& node);
  int32_t values_input() const { return additive ? 3 : 2; }
};

// Returns the clamped length of a row: a run whose lengths are refused by a check still completes, and must stay in its memory.
__device__ __forceinline__ int64_t live_steps(const int32_t* lengths, int64_t b, int64_t most) {
  return lengths[b] < 0 ? 0 : lengths[b] < most ? lengths[b] : most;
}

void additive_scores(const Attention& s);  // attention_additive.cu
void additive_gradients(const Attention& s);
}  // namespace attention
}  // namespace cuda
}  // namespace gatecell
