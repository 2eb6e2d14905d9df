// reshape.cc: the same elements in row-major order under another shape. A copy, because rows are padded.
#include <algorithm>

#include "move.h"
#include "ops.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  const gc_status status = expect_same_dtype(node, x, out);
  if (status != GC_OK || x.rows * x.cols == out.rows * out.cols) return status;
  return fail(GC_INVALID_SHAPE, "reshape: %s and %s do not hold the same number of elements", x.shape().c_str(),
              out.shape().c_str());
}

// Calls body(element of a, element of b, count) for every strip of elements that are contiguous in both.
template <class F>
void strips(const Tensor& a, const Tensor& b, F body) {
  int64_t row_a = 0, row_b = 0, at_a = 0, at_b = 0;
  while (row_a < a.rows) {
    const int64_t count = std::min(a.cols - at_a, b.cols - at_b);
    body(row_a * a.ld + at_a, row_b * b.ld + at_b, count);
    at_a += count;
    at_b += count;
    if (at_a == a.cols) ++row_a, at_a = 0;
    if (at_b == b.cols) ++row_b, at_b = 0;
  }
}

void forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  strips(x, out, [&](int64_t from, int64_t to, int64_t n) {
    memcpy(out.data + to, x.data + from, static_cast<size_t>(n) * 4);
  });
}

void backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  if (!x.grad) return;
  if (!out.grad) return no_gradient(plan, node, 0);
  strips(x, out,
         [&](int64_t to, int64_t from, int64_t n) { give_back(x.grad + to, out.grad + from, n, node.accumulate[0]); });
}
}  // namespace

const OpDef op_reshape = {GC_OP_RESHAPE, "reshape", 1,     1,     1,       1,       0,
                          false,         false,     false, check, nullptr, forward, backward};
}  // namespace gatecell
