// cross_entropy.cc: softmax and negative log-likelihood in one pass. Result: [mean nats over the counted targets, their count].
// Sums run in double, in order of the rows. With class weights w and label smoothing e, as torch.nn.functional.cross_entropy:
// a row with target y has (1 - e) w_y nats(y) + e / V * (sum of w_j nats(j)), and the mean divides by the sum of the rows' w_y.
// With weights of rows, the mean is that of the rows by their weight: each row is multiplied by its weight, in the sum and in the divisor.
// An ignored row is not read, and its gradient is set to zeros, because its logits may be NaN, and 0 * NaN is NaN.
#include <cmath>
#include <cstring>

#include "../core/graph.h"
#include "../core/machine.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
enum { kProbabilities, kNats };                     // buffers
enum { kLogits, kTargets, kWeights, kRowWeights };  // inputs
enum { kIgnored, kSmoothing };                      // attributes
constexpr double kFirstId = -2147483648.0, kLastId = 2147483647.0;

int32_t ignored_target(const Node& node) { return static_cast<int32_t>(node.attributes[kIgnored] - 1); }

gc_status check(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, 0), &targets = *plan.input(node, 1), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, logits, "logits", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, targets, "targets", GC_I32);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status == GC_OK) status = expect_shape(plan, node, out, "the result", {2});
  if (status != GC_OK) return status;
  bool fits = targets.rank + 1 == logits.rank;
  for (int d = 0; d < targets.rank && fits; ++d) fits = targets.dims[d] == logits.dims[d];
  if (!fits)
    return fail(GC_INVALID_SHAPE, "cross_entropy: targets %s do not fit logits %s", targets.shape().c_str(),
                logits.shape().c_str());
  const double ignored = node.attributes[kIgnored] - 1, smoothing = node.attributes[kSmoothing];
  if (!is_integer(ignored, kFirstId, kLastId))
    return fail(GC_INVALID_ARGUMENT, "cross_entropy: expected an int32 as the ignored target, got %g", ignored);
  if (!(smoothing >= 0 && smoothing <= 1))
    return fail(GC_INVALID_ARGUMENT, "cross_entropy: expected a label smoothing from 0 to 1, got %g", smoothing);
  if (const Tensor* weights = plan.input(node, kWeights)) {
    status = expect_dtype(node, *weights, "class weights", GC_F32);
    if (status == GC_OK) status = expect_shape(plan, node, *weights, "class weights", {logits.cols});
  }
  const Tensor* rows = plan.input(node, kRowWeights);
  if (status != GC_OK || !rows) return status;
  fits = rows->rank == targets.rank;
  for (int d = 0; d < targets.rank && fits; ++d) fits = rows->dims[d] == targets.dims[d];
  if (!fits)
    return fail(GC_INVALID_SHAPE, "cross_entropy: weights of rows %s do not fit targets %s", rows->shape().c_str(),
                targets.shape().c_str());
  return expect_dtype(node, *rows, "weights of rows", GC_F32);
}

// Weights of rows: 1 each if there are none.
struct RowWeights {
  const Tensor* weights;
  double operator()(int64_t row) const {
    return weights ? static_cast<double>(weights->data[row / weights->cols * weights->ld + row % weights->cols]) : 1.0;
  }
};

void prepare(Plan& plan, Node& node) {
  const Tensor& logits = *plan.input(node, 0);
  node.buffers.push_back({logits.bytes(), Life::kSaved});
  node.buffers.push_back({logits.rows * 8, Life::kForward});
  node.why = "softmax and loss in one pass over each row";
}

