// cross_entropy.cc: softmax and negative log-likelihood in one pass. Result: [mean nats over the counted targets, their count].
// Sums over rows run in double, in order of the rows; cross_entropy.h has the formulas.
// An ignored row is not read, and its gradient is set to zeros, because its logits may be NaN, and 0 * NaN is NaN.
#include "cross_entropy.h"

#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
float largest(const float* x, int64_t n) {
  float lanes[16];
  for (float& lane : lanes) lane = x[0];
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int64_t lane = 0; lane < 16; ++lane) lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  for (; i < n; ++i) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
  float most = lanes[0];
  for (float lane : lanes) most = lane > most ? lane : most;
  return most;
}
}  // namespace

double row_mass(const float* x, float* p, int64_t n) {
  const float most = largest(x, n);
  for (int64_t i = 0; i < n; ++i) p[i] = x[i] - most;
  kernels().exp(p, p, n);
  const double sum = lane_sum(n, [p](int64_t i) { return static_cast<double>(p[i]); });
  const float scale = static_cast<float>(1 / sum);
  for (int64_t i = 0; i < n; ++i) p[i] *= scale;
  return std::log(sum) + static_cast<double>(most);
}

Classes::Classes(Plan& plan, const Node& node, int64_t classes)
    : weights(nullptr), count(classes), smoothing(node.attributes[kSmoothing]) {
  if (const Tensor* w = plan.input(node, kClassWeights)) weights = w->data;
  total = weights ? 0 : static_cast<double>(classes);
  for (int64_t j = 0; weights && j < classes; ++j) total += weight(j);
}

double Classes::nats(const float* x, float* p, int32_t target) const {
  const double own = static_cast<double>(x[target]);
  double all = 0;  // sum of w_j x_j
  if (smoothing != 0 && weights)
    all = lane_sum(count, [&](int64_t j) { return weight(j) * static_cast<double>(x[j]); });
  else if (smoothing != 0) all = lane_sum(count, [&](int64_t j) { return static_cast<double>(x[j]); });
  const double mass = row_mass(x, p, count);
  if (plain()) return mass - own;
  const double hit = (1 - smoothing) * weight(target) * (mass - own);
  return smoothing == 0 ? hit : hit + smoothing / static_cast<double>(count) * (total * mass - all);
}

// dx_j = w ((1 - e) w_y (p_j - [j = y]) + e / V * (p_j sum(w) - w_j)) * scale, w the row's weight; in float if it is (p_j - [j = y]) * scale.
void Classes::gradient(float* p, int32_t target, double w, double scale) const {
  const float own = p[target];
  if (plain() && w == 1) {
    const float factor = static_cast<float>(scale);
    for (int64_t j = 0; j < count; ++j) p[j] *= factor;
    p[target] = (own - 1) * factor;
    return;
  }
  const double hit = scale * w * (1 - smoothing) * weight(target);
  const double share = scale * smoothing / static_cast<double>(count) * w, factor = hit + share * total;
  const float* const of_class = weights;
  for (int64_t j = 0; j < count && of_class; ++j)
    p[j] = static_cast<float>(static_cast<double>(p[j]) * factor - share * static_cast<double>(of_class[j]));
  for (int64_t j = 0; j < count && !of_class; ++j)
    p[j] = static_cast<float>(static_cast<double>(p[j]) * factor - share);
  p[target] = static_cast<float>(static_cast<double>(own) * factor - (share * weight(target) + hit));
}

gc_status read_targets(const Node& node, const Classes& classes, const Tensor& targets, const RowWeights& row_weight,
                       double* divisor) {
  for (int64_t j = 0; classes.weights && j < classes.count; ++j) {
    const double w = classes.weight(j);
    if (!(w >= 0) || std::isinf(w))
      return fail(GC_OUT_OF_RANGE, "cross_entropy: expected class weights of 0 or more, got %g for class %lld", w,
                  static_cast<long long>(j));
  }
  const int32_t ignored = ignored_target(node);
  *divisor = 0;
  for (int64_t i = 0; i < targets.rows * targets.cols; ++i) {
    const int32_t target = targets.ids[i];
    if (target == ignored) continue;
    if (target < 0 || target >= classes.count)
      return fail(GC_OUT_OF_RANGE,
                  "cross_entropy: expected targets from 0 to %lld, or %d to ignore, got %d at position %lld",
                  static_cast<long long>(classes.count - 1), ignored, target, static_cast<long long>(i));
    const double w = row_weight(i);
    if (!(w >= 0) || std::isinf(w))
      return fail(GC_OUT_OF_RANGE, "cross_entropy: expected weights of 0 or more, got %g in row %lld", w,
                  static_cast<long long>(i));
    *divisor += classes.weight(target) * w;
  }
  return GC_OK;
}

