// mixture_sample.cu: one pen point (dx, dy, end of stroke) per row, drawn from the mixture that the row describes, by the processor's
// function of (seed; stream, step, row) (mixture.h); a thread per row.
#include "../../core/mixture.h"
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace mixture_sample {

__device__ bool is_finite(float x) { return x - x == 0; }

void forward(const Node& n) {
  const Tensor &y = *n.in(0), &out = *n.out(0);
  const float *outputs = y.data, *settings = n.in(1)->data;
  float* points = out.data;
  const int64_t ldy = y.ld, ldp = out.ld, M = (y.cols - 1) / 6;
  const uint64_t stream = static_cast<uint64_t>(n.attribute(0));
  const Control* control = n.plan.control;
  check_each(n, 1, [=] __device__(int64_t) {
    const double bias = static_cast<double>(settings[0]);
    return bias >= 0 && bias <= 1e6 ? fault_at() : fault_at(Fault::kBias, 0, bias);
  });
  each(n.queue, y.rows, [=] __device__(int64_t row) {
    const Draws draws(control->seed, stream, control->step, Draw::kSample);
    draw_point({outputs + row * ldy, M}, static_cast<double>(settings[0]), draws, static_cast<uint64_t>(row),
               points + row * ldp);
  });
  check_each(n, y.rows, [=] __device__(int64_t row) {
    const float* point = points + row * ldp;
    const bool good = is_finite(point[0]) && is_finite(point[1]) && is_finite(outputs[row * ldy]);
    return good ? fault_at() : fault_at(Fault::kPoint, row);
  });
}
}  // namespace mixture_sample

const OpDef op_mixture_sample = {GC_OP_MIXTURE_SAMPLE, "mixture_sample", nullptr, mixture_sample::forward, nullptr};
}  // namespace cuda
}  // namespace gatecell
