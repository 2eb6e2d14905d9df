// mixture_sample.cu: one pen point (dx, dy, end of stroke) per row, drawn from the mixture that the row describes, with the same function as
// on the processor (mixture.h, draws.h). One thread computes a row.
#include "../../core/mixture.h"
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace mixture_sample {

__device__ bool is_finite(float x) { return x - x == 0; }

void forward(const Node& n) {
  const Tensor &y = *n.in(0), &out = *n.out(0);
  const Tensor &control_of = *n.in(1), *table = n.in(2);
  const float *outputs = y.data, *settings = control_of.data;
  const int32_t* seeds = table ? reinterpret_cast<const int32_t*>(table->data) : nullptr;
  const int64_t own = control_of.rank == 2 ? control_of.ld : 0, ld_seeds = table ? table->ld : 0;
  float* points = out.data;
  const int64_t ldy = y.ld, ldp = out.ld, M = (y.cols - 1) / 6;
  const uint64_t stream = static_cast<uint64_t>(n.attribute(0));
  const Control* control = n.plan.control;
  check_each(n, own ? y.rows : 1, [=] __device__(int64_t row) {
    const double bias = static_cast<double>(settings[row * own]);
    return bias >= 0 && bias <= 1e6 ? fault_at() : fault_at(Fault::kBias, 0, bias);
  });
  each(n.queue, y.rows, [=] __device__(int64_t row) {
    const Draws draws = seeds ? draws_of_row(seeds + row * ld_seeds, stream, Draw::kSample)
                              : Draws(control->seed, stream, control->step, Draw::kSample);
    draw_point({outputs + row * ldy, M}, static_cast<double>(settings[row * own]), draws,
               seeds ? 0 : static_cast<uint64_t>(row), points + row * ldp);
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
