// mean_square.cu: [mean of (x - y)^2, number of elements]; sums in double.
#include "losses.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace mean_square {

double elements_of(const Node& n) { return static_cast<double>(n.in(0)->rows * n.in(0)->cols); }

void forward(const Node& n) {
  pair_loss(n, elements_of(n), [] __device__(float x, float y) {
    const double d = static_cast<double>(x) - static_cast<double>(y);
    return d * d;
  });
}

void backward(const Node& n) {
  pair_loss_gradient(n, 2, elements_of(n),
                     [] __device__(int32_t i, float x, float y) { return i == 0 ? x - y : y - x; });
}
}  // namespace mean_square

const OpDef op_mean_square = {GC_OP_MEAN_SQUARE, "mean_square", prepare_pair_loss, mean_square::forward,
                              mean_square::backward};
}  // namespace cuda
}  // namespace gatecell
