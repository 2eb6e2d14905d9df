// attention.h: dot-product and additive attention on the device: tensors, where the weights lie, and the products that both share.
// attention.cu has what both do, attention_additive.cu the scores v . tanh(q + k) and their gradients.
#pragma once
#include "batch.h"
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace attention {

enum Output { kContext, kWeightsOut };
// [T][B][S] each; kDV: gradients of v, a row for each target step and row of the batch.
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

// Clamped: a run whose lengths a check refuses goes on, and must stay in its memory.
__device__ __forceinline__ int64_t live_steps(const int32_t* lengths, int64_t b, int64_t most) {
  return lengths[b] < 0 ? 0 : lengths[b] < most ? lengths[b] : most;
}

void additive_scores(const Attention& s);  // attention_additive.cu
void additive_gradients(const Attention& s);
}  // namespace attention
}  // namespace cuda
}  // namespace gatecell
