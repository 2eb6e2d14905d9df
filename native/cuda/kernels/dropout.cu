// dropout.cu: each element is zero with probability p, else scaled by 1 / (1 - p) (Srivastava et al. 2014); outside training the
// identity. Locked: one mask for all steps of dimension 0 (Gal and Ghahramani 2016). The mask is the processor's: word e % 4 of
// Philox block e / 4. The backward pass draws it again, which is cheaper here than storing it.
#include "../../core/philox.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace dropout {
enum { kRate, kVariational, kStream };  // attributes

bool drops(const Node& n) { return n.plan.training && n.attribute(kRate) > 0; }

// Rows of a tensor, `last` one past the last.
struct Range {
  int64_t first, last;
};

// Computes to = or += mask(from) * scale, with one thread per Philox block of four elements of the mask.
void mask(const Node& n, const float* from, int64_t from_ld, float* to, int64_t to_ld, bool accumulate, Range range) {
  const Tensor& x = *n.in(0);
  const double p = n.attribute(kRate);
  const double limit = p * 4294967296.0;
  const uint32_t threshold = static_cast<uint32_t>(limit < 4294967295.0 ? limit : 4294967295.0);
  const float scale = static_cast<float>(1 / (1 - p));
  const uint64_t stream = static_cast<uint64_t>(n.attribute(kStream));
  const bool variational = n.attribute(kVariational) != 0;
  const int64_t columns = x.cols, masked_rows = variational ? x.rows / x.dims[0] : x.rows;
  const int64_t elements = (variational ? masked_rows : range.last) * columns;
  const int64_t first_block = variational ? 0 : range.first * columns / 4;
  const Control* control = n.plan.control;
  each(n.queue, (elements + 3) / 4 - first_block, [=] __device__(int64_t at) {
    const int64_t block = first_block + at;
    const Draws draws(control->seed, stream, control->step, Draw::kMask);
    const PhiloxBlock words = draws.block(static_cast<uint64_t>(block));
    for (int i = 0; i < 4 && 4 * block + i < elements; ++i) {
      const int64_t masked = (4 * block + i) / columns, j = (4 * block + i) % columns;
      const int64_t skipped = masked < range.first ? (range.first - masked + masked_rows - 1) / masked_rows : 0;
      const bool keep = words.word[i] >= threshold;
      for (int64_t row = masked + skipped * masked_rows; row < range.last; row += masked_rows)
        put(to + row * to_ld + j, keep ? from[row * from_ld + j] * scale : 0.0f, accumulate);
    }
  });
}

void copy(const Node& n, const float* from, int64_t from_ld, float* to, int64_t to_ld, bool accumulate, Range range) {
  each_element(n.queue, range.last - range.first, n.in(0)->cols, [=] __device__(int64_t i, int64_t j) {
    const int64_t row = range.first + i;
    put(to + row * to_ld + j, from[row * from_ld + j], accumulate);
  });
}

void forward(const Node& n) { dropout_forward(n, 0, n.in(0)->rows); }
void backward(const Node& n) { dropout_backward(n, 0, n.in(0)->rows); }
}  // namespace dropout

void dropout_forward(const Node& n, int64_t first, int64_t last) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const auto way = dropout::drops(n) ? dropout::mask : dropout::copy;
  way(n, x.data, x.ld, y.data, y.ld, false, {first, last});
}

void dropout_backward(const Node& n, int64_t first, int64_t last) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  if (!x.grad) return;
  if (!y.grad) return no_gradient(n, 0);
  const auto way = dropout::drops(n) ? dropout::mask : dropout::copy;
  way(n, y.grad, y.ld, x.grad, x.ld, n.accumulate(0), {first, last});
}

const OpDef op_dropout = {GC_OP_DROPOUT, "dropout", nullptr, dropout::forward, dropout::backward};
}  // namespace cuda
}  // namespace gatecell
