// top_log_softmax.cc: the k largest log probabilities of each row and their ids, the largest first, equal logits in the order of their ids,
// for searches that follow the best continuations. One pass of exp gives the sum, another one compares each strip of logits with the smallest
// that is kept, so a row costs little more than its softmax. The op has no gradient, and refuses NaN and rows without a finite maximum.
#include <algorithm>
#include <cmath>

#include "../core/machine.h"
#include "../core/token_draw.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
constexpr int64_t kLanes = 16;

enum { kLogits, kAlso };  // inputs

gc_status check_ids(Plan& plan, Node& node, const Tensor& also) {
  const Tensor& logits = *plan.input(node, kLogits);
  const gc_status status = expect_dtype(node, also, "the further ids", GC_I32);
  if (status != GC_OK) return status;
  bool fits = also.rank == std::max(1, logits.rank - 1) && also.rows * also.cols == logits.rows;
  for (int d = 0; d + 1 < logits.rank && fits; ++d) fits = also.dims[d] == logits.dims[d];
  return fits ? GC_OK
              : fail(GC_INVALID_SHAPE, "top_log_softmax: the further ids %s do not fit logits %s", also.shape().c_str(),
                     logits.shape().c_str());
}

gc_status check(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, 0), &nats = *plan.output(node, 0), &ids = *plan.output(node, 1);
  gc_status status = expect_dtype(node, logits, "logits", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, nats, "the log probabilities", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, ids, "the ids", GC_I32);
  if (status != GC_OK) return status;
  const Tensor* also = plan.input(node, kAlso);
  if (also) status = check_ids(plan, node, *also);
  if (status != GC_OK) return status;
  bool fits = nats.rank == logits.rank && ids.rank == logits.rank && ids.cols == nats.cols;
  for (int d = 0; d + 1 < logits.rank && fits; ++d)
    fits = nats.dims[d] == logits.dims[d] && ids.dims[d] == logits.dims[d];
  const int64_t count = nats.cols - (also ? 1 : 0);
  return fits && count >= 1 && count <= logits.cols
             ? GC_OK
             : fail(GC_INVALID_SHAPE, "top_log_softmax: logits %s do not give %s and %s", logits.shape().c_str(),
                    nats.shape().c_str(), ids.shape().c_str());
}

void prepare(Plan& plan, Node& node) {
  node.buffers.push_back({plan.threads * plan.input(node, 0)->ld * 4, Life::kForward});
  node.why = "one pass of exp, then strips of 16 logits against the smallest kept one";
}

// Returns the sum of n values in lanes whose order is fixed.
double sum_of(const float* x, int64_t n) {
  double lane[kLanes] = {};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    for (int64_t l = 0; l < kLanes; ++l) lane[l] += static_cast<double>(x[j + l]);
  for (int64_t l = 0; j < n; ++j, ++l) lane[l] += static_cast<double>(x[j]);
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  return lane[0];
}

// Returns whether the further ids are ids of the vocabulary.
bool valid_ids(Plan& plan, const Node& node, const Tensor* also, int64_t vocabulary) {
  for (int64_t i = 0; also && i < also->rows * also->cols; ++i) {
    if (also->ids[i] >= 0 && also->ids[i] < vocabulary) continue;
    plan.run_status = fail(GC_OUT_OF_RANGE, "%s: expected ids from 0 to %lld, got %d at position %lld", node.op->name,
                           static_cast<long long>(vocabulary - 1), also->ids[i], static_cast<long long>(i));
    return false;
  }
  return true;
}

void forward(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, kLogits), &nats = *plan.output(node, 0), &ids = *plan.output(node, 1);
  const Tensor* also = plan.input(node, kAlso);
  const int64_t n = logits.cols, count = nats.cols - (also ? 1 : 0);
  if (!valid_ids(plan, node, also, n)) return;
  float* const scratch = node.buffers[0].data;
  parallel(plan.team(20.0 * static_cast<double>(logits.rows * n)), [&](int index, int team) {
    const Range mine = share(logits.rows, index, team);
    float* e = scratch + index * logits.ld;
    for (int64_t row = mine.begin; row < mine.end; ++row) {
      const float* x = logits.data + row * logits.ld;
      int32_t* id = ids.ids + row * ids.ld;
      float* to = nats.data + row * nats.ld;
      const float most = maximum(x, n);
      if (!(std::fabs(most) <= 3.4e38f)) {
        id[0] = -1;
        continue;
      }
      for (int64_t j = 0; j < n; ++j) e[j] = x[j] - most;
      kernels().exp(e, e, n);
      const double log_sum = std::log(sum_of(e, n)) + static_cast<double>(most);
      largest(x, n, static_cast<int32_t>(count), id);
      if (also) id[count] = also->ids[row];
      for (int64_t i = 0; i < nats.cols; ++i) to[i] = static_cast<float>(static_cast<double>(x[id[i]]) - log_sum);
    }
  });
  // The error message of a refused row belongs to the calling thread.
  for (int64_t row = 0; row < logits.rows; ++row) {
    if (ids.ids[row * ids.ld] >= 0) continue;
    plan.run_status =
        fail(GC_OUT_OF_RANGE,
             "top_log_softmax: expected finite logits, but row %lld has a NaN or no finite maximum: check the weights",
             static_cast<long long>(row));
    return;
  }
}
}  // namespace

const OpDef op_top_log_softmax = {
    GC_OP_TOP_LOG_SOFTMAX, "top_log_softmax", 1, 2, 2, 2, 0, false, false, false, check, prepare, forward, nullptr};
}  // namespace gatecell
