// cross_entropy.h: the arithmetic of cross-entropy by rows, for the op (cross_entropy.cc) and for the op that also computes the logits
// (output_loss.cc). With class weights w and label smoothing e, as torch.nn.functional.cross_entropy:
// a row with target y has (1 - e) w_y nats(y) + e / V * (sum of w_j nats(j)), and the mean divides by the sum of the rows' w_y.
// With weights of rows, the mean is that of the rows by their weight: each row is multiplied by its weight, in the sum and in the divisor.
#pragma once
#include <cmath>

#include "../core/graph.h"
#include "../core/machine.h"

namespace gatecell {

// Inputs, of which the first is x in output_loss.cc; attributes.
enum { kLogits, kTargets, kClassWeights, kRowWeights };
enum { kIgnored, kSmoothing };

inline int32_t ignored_target(const Node& node) { return static_cast<int32_t>(node.attributes[kIgnored] - 1); }

// Weights of rows: 1 each if there are none.
struct RowWeights {
  const Tensor* weights;
  double operator()(int64_t row) const {
    return weights ? static_cast<double>(weights->data[row / weights->cols * weights->ld + row % weights->cols]) : 1.0;
  }
};

// Returns the sum of f(j) for j < n in double: 16 sums of every 16th element, added in a fixed order, so that vectors can be used.
template <class F>
inline double lane_sum(int64_t n, F f) {
  double sums[16] = {};
  int64_t j = 0;
  for (; j + 16 <= n; j += 16)
    for (int64_t lane = 0; lane < 16; ++lane) sums[lane] += f(j + lane);
  for (int64_t lane = 0; j < n; ++j, ++lane) sums[lane] += f(j);
  for (int64_t half = 8; half > 0; half /= 2)
    for (int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

// Computes the probabilities of one row, and returns log(sum(exp(x))); p may be x.
double row_mass(const float* x, float* p, int64_t n);

// Class weights and label smoothing of a node; `total`: sum of the weights of all classes.
struct Classes {
  const float* weights;  // null: all are 1
  int64_t count;
  double smoothing, total;
  Classes(Plan& plan, const Node& node, int64_t classes);

  bool plain() const { return !weights && smoothing == 0; }
  // Returns whether a row contributes to the loss. With label smoothing, so does a row whose own class has weight 0.
  bool counts(int32_t target, int32_t ignored) const {
    return target != ignored && (smoothing != 0 || weight(target) != 0);
  }
  double weight(int64_t j) const { return weights ? static_cast<double>(weights[j]) : 1.0; }
  // Computes the probabilities p of a row and returns its nats; p may be x.
  double nats(const float* x, float* p, int32_t target) const;
  // Turns the probabilities p of a row of weight w into the gradient of its logits. `scale`: see gradient_scale.
  void gradient(float* p, int32_t target, double w, double scale) const;
};

// Checks the class weights, the targets and the weights of the rows, and computes the divisor of the mean.
gc_status read_targets(const Node& node, const Classes& classes, const Tensor& targets, const RowWeights& row_weight,
                       double* divisor);

// Returns the factor of the gradients of logits: the gradient of the loss divided by its divisor, of which the result has the float.
inline double gradient_scale(float gradient, float divisor, bool plain) {
  if (!(divisor > 0)) return 0;
  return plain ? static_cast<double>(gradient / divisor) : static_cast<double>(gradient) / static_cast<double>(divisor);
}
}  // namespace gatecell
