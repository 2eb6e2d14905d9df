// rearrange.cu: permuted dimensions, padding with a constant, and patches of a convolution, an element a thread. The gradient of an element
// of x is the sum over the patches that contain it, in the order of the kernels' elements, as on the processor.
#include "../../core/rearrange.h"

#include "ops.h"

namespace gatecell {
namespace cuda {
namespace rearrange {

Rearrange places_of(const Node& n) { return Rearrange(*n.in(0), *n.out(0), n.node.attributes); }

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const Rearrange r = places_of(n);
  const int64_t positions = r.positions[r.last], before = r.before[r.last], size = r.size[r.last],
                step = r.x_step[r.last], ldy = y.ld;
  const float* from = x.data;
  float* to = y.data;
  each_element(n.queue, y.rows, y.cols, [=] __device__(int64_t row, int64_t j) {
    const int64_t place = r.source(row, j / positions), at = j % positions - before;
    to[row * ldy + j] = place < 0 || at < 0 || at >= size ? r.constant : from[place + at * step];
  });
}

void backward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  if (!x.grad) return;
  if (!y.grad) return no_gradient(n, 0);
  const Rearrange r = places_of(n);
  const float* from = y.grad;
  float* to = x.grad;
  const int64_t ldx = x.ld;
  const bool accumulate = n.accumulate(0);
  each_element(n.queue, x.rows, x.cols, [=] __device__(int64_t row, int64_t j) {
    int64_t at[4] = {};
    at[r.rank - 1] = j;
    int64_t rest = row;
    for (int a = r.rank - 2; a >= 0; --a) at[a] = rest % r.size[a], rest /= r.size[a];
    const int64_t position = at[r.last] + r.before[r.last];
    float sum = accumulate ? to[row * ldx + j] : 0.0f;
    for (int64_t patch = 0; patch < r.patches && position < r.positions[r.last]; ++patch) {
      const int64_t place = r.target_of(at, patch);
      if (place >= 0) sum += from[place + position];
    }
    to[row * ldx + j] = sum;
  });
}
}  // namespace rearrange

const OpDef op_rearrange = {GC_OP_REARRANGE, "rearrange", nullptr, rearrange::forward, rearrange::backward};
}  // namespace cuda
}  // namespace gatecell
