// token_draw.h: the draw of one token from a row of logits, and log probabilities of tokens. The results depend only on the arguments.
#pragma once
#include <cstdint>

namespace gatecell {

struct TokenSettings {
  float temperature = 1;  // 0: the first of the largest logits
  float min_p = 0;        // tokens below this share of the largest probability are not drawn
  int64_t top_k = 0;      // 0: all
  double top_p = 1;       // 1: all
};

// Returns an id drawn with the uniform number `u` from softmax(x / temperature) after min-p, then top-k, then top-p; -1 if x has a NaN or no
// finite maximum. `weights` and `order` have room for n elements, rounded up to 16, and are 8-byte aligned.
int64_t draw_token(const float* x, int64_t n, const TokenSettings& s, double u, float* weights, int32_t* order);

// Returns the logarithm of the sum of exp(x); NaN if x has a NaN or no finite maximum. `weights` as above.
double log_sum_exp(const float* x, int64_t n, float* weights);

// Returns the largest of n values, or NaN if one of them is NaN.
float maximum(const float* x, int64_t n);

// Writes the ids of the `count` largest elements to `ids`, falling, equal ones by id; -1 for those that x does not have.
void largest(const float* x, int64_t n, int32_t count, int32_t* ids);
}  // namespace gatecell