// Computes the probabilities of one row, and returns log(sum(exp(x))).
double row_mass(const float* x, float* p, int64_t n) {
  float most = x[0];
  for (int64_t i = 1; i < n; ++i) most = x[i] > most ? x[i] : most;
  for (int64_t i = 0; i < n; ++i) p[i] = x[i] - most;
  kernels().exp(p, p, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(p[i]);
  const float scale = static_cast<float>(1 / sum);
  for (int64_t i = 0; i < n; ++i) p[i] *= scale;
  return std::log(sum) + static_cast<double>(most);
}

// Class weights and label smoothing of a node; `total`: sum of the weights of all classes.
struct Classes {
  const float* weights;  // null: all are 1
  double smoothing, total;
  Classes(Plan& plan, const Node& node) : weights(nullptr), smoothing(node.attributes[kSmoothing]) {
    const int64_t classes = plan.input(node, kLogits)->cols;
    if (const Tensor* w = plan.input(node, kWeights)) weights = w->data;
    total = weights ? 0 : static_cast<double>(classes);
    for (int64_t j = 0; weights && j < classes; ++j) total += weight(j);
  }
  bool plain() const { return !weights && smoothing == 0; }
  // Returns whether a row contributes to the loss. With label smoothing, so does a row whose own class has weight 0.
  bool counts(int32_t target, int32_t ignored) const {
    return target != ignored && (smoothing != 0 || weight(target) != 0);
  }
  double weight(int64_t j) const { return weights ? static_cast<double>(weights[j]) : 1.0; }
  // Returns the nats of a row; `mass` is its log(sum(exp(x))).
  double nats(const float* x, int64_t n, double mass, int32_t target) const {
    const double hit = (1 - smoothing) * weight(target) * (mass - static_cast<double>(x[target]));
    if (smoothing == 0) return hit;
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += weight(j) * (mass - static_cast<double>(x[j]));
    return hit + smoothing / static_cast<double>(n) * sum;
  }
};

gc_status check_weights(const Classes& classes, int64_t n) {
  for (int64_t j = 0; classes.weights && j < n; ++j) {
    const double w = classes.weight(j);
    if (!(w >= 0) || std::isinf(w))
      return fail(GC_OUT_OF_RANGE, "cross_entropy: expected class weights of 0 or more, got %g for class %lld", w,
                  static_cast<long long>(j));
  }
  return GC_OK;
}

void forward(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, kLogits), &targets = *plan.input(node, kTargets),
               &out = *plan.output(node, 0);
  const int32_t ignored = ignored_target(node);
  const Classes classes(plan, node);
  const RowWeights row_weight{plan.input(node, kRowWeights)};
  plan.run_status = check_weights(classes, logits.cols);
  if (plan.run_status != GC_OK) return;
  float* p = node.buffers[kProbabilities].data;
  double* nats = reinterpret_cast<double*>(node.buffers[kNats].data);
  double count = 0;
  for (int64_t i = 0; i < logits.rows; ++i) {
    const int32_t target = targets.ids[i];
    if (target == ignored) continue;
    if (target < 0 || target >= logits.cols) {
      plan.run_status = fail(GC_OUT_OF_RANGE,
                             "cross_entropy: expected targets from 0 to %lld, or %d to ignore, got %d at position %lld",
                             static_cast<long long>(logits.cols - 1), ignored, target, static_cast<long long>(i));
      return;
    }
    const double w = row_weight(i);
    if (!(w >= 0) || std::isinf(w)) {
      plan.run_status = fail(GC_OUT_OF_RANGE, "cross_entropy: expected weights of 0 or more, got %g in row %lld", w,
                             static_cast<long long>(i));
      return;
    }
    count += classes.weight(target) * w;
  }
  const auto counts = [&](int64_t i) { return classes.counts(targets.ids[i], ignored) && row_weight(i) != 0; };
  parallel(plan.team(20.0 * static_cast<double>(logits.rows * logits.cols)), [&](int index, int team) {
    const Range rows = share(logits.rows, index, team);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      if (!counts(i)) continue;
      const float* x = logits.data + i * logits.ld;
      const double mass = row_mass(x, p + i * logits.ld, logits.cols);
      nats[i] = classes.plain() ? mass - static_cast<double>(x[targets.ids[i]])
                                : classes.nats(x, logits.cols, mass, targets.ids[i]);
    }
  });
  double total = 0;
  for (int64_t i = 0; i < logits.rows; ++i)
    if (counts(i)) total += row_weight(i) * nats[i];
  out.data[0] = count > 0 ? static_cast<float>(total / count) : 0.0f;
  out.data[1] = static_cast<float>(count);
}

// With weights or label smoothing: dx_j = r ((1 - e) w_y (p_j - [j = y]) + e / V * (p_j sum(w) - w_j)) / sum of r w_y, r the row's weight.
void backward_of_classes(Plan& plan, const Node& node, const Classes& classes) {
  const Tensor &logits = *plan.input(node, kLogits), &targets = *plan.input(node, kTargets),
               &out = *plan.output(node, 0);
  const float* p = node.buffers[kProbabilities].data;
  const float count = out.data[1];
  const double scale = count > 0 ? static_cast<double>(out.grad[0]) / static_cast<double>(count) : 0;
  const int32_t ignored = ignored_target(node);
  const double each_row = scale * classes.smoothing / static_cast<double>(logits.cols);
  const RowWeights row_weight{plan.input(node, kRowWeights)};
  for_rows(plan, logits, 8, [&](int64_t i) {
    const float* from = p + i * logits.ld;
    const int32_t target = targets.ids[i];
    const double w = row_weight(i);
    if (!classes.counts(target, ignored) || w == 0) return no_row_gradient(plan, node, kLogits, i);
    const double hit = scale * w * (1 - classes.smoothing) * classes.weight(target), each = each_row * w,
                 factor = hit + each * classes.total;
    put(logits.grad + i * logits.ld, logits.cols, node.accumulate[kLogits], [&](int64_t j) {
      const double taken = each * classes.weight(j) + (j == target ? hit : 0);
      return static_cast<float>(static_cast<double>(from[j]) * factor - taken);
    });
  });
}

// No gradient flows to the weights.
void backward(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, kLogits), &targets = *plan.input(node, kTargets),
               &out = *plan.output(node, 0);
  no_gradient(plan, node, kWeights);
  no_gradient(plan, node, kRowWeights);
  if (!logits.grad) return;
  if (!out.grad) return no_gradient(plan, node, kLogits);
  const Classes classes(plan, node);
  if (!classes.plain() || plan.input(node, kRowWeights)) return backward_of_classes(plan, node, classes);
  const int32_t ignored = ignored_target(node);
  const float* p = node.buffers[kProbabilities].data;
  const float count = out.data[1], scale = count > 0 ? out.grad[0] / count : 0;
  const bool accumulate = node.accumulate[0];
  parallel(plan.team(4.0 * static_cast<double>(logits.rows * logits.cols)), [&](int index, int team) {
    const Range rows = share(logits.rows, index, team);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      float* to = logits.grad + i * logits.ld;
      const float* from = p + i * logits.ld;
      const int32_t target = targets.ids[i];
      if (target == ignored) {
        no_row_gradient(plan, node, kLogits, i);
        continue;
      }
      for (int64_t j = 0; j < logits.cols; ++j) {
        const float d = (from[j] - (j == target ? 1.0f : 0.0f)) * scale;
        to[j] = accumulate ? to[j] + d : d;
      }
    }
  });
}
}  // namespace

const OpDef op_cross_entropy = {
    GC_OP_CROSS_ENTROPY, "cross_entropy", 2, 4, 1, 1, 0, true, true, false, check, prepare, forward, backward, 2};
}  // namespace gatecell
