// sigmoid_cross_entropy.cu: K independent yes/no questions per row: [mean over rows of the sum over K of the cross-entropies in
// nats, rows]. Stable for any logit: max(x, 0) - x t + log(1 + exp(-|x|)). Sums in double.
#include "losses.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace sigmoid_cross_entropy {

double rows_of(const Node& n) { return static_cast<double>(n.in(0)->rows); }

void forward(const Node& n) {
  pair_loss(n, rows_of(n), [] __device__(float logit, float target) {
    const double x = static_cast<double>(logit);
    return (x > 0 ? x : 0) - x * static_cast<double>(target) + log1p(static_cast<double>(v_exp(-fabsf(logit))));
  });
}

// d/dx = sigmoid(x) - t, d/dt = -x, each over the number of rows.
void backward(const Node& n) {
  pair_loss_gradient(n, 1, rows_of(n), [] __device__(int32_t i, float logit, float target) {
    return i == 0 ? v_sigmoid(logit) - target : -logit;
  });
}
}  // namespace sigmoid_cross_entropy

const OpDef op_sigmoid_cross_entropy = {GC_OP_SIGMOID_CROSS_ENTROPY, "sigmoid_cross_entropy", prepare_pair_loss,
                                        sigmoid_cross_entropy::forward, sigmoid_cross_entropy::backward};
}  // namespace cuda
}  // namespace gatecell
