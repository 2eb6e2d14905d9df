// dropout.cu: each element is zero with probability p, else scaled by 1 / (1 - p) (Srivastava et al. 2014); outside training the
// identity. Locked: one mask for all steps of dimension 0 (Gal and Ghahramani 2016). The mask is the processor's: word e % 4 of
// Philox block e / 4. It is drawn again in the backward pass: that is cheaper here than keeping it.
#include "../../core/philox.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace dropout {
enum { kRate, kLocked, kStream };  // attributes

bool drops(const Node& n) { return n.plan.training && n.attribute(kRate) > 0; }

// to = or += mask(from) * scale, one thread per Philox block of four elements of the mask.
void mask(const Node& n, const float* from, int64_t from_ld, float* to, int64_t to_ld, bool accumulate) {
  const Tensor& x = *n.in(0);
  const double p = n.attribute(kRate);
  const double limit = p * 4294967296.0;
  const uint32_t threshold = static_cast<uint32_t>(limit < 4294967295.0 ? limit : 4294967295.0);
  const float scale = static_cast<float>(1 / (1 - p));
  const uint64_t stream = static_cast<uint64_t>(n.attribute(kStream));
  const int64_t rows = x.rows, columns = x.cols;
  const int64_t masked_rows = n.attribute(kLocked) != 0 ? x.rows / x.dims[0] : x.rows, elements = masked_rows * columns;
  const Control* control = n.plan.control;
  each(n.queue, (elements + 3) / 4, [=] __device__(int64_t block) {
    const Draws draws(control->seed, stream, control->step, Draw::kMask);
    const PhiloxBlock words = draws.block(static_cast<uint64_t>(block));
    for (int i = 0; i < 4 && 4 * block + i < elements; ++i) {
      const int64_t first = (4 * block + i) / columns, j = (4 * block + i) % columns;
      const bool keep = words.word[i] >= threshold;
      for (int64_t row = first; row < rows; row += masked_rows)
        put(to + row * to_ld + j, keep ? from[row * from_ld + j] * scale : 0.0f, accumulate);
    }
  });
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  if (drops(n)) return mask(n, x.data, x.ld, y.data, y.ld, false);
  const float* from = x.data;
  float* to = y.data;
  const int64_t ldx = x.ld, ldy = y.ld;
  each_element(n.queue, x.rows, x.cols,
               [=] __device__(int64_t row, int64_t j) { to[row * ldy + j] = from[row * ldx + j]; });
}

void backward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  if (drops(n) && x.grad && y.grad) return mask(n, y.grad, y.ld, x.grad, x.ld, n.accumulate(0));
  unary_gradient(n, [=] __device__(float d, int64_t, int64_t) { return d; });
}
}  // namespace dropout

const OpDef op_dropout = {GC_OP_DROPOUT, "dropout", nullptr, dropout::forward, dropout::backward};
}  // namespace cuda
}  // namespace gatecell
