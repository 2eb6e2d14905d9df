// mixture_sample.cc: one pen point (dx, dy, end of stroke) per row, drawn from the mixture that the row describes, with a bias for neat
// writing (mixture.h). draws.h explains on which numbers a draw depends. The op has no gradient.
#include <cmath>

#include "../core/mixture.h"
#include "draws.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) {
  const Tensor &y = *plan.input(node, 0), &out = *plan.output(node, 0);
  const gc_status status = check_draw(plan, node, "the outputs", GC_F32);
  if (status != GC_OK) return status;
  bool fits = y.cols >= 7 && y.cols % 6 == 1 && out.cols == 3 && out.rank == y.rank;
  for (int d = 0; d + 1 < y.rank && fits; ++d) fits = out.dims[d] == y.dims[d];
  return fits ? GC_OK
              : fail(GC_INVALID_SHAPE, "mixture_sample: expected outputs [..., 6M+1] and [..., 3], got %s and %s",
                     y.shape().c_str(), out.shape().c_str());
}

// Computes the rows one after the other on the calling thread: the error message of a refused row belongs to that thread, and rows are few.
void forward(Plan& plan, Node& node) {
  const Tensor &y = *plan.input(node, 0), &control = *plan.input(node, 1), &out = *plan.output(node, 0);
  for (int64_t row = 0; row < y.rows; ++row) {
    const double bias = static_cast<double>(settings_of(control, row)[0]);
    if (!(bias >= 0 && bias <= 1e6)) {
      plan.run_status = fail(GC_INVALID_ARGUMENT, "mixture_sample: expected a bias from 0 to 1e6, got %g", bias);
      return;
    }
    float* point = out.data + row * out.ld;
    const RowDraws own(plan, node, row);
    draw_point({y.data + row * y.ld, (y.cols - 1) / 6}, bias, own.draws, own.row, point);
    if (std::isfinite(point[0]) && std::isfinite(point[1]) && std::isfinite(y.data[row * y.ld])) continue;
    plan.run_status = fail(GC_OUT_OF_RANGE, "mixture_sample: expected finite outputs, but row %lld gives no point",
                           static_cast<long long>(row));
    return;
  }
}
}  // namespace

const OpDef op_mixture_sample = {
    GC_OP_MIXTURE_SAMPLE, "mixture_sample", 2, 3, 1, 1, 1, false, false, false, check, nullptr, forward, nullptr};
}  // namespace gatecell
