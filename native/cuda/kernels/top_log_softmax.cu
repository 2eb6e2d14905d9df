// top_log_softmax.cu: the k largest log probabilities of each row and their ids, a warp per row. The sum has the order of the processor. Each
// kept id costs one search of the row, which is fast enough for the tens of ids of a beam search.
#include "../math.h"
#include "candidate.h"
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace top_log_softmax {
constexpr int kLanes = 16;  // of the sum

gc_status prepare(const Node& n) {
  n.why("a warp per row; one search of the row for each id");
  return GC_OK;
}

// Returns log(sum(exp(x))) on lane 0.
__device__ double log_sum_of_row(const float* x, int64_t columns, float most, int lane) {
  double sum = 0;
  for (int64_t j = lane; j < columns && lane < kLanes; j += kLanes) sum += static_cast<double>(v_exp(x[j] - most));
  for (int with = kLanes / 2; with > 0; with /= 2) sum += __shfl_xor_sync(kAllLanes, sum, with);
  return log(sum) + static_cast<double>(most);
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &nats = *n.out(0), &ids = *n.out(1);
  const float* from = x.data;
  float* to = nats.data;
  int32_t* id = reinterpret_cast<int32_t*>(ids.data);
  const int64_t ldx = x.ld, ldy = nats.ld, ldi = ids.ld, columns = x.cols;
  const Tensor* further = n.in(1);
  if (further) check_ids(n, *further, 0, columns - 1, Fault::kId);
  const int32_t* also = further ? reinterpret_cast<const int32_t*>(further->data) : nullptr;
  const int64_t count = nats.cols - (also ? 1 : 0);
  each_row(n.queue, x.rows, [=] __device__(int64_t row, int lane) {
    const float* values = from + row * ldx;
    int32_t* kept = id + row * ldi;
    float* own = to + row * ldy;
    double bad = 0;
    for (int64_t j = lane; j < columns; j += kWarp) bad += values[j] != values[j] ? 1 : 0;
    bad = warp_sum(bad);
    Candidate last = best_of_warp(best_after(values, columns, {0, -1}, lane, kWarp));
    if (bad > 0 || !(fabsf(last.value) <= 3.4e38f)) {
      // Rows report in any order. The host finds the first of them by the mark in the result.
      if (lane == 0) kept[0] = -1;
      return;
    }
    const double log_sum = log_sum_of_row(values, columns, last.value, lane);
    for (int64_t i = 0; i < count; ++i) {
      if (i > 0) last = best_of_warp(best_after(values, columns, last, lane, kWarp));
      if (lane == 0) kept[i] = last.id, own[i] = static_cast<float>(static_cast<double>(last.value) - log_sum);
    }
    if (lane != 0 || !also) return;
    kept[count] = also[row];
    own[count] = static_cast<float>(static_cast<double>(values[clamp_id(also[row], columns)]) - log_sum);
  });
  const int32_t* first = id;
  check_each(n, x.rows,
             [=] __device__(int64_t row) { return first[row * ldi] < 0 ? fault_at(Fault::kLogits, row) : fault_at(); });
}
}  // namespace top_log_softmax

const OpDef op_top_log_softmax = {GC_OP_TOP_LOG_SOFTMAX, "top_log_softmax", top_log_softmax::prepare,
                                  top_log_softmax::forward, nullptr};
}  // namespace cuda
}  // namespace gatecell
