// sigmoid_cross_entropy.cc: K independent yes/no questions per row: [mean over rows of the sum over K of the cross-entropies
// in nats, rows]. Stable for any logit: max(x, 0) - x t + log(1 + exp(-|x|)). Sums run in double, in order.
#include <algorithm>
#include <cmath>

#include "../core/machine.h"
#include "losses.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
constexpr int64_t kChunk = 256;  // columns on the stack

gc_status check(Plan& plan, Node& node) { return check_pair_loss(plan, node, "logits"); }

// One row in pieces of 256: the factors 1 + exp(-|x|) <= 2 are multiplied in double (2^256 at most), so a piece needs one
// logarithm; the product's error is below 256 * 2^-53.
double row_nats(const float* x, const float* t, int64_t n) {
  alignas(64) float e[kChunk];
  double sum = 0;
  for (int64_t first = 0; first < n; first += kChunk) {
    const int64_t count = std::min(kChunk, n - first);
    for (int64_t j = 0; j < count; ++j) e[j] = -std::fabs(x[first + j]);
    kernels().exp(e, e, count);
    double product = 1;
    for (int64_t j = 0; j < count; ++j) {
      const double v = static_cast<double>(x[first + j]);
      product *= 1.0 + static_cast<double>(e[j]);
      sum += (v > 0 ? v : 0) - v * static_cast<double>(t[first + j]);
    }
    sum += std::log(product);
  }
  return sum;
}

void forward(Plan& plan, Node& node) {
  pair_loss(plan, node, 20, static_cast<double>(plan.input(node, 0)->rows), row_nats);
}

// d/dx = sigmoid(x) - t, d/dt = -x, each over the number of rows.
void backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &t = *plan.input(node, 1), &out = *plan.output(node, 0);
  if (!out.grad) return no_gradients(plan, node);
  const float scale = static_cast<float>(static_cast<double>(out.grad[0]) / static_cast<double>(x.rows));
  if (x.grad) {
    for_rows(plan, x, 20, [&](int64_t row) {
      alignas(64) float p[kChunk];
      for (int64_t first = 0; first < x.cols; first += kChunk) {
        const int64_t count = std::min(kChunk, x.cols - first);
        kernels().sigmoid(x.data + row * x.ld + first, p, count);
        const float* target = t.data + row * t.ld + first;
        put(x.grad + row * x.ld + first, count, node.accumulate[0],
            [&](int64_t j) { return (p[j] - target[j]) * scale; });
      }
    });
  }
  if (!t.grad) return;
  for_rows(plan, x, 2, [&](int64_t row) {
    const float* logit = x.data + row * x.ld;
    put(t.grad + row * t.ld, t.cols, node.accumulate[1], [=](int64_t j) { return -logit[j] * scale; });
  });
}
}  // namespace

const OpDef op_sigmoid_cross_entropy = {GC_OP_SIGMOID_CROSS_ENTROPY,
                                        "sigmoid_cross_entropy",
                                        2,
                                        2,
                                        1,
                                        1,
                                        0,
                                        true,
                                        false,
                                        false,
                                        check,
                                        prepare_pair_loss,
                                        forward,
                                        backward};
}  // namespace gatecell
