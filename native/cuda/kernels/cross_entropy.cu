// cross_entropy.cu: softmax and negative log-likelihood in one pass, a warp per row; targets of -1 do not count.
// Result: [mean nats over the counted targets, their count].
#include "faults.h"
#include "losses.h"
#include "ops.h"
#include "softmax.h"

namespace gatecell {
namespace cuda {
namespace cross_entropy {
enum { kProbabilities, kNats };

gc_status prepare(const Node& n) {
  const Tensor& logits = *n.in(0);
  n.ask(logits.rows * logits.ld * 4, GC_LIFE_SAVED);
  n.ask(logits.rows * 8, GC_LIFE_FORWARD);
  n.why("softmax and loss in one pass, a warp per row");
  return GC_OK;
}

void forward(const Node& n) {
  const Tensor &logits = *n.in(0), &targets = *n.in(1);
  check_ids(n, targets, -1, logits.cols - 1, Fault::kTarget);
  const float* x = logits.data;
  const int32_t* ids = reinterpret_cast<const int32_t*>(targets.data);
  float* p = n.buffer(kProbabilities);
  double* nats = n.buffer<double>(kNats);
  const int64_t ld = logits.ld, columns = logits.cols;
  each_row(n.queue, logits.rows, [=] __device__(int64_t row, int lane) {
    const RowMass mass = softmax_row(x + row * ld, p + row * ld, columns, lane);
    if (lane != 0) return;
    const double hit = static_cast<double>(x[row * ld + clamp_id(ids[row], columns)]);
    nats[row] = mass.log_sum + static_cast<double>(mass.most) - hit;
  });
  float* loss = n.out(0)->data;
  sum_rows(
      n.queue, logits.rows, [=] __device__(int64_t row) { return nats[row]; },
      [=] __device__(int64_t row) { return ids[row] >= 0 ? 1.0 : 0.0; },
      [=] __device__(double total, double count) {
        loss[0] = count > 0 ? static_cast<float>(total / count) : 0.0f;
        loss[1] = static_cast<float>(count);
      });
}

void backward(const Node& n) {
  const Tensor &logits = *n.in(0), &out = *n.out(0);
  if (!logits.grad) return;
  const float *p = n.buffer(kProbabilities), *loss = out.data, *dloss = out.grad;
  const int32_t* ids = reinterpret_cast<const int32_t*>(n.in(1)->data);
  float* to = logits.grad;
  const int64_t ld = logits.ld;
  const bool accumulate = n.accumulate(0);
  each_element(n.queue, logits.rows, logits.cols, [=] __device__(int64_t row, int64_t j) {
    const float count = loss[1], scale = count > 0 && dloss ? dloss[0] / count : 0.0f;
    const int32_t target = ids[row];
    const float d = (p[row * ld + j] - (j == target ? 1.0f : 0.0f)) * (target < 0 ? 0.0f : scale);
    put(to + row * ld + j, d, accumulate);
  });
}
}  // namespace cross_entropy

const OpDef op_cross_entropy = {GC_OP_CROSS_ENTROPY, "cross_entropy", cross_entropy::prepare, cross_entropy::forward,
                                cross_entropy::backward};
}  // namespace cuda
}  // namespace gatecell
