// cross_entropy.cc: softmax and negative log-likelihood in one pass; targets of -1 do not count.
// Result: [mean nats over the counted targets, their count]. Sums run in double, in order of the rows.
#include <cmath>
#include <cstring>

#include "../core/graph.h"
#include "../core/machine.h"
#include "ops.h"

namespace gatecell {
namespace {
enum { kProbabilities, kNats };

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
  return GC_OK;
}

void prepare(Plan& plan, Node& node) {
  const Tensor& logits = *plan.input(node, 0);
  node.buffers.push_back({logits.bytes(), Life::kSaved});
  node.buffers.push_back({logits.rows * 8, Life::kForward});
  node.why = "softmax and loss in one pass over each row";
}

// Probabilities of one row; returns log(sum(exp(x - max))) + max - x[target].
double row_nats(const float* x, float* p, int64_t n, int32_t target) {
  float most = x[0];
  for (int64_t i = 1; i < n; ++i) most = x[i] > most ? x[i] : most;
  for (int64_t i = 0; i < n; ++i) p[i] = x[i] - most;
  kernels().exp(p, p, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(p[i]);
  const float scale = static_cast<float>(1 / sum);
  for (int64_t i = 0; i < n; ++i) p[i] *= scale;
  return std::log(sum) + static_cast<double>(most) - static_cast<double>(target < 0 ? 0 : x[target]);
}

void forward(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, 0), &targets = *plan.input(node, 1), &out = *plan.output(node, 0);
  float* p = node.buffers[kProbabilities].data;
  double* nats = reinterpret_cast<double*>(node.buffers[kNats].data);
  int64_t count = 0;
  for (int64_t i = 0; i < logits.rows; ++i) {
    const int32_t target = targets.ids[i];
    if (target < -1 || target >= logits.cols) {
      plan.run_status = fail(GC_OUT_OF_RANGE, "cross_entropy: expected targets from -1 to %lld, got %d",
                             static_cast<long long>(logits.cols - 1), target);
      return;
    }
    count += target >= 0;
  }
  parallel(plan.team(20.0 * static_cast<double>(logits.rows * logits.cols)), [&](int index, int team) {
    const Range rows = share(logits.rows, index, team);
    for (int64_t i = rows.begin; i < rows.end; ++i)
      nats[i] = row_nats(logits.data + i * logits.ld, p + i * logits.ld, logits.cols, targets.ids[i]);
  });
  double total = 0;
  for (int64_t i = 0; i < logits.rows; ++i)
    if (targets.ids[i] >= 0) total += nats[i];
  out.data[0] = count ? static_cast<float>(total / static_cast<double>(count)) : 0.0f;
  out.data[1] = static_cast<float>(count);
}

void backward(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, 0), &targets = *plan.input(node, 1), &out = *plan.output(node, 0);
  if (!logits.grad) return;
  const float* p = node.buffers[kProbabilities].data;
  const float count = out.data[1], scale = count > 0 && out.grad ? out.grad[0] / count : 0;
  const bool accumulate = node.accumulate[0];
  parallel(plan.team(4.0 * static_cast<double>(logits.rows * logits.cols)), [&](int index, int team) {
    const Range rows = share(logits.rows, index, team);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      float* to = logits.grad + i * logits.ld;
      const float* from = p + i * logits.ld;
      const int32_t target = targets.ids[i];
      const float s = target < 0 ? 0 : scale;
      for (int64_t j = 0; j < logits.cols; ++j) {
        const float d = (from[j] - (j == target ? 1.0f : 0.0f)) * s;
        to[j] = accumulate ? to[j] + d : d;
      }
    }
  });
}
}  // namespace

const OpDef op_cross_entropy = {
    GC_OP_CROSS_ENTROPY, "cross_entropy", 2, 2, 1, 1, 0, true, true, false, check, prepare, forward, backward};
}  // namespace gatecell
