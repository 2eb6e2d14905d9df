// mixture_sample.cc: one pen point (dx, dy, end of stroke) per row, drawn from the mixture that the row describes (mixture.h). A bias
// b >= 0 makes neat writing: deviations become exp(sigma^ - b), mixture logits pi^ (1 + b) (Graves 2013, equations 61 and 62). The draw
// is a function of (seed; stream, step, row). No gradient.
#include <cmath>

#include "../core/philox.h"
#include "mixture.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) {
  const Tensor &y = *plan.input(node, 0), &control = *plan.input(node, 1), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, y, "the outputs", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, control, "control", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status == GC_OK) status = expect_shape(plan, node, control, "control", {4});
  if (status != GC_OK) return status;
  const double stream = node.attributes[0];
  if (!(stream >= 0 && stream < 4294967296.0 && stream == std::floor(stream)))
    return fail(GC_INVALID_ARGUMENT, "mixture_sample: expected an integer stream below 2^32, got %g", stream);
  bool fits = y.cols >= 7 && y.cols % 6 == 1 && out.cols == 3 && out.rank == y.rank;
  for (int d = 0; d + 1 < y.rank && fits; ++d) fits = out.dims[d] == y.dims[d];
  return fits ? GC_OK
              : fail(GC_INVALID_SHAPE, "mixture_sample: expected outputs [..., 6M+1] and [..., 3], got %s and %s",
                     y.shape().c_str(), out.shape().c_str());
}

// The Gaussian at which the running sum of exp(pi^ (1 + b)) passes u of the whole; -1 where a logit is not finite.
int64_t pick(const MixtureRow& y, double bias, double u) {
  double top = -HUGE_VAL, mass = 0, sum = 0;
  for (int64_t j = 0; j < y.M; ++j) top = y.pi(j) > top ? y.pi(j) : top;
  for (int64_t j = 0; j < y.M; ++j) mass += std::exp((y.pi(j) - top) * (1 + bias));
  int64_t last = -1;
  if (!std::isfinite(mass)) return last;
  for (int64_t j = 0; j < y.M; ++j) {
    const double p = std::exp((y.pi(j) - top) * (1 + bias));
    if (!(p > 0)) continue;  // one without weight is never drawn
    last = j;
    sum += p;
    if (sum > u * mass) break;
  }
  return last;
}

// Four uniform numbers: the Gaussian, the end, and two for a pair of normals (Box and Muller 1958).
void draw(const MixtureRow& y, double bias, const Draws& draws, uint64_t row, float* point) {
  const int64_t j = pick(y, bias, draws.uniform(4 * row));
  point[0] = NAN;
  if (j < 0) return;
  const double length = std::sqrt(-2 * std::log(1 - draws.uniform(4 * row + 2))),
               angle = 6.283185307179586 * draws.uniform(4 * row + 3);
  const double n1 = length * std::cos(angle), n2 = length * std::sin(angle), rho = std::tanh(y.rho(j));
  point[0] = static_cast<float>(y.mu1(j) + std::exp(y.sigma1(j) - bias) * n1);
  point[1] = static_cast<float>(y.mu2(j) + std::exp(y.sigma2(j) - bias) * (rho * n1 + n2 / std::cosh(y.rho(j))));
  point[2] = draws.uniform(4 * row + 1) < 1 / (1 + std::exp(-y.end())) ? 1.0f : 0.0f;
}

// Rows in turn on the calling thread: a refusal's sentence belongs to it, and rows are few.
void forward(Plan& plan, Node& node) {
  const Tensor &y = *plan.input(node, 0), &control = *plan.input(node, 1), &out = *plan.output(node, 0);
  const double bias = static_cast<double>(control.data[0]);
  if (!(bias >= 0 && bias <= 1e6)) {
    plan.run_status = fail(GC_INVALID_ARGUMENT, "mixture_sample: expected a bias from 0 to 1e6, got %g", bias);
    return;
  }
  const Draws draws(plan.seed(), static_cast<uint64_t>(node.attributes[0]), plan.step(), Draw::kSample);
  for (int64_t row = 0; row < y.rows; ++row) {
    float* point = out.data + row * out.ld;
    draw({y.data + row * y.ld, (y.cols - 1) / 6}, bias, draws, static_cast<uint64_t>(row), point);
    if (std::isfinite(point[0]) && std::isfinite(point[1]) && std::isfinite(y.data[row * y.ld])) continue;
    plan.run_status = fail(GC_OUT_OF_RANGE, "mixture_sample: expected finite outputs, but row %lld gives no point",
                           static_cast<long long>(row));
    return;
  }
}
}  // namespace

const OpDef op_mixture_sample = {
    GC_OP_MIXTURE_SAMPLE, "mixture_sample", 2, 2, 1, 1, 1, false, false, false, check, nullptr, forward, nullptr};
}  // namespace gatecell