namespace {
enum { kProbabilities, kNats };  // buffers
constexpr double kFirstId = -2147483648.0, kLastId = 2147483647.0;

gc_status check_row_weights(Plan& plan, Node& node, const Tensor& targets) {
  const Tensor* rows = plan.input(node, kRowWeights);
  if (!rows) return GC_OK;
  bool fits = rows->rank == targets.rank;
  for (int d = 0; d < targets.rank && fits; ++d) fits = rows->dims[d] == targets.dims[d];
  if (!fits)
    return fail(GC_INVALID_SHAPE, "cross_entropy: weights of rows %s do not fit targets %s", rows->shape().c_str(),
                targets.shape().c_str());
  return expect_dtype(node, *rows, "weights of rows", GC_F32);
}

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
  if (const Tensor* weights = plan.input(node, kClassWeights)) {
    status = expect_dtype(node, *weights, "class weights", GC_F32);
    if (status == GC_OK) status = expect_shape(plan, node, *weights, "class weights", {logits.cols});
  }
  return status == GC_OK ? check_row_weights(plan, node, targets) : status;
}

void prepare(Plan& plan, Node& node) {
  const Tensor& logits = *plan.input(node, 0);
  node.buffers.push_back({logits.bytes(), Life::kSaved});
  node.buffers.push_back({logits.rows * 8, Life::kForward});
  node.why = "softmax and loss in one pass over each row";
}

void forward(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, kLogits), &targets = *plan.input(node, kTargets),
               &out = *plan.output(node, 0);
  const int32_t ignored = ignored_target(node);
  const Classes classes(plan, node, logits.cols);
  const RowWeights row_weight{plan.input(node, kRowWeights)};
  double count = 0;
  plan.run_status = read_targets(node, classes, targets, row_weight, &count);
  if (plan.run_status != GC_OK) return;
  float* p = node.buffers[kProbabilities].data;
  double* nats = reinterpret_cast<double*>(node.buffers[kNats].data);
  const auto counts = [&](int64_t i) { return classes.counts(targets.ids[i], ignored) && row_weight(i) != 0; };
  parallel(plan.team(20.0 * static_cast<double>(logits.rows * logits.cols)), [&](int index, int team) {
    const Range rows = share(logits.rows, index, team);
    for (int64_t i = rows.begin; i < rows.end; ++i)
      if (counts(i)) nats[i] = classes.nats(logits.data + i * logits.ld, p + i * logits.ld, targets.ids[i]);
  });
  double total = 0;
  for (int64_t i = 0; i < logits.rows; ++i)
    if (counts(i)) total += row_weight(i) * nats[i];
  out.data[0] = count > 0 ? static_cast<float>(total / count) : 0.0f;
  out.data[1] = static_cast<float>(count);
}

// No gradient flows to the weights.
void backward(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, kLogits), &targets = *plan.input(node, kTargets),
               &out = *plan.output(node, 0);
  no_gradient(plan, node, kClassWeights);
  no_gradient(plan, node, kRowWeights);
  if (!logits.grad) return;
  if (!out.grad) return no_gradient(plan, node, kLogits);
  const Classes classes(plan, node, logits.cols);
  const RowWeights row_weight{plan.input(node, kRowWeights)};
  const int32_t ignored = ignored_target(node);
  float* p = node.buffers[kProbabilities].data;
  const double scale = gradient_scale(out.grad[0], out.data[1], classes.plain() && !row_weight.weights);
  for_rows(plan, logits, 6, [&](int64_t i) {
    const double w = row_weight(i);
    if (!classes.counts(targets.ids[i], ignored) || w == 0) return no_row_gradient(plan, node, kLogits, i);
    float* row = p + i * logits.ld;
    classes.gradient(row, targets.ids[i], w, scale);
    put(logits.grad + i * logits.ld, logits.cols, node.accumulate[kLogits], [=](int64_t j) { return row[j]; });
  });
}
}  // namespace

const OpDef op_cross_entropy = {
    GC_OP_CROSS_ENTROPY, "cross_entropy", 2, 4, 1, 1, 0, true, true, false, check, prepare, forward, backward, 2};
}  // namespace gatecell
