// cross_entropy.cu: softmax and negative log-likelihood in one pass, a warp per row.
// Result: [mean nats over the counted targets, their count], or with weights the weighted mean and the sum of the weights.
#include "faults.h"
#include "losses.h"
#include "ops.h"
#include "softmax.h"

namespace gatecell {
namespace cuda {
namespace cross_entropy {
enum { kProbabilities, kNats };                     // buffers
enum { kLogits, kTargets, kWeights, kRowWeights };  // inputs

gc_status prepare(const Node& n) {
  const Tensor& logits = *n.in(kLogits);
  n.ask(logits.rows * logits.ld * 4, GC_LIFE_SAVED);
  n.ask(logits.rows * 8, GC_LIFE_FORWARD);
  n.why("softmax and loss in one pass, a warp per row");
  return GC_OK;
}

// Class weights, label smoothing and weights of rows: native/ops/cross_entropy.cc has the formulas.
struct Classes {
  const float* weights;  // null: all are 1
  double smoothing;
  int64_t count;
  int32_t ignored;
  const float* row_weights = nullptr;  // null: all are 1
  int64_t row_columns = 1, row_ld = 1;

  explicit Classes(const Node& n)
      : weights(n.in(kWeights) ? n.in(kWeights)->data : nullptr),
        smoothing(n.attribute(1)),
        count(n.in(kLogits)->cols),
        ignored(static_cast<int32_t>(n.attribute(0) - 1)) {
    const Tensor* rows = n.in(kRowWeights);
    if (rows) row_weights = rows->data, row_columns = rows->cols, row_ld = rows->ld;
  }
  bool plain() const { return !weights && smoothing == 0; }
  __device__ double row_weight(int64_t row) const {
    return row_weights ? static_cast<double>(row_weights[row / row_columns * row_ld + row % row_columns]) : 1.0;
  }
  __device__ double weight(int64_t j) const { return weights ? static_cast<double>(weights[j]) : 1.0; }
  // Returns whether a row contributes to the loss. With label smoothing, so does a row whose own class has weight 0.
  __device__ bool counts(int64_t row, int32_t target) const {
    return target != ignored && (smoothing != 0 || weight(clamp_id(target, count)) != 0) && row_weight(row) != 0;
  }
  __device__ double class_weight(int32_t target) const {
    return target == ignored ? 0.0 : weight(clamp_id(target, count));
  }
};

void check_data(const Node& n, const Classes& c) {
  const int32_t* ids = reinterpret_cast<const int32_t*>(n.in(kTargets)->data);
  if (c.weights)
    check_each(n, c.count, [=] __device__(int64_t j) {
      const double w = c.weight(j);
      return w >= 0 && w - w == 0 ? fault_at() : fault_at(Fault::kClassWeight, j, w);
    });
  check_each(n, n.in(kTargets)->rows * n.in(kTargets)->cols, [=] __device__(int64_t i) {
    if (ids[i] == c.ignored) return fault_at();
    if (ids[i] < 0 || ids[i] >= c.count) return fault_at(Fault::kTarget, i, static_cast<double>(ids[i]), c.ignored);
    const double w = c.row_weight(i);
    return w >= 0 && w - w == 0 ? fault_at() : fault_at(Fault::kWeight, i, w);
  });
}

void forward(const Node& n) {
  const Tensor &logits = *n.in(kLogits), &targets = *n.in(kTargets);
  const Classes c(n);
  check_data(n, c);
  const bool plain = c.plain();
  const float* x = logits.data;
  const int32_t* ids = reinterpret_cast<const int32_t*>(targets.data);
  float* p = n.buffer(kProbabilities);
  double* nats = n.buffer<double>(kNats);
  const int64_t ld = logits.ld, columns = logits.cols;
  each_row(n.queue, logits.rows, [=] __device__(int64_t row, int lane) {
    if (!c.counts(row, ids[row])) return;  // the values of an ignored row may be NaN
    const float* from = x + row * ld;
    const RowMass mass = softmax_row(from, p + row * ld, columns, lane);
    const double log_mass = mass.log_sum + static_cast<double>(mass.most);
    double smooth = 0;
    if (c.smoothing != 0) {
      for (int64_t j = lane; j < columns; j += kWarp) smooth += c.weight(j) * (log_mass - static_cast<double>(from[j]));
      smooth = warp_sum(smooth);
    }
    if (lane != 0) return;
    const double hit = log_mass - static_cast<double>(from[clamp_id(ids[row], columns)]);
    nats[row] = plain ? hit
                      : (1 - c.smoothing) * c.class_weight(ids[row]) * hit +
                            c.smoothing / static_cast<double>(columns) * smooth;
  });
  float* loss = n.out(0)->data;
  sum_rows(
      n.queue, logits.rows,
      [=] __device__(int64_t row) { return c.counts(row, ids[row]) ? c.row_weight(row) * nats[row] : 0.0; },
      [=] __device__(int64_t row) {
        return ids[row] == c.ignored ? 0.0 : c.class_weight(ids[row]) * c.row_weight(row);
      },
      [=] __device__(double total, double count) {
        loss[0] = count > 0 ? static_cast<float>(total / count) : 0.0f;
        loss[1] = static_cast<float>(count);
      });
}

void backward(const Node& n) {
  const Tensor &logits = *n.in(kLogits), &out = *n.out(0);
  no_gradient(n, kWeights);
  no_gradient(n, kRowWeights);
  if (!logits.grad) return;
  if (!out.grad) return no_gradient(n, 0);
  const Classes c(n);
  const float *p = n.buffer(kProbabilities), *loss = out.data, *dloss = out.grad;
  const int32_t* ids = reinterpret_cast<const int32_t*>(n.in(kTargets)->data);
  float* to = logits.grad;
  const int64_t ld = logits.ld;
  const bool accumulate = n.accumulate(0);
  if (c.plain() && !c.row_weights) {
    each_element(n.queue, logits.rows, logits.cols, [=] __device__(int64_t row, int64_t j) {
      const int32_t target = ids[row];
      const float scale = target == c.ignored ? 0.0f : dloss[0] / loss[1];
      const float d = flow(scale, p[row * ld + j] - (j == target ? 1.0f : 0.0f));
      put(to + row * ld + j, d, accumulate);
    });
    return;
  }
  each_row(n.queue, logits.rows, [=] __device__(int64_t row, int lane) {
    const int32_t target = ids[row];
    if (!c.counts(row, target)) {
      for (int64_t j = lane; j < c.count; j += kWarp) put(to + row * ld + j, 0.0f, accumulate);
      return;
    }
    const float count = loss[1];
    const double scale = count > 0 ? static_cast<double>(dloss[0]) / static_cast<double>(count) : 0;
    const double w = c.row_weight(row), hit = scale * w * (1 - c.smoothing) * c.class_weight(target);
    const double share = scale * c.smoothing / static_cast<double>(c.count) * w;
    double total = 0;
    for (int64_t j = lane; j < c.count; j += kWarp) total += c.weight(j);
    const double factor = hit + share * warp_sum(total);
    for (int64_t j = lane; j < c.count; j += kWarp) {
      const double taken = share * c.weight(j) + (j == target ? hit : 0);
      put(to + row * ld + j, static_cast<float>(static_cast<double>(p[row * ld + j]) * factor - taken), accumulate);
    }
  });
}
}  // namespace cross_entropy

const OpDef op_cross_entropy = {GC_OP_CROSS_ENTROPY, "cross_entropy", cross_entropy::prepare, cross_entropy::forward,
                                cross_entropy::backward};
}  // namespace cuda
}  // namespace gatecell
