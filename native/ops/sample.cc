// sample.cc: one id per row of logits, drawn from softmax(logits / temperature) after top-k and then top-p (the smallest set of
// most likely ids that has that share of the mass; Holtzman et al. 2020). Temperature 0 takes the first of the largest. draws.h explains on
// which numbers a draw depends. The op has no gradient, and refuses NaN and rows without a finite mass.
#include <algorithm>
#include <cmath>

#include "../core/token_draw.h"
#include "draws.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
enum { kWeights, kOrder };  // buffers: exp of one row; its ids

gc_status check(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, 0), &out = *plan.output(node, 0);
  const gc_status status = check_draw(plan, node, "logits", GC_I32);
  if (status != GC_OK) return status;
  bool fits = out.rank == std::max(1, logits.rank - 1) && out.rows * out.cols == logits.rows;
  for (int d = 0; d + 1 < logits.rank && fits; ++d) fits = out.dims[d] == logits.dims[d];
  return fits ? GC_OK
              : fail(GC_INVALID_SHAPE, "sample: logits %s do not give %s", logits.shape().c_str(), out.shape().c_str());
}

void prepare(Plan& plan, Node& node) {
  const int64_t bytes = plan.input(node, 0)->ld * 4;
  node.buffers.push_back({bytes, Life::kForward});
  node.buffers.push_back({bytes, Life::kForward});
  node.why = "one pass of exp; a heap where top-k or top-p ask for an order";
}

gc_status read_settings(const float* control, int64_t vocabulary, TokenSettings& s) {
  const float temperature = control[0], k = control[1], p = control[2];
  if (!(temperature >= 0 && temperature <= 3.4e38f))
    return fail(GC_INVALID_ARGUMENT, "sample: expected a temperature of 0 or more, got %g",
                static_cast<double>(temperature));
  if (!is_integer(static_cast<double>(k), 0, HUGE_VAL))
    return fail(GC_INVALID_ARGUMENT, "sample: expected an integer top-k of 0 or more, got %g", static_cast<double>(k));
  if (!(p >= 0))
    return fail(GC_INVALID_ARGUMENT, "sample: expected a top-p of 0 or more, got %g", static_cast<double>(p));
  s.temperature = temperature;
  s.top_k = k < static_cast<float>(vocabulary) ? static_cast<int64_t>(k) : 0;
  s.top_p = p > 0 && p < 1 ? static_cast<double>(p) : 1;
  return GC_OK;
}

// Computes the rows one after the other on the calling thread: the error message of a refused row belongs to that thread, and rows are few.
void forward(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, 0), &control = *plan.input(node, 1), &out = *plan.output(node, 0);
  float* weights = node.buffers[kWeights].data;
  int32_t* order = reinterpret_cast<int32_t*>(node.buffers[kOrder].data);
  for (int64_t row = 0; row < logits.rows; ++row) {
    TokenSettings settings;
    plan.run_status = read_settings(settings_of(control, row), logits.cols, settings);
    if (plan.run_status != GC_OK) return;
    const RowDraws own(plan, node, row);
    const double u = own.draws.uniform(own.row);
    const int64_t id = draw_token(logits.data + row * logits.ld, logits.cols, settings, u, weights, order);
    if (id < 0) {
      plan.run_status =
          fail(GC_OUT_OF_RANGE,
               "sample: expected finite logits, but row %lld has a NaN or no finite maximum: check the weights",
               static_cast<long long>(row));
      return;
    }
    out.ids[row] = static_cast<int32_t>(id);
  }
}
}  // namespace

const OpDef op_sample = {GC_OP_SAMPLE, "sample", 2, 3, 1, 1, 1, false, false, false, check, prepare, forward, nullptr};
}  // namespace gatecell
