// slice.cc: a range of one dimension; its length is the result's. The gradient outside the range is zero.

#include "move.h"
#include "ops.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  gc_status status = expect_same_dtype(node, x, out);
  if (status != GC_OK) return status;
  const double dim = node.attributes[0], begin = node.attributes[1];
  if (!is_integer(dim, 0, x.rank - 1))
    return fail(GC_INVALID_ARGUMENT, "slice: expected a dimension from 0 to %d, got %g", x.rank - 1, dim);
  const int d = static_cast<int>(dim);
  if (!is_integer(begin, 0, static_cast<double>(x.dims[d] - out.dims[d])))
    return fail(GC_INVALID_ARGUMENT, "slice: a range of %lld from %g does not lie in dimension %d of %s",
                static_cast<long long>(out.dims[d]), begin, d, x.shape().c_str());
  bool fits = x.rank == out.rank;
  for (int i = 0; i < x.rank && fits; ++i) fits = i == d || x.dims[i] == out.dims[i];
  return fits ? GC_OK : fail(GC_INVALID_SHAPE, "slice: %s does not give %s", x.shape().c_str(), out.shape().c_str());
}

// The row of x that row `row` of the result is taken from, and the column where the range begins.
struct Source {
  int64_t outer_out, outer_in, offset, column;
  Source(const Tensor& x, const Tensor& out, const Node& node) : offset(0), column(0) {
    const int d = static_cast<int>(node.attributes[0]);
    const int64_t begin = static_cast<int64_t>(node.attributes[1]);
    if (d == x.rank - 1) {
      outer_out = outer_in = 1;
      column = begin;
      return;
    }
    int64_t inner = 1;
    for (int i = d + 1; i < x.rank - 1; ++i) inner *= x.dims[i];
    outer_out = out.dims[d] * inner;
    outer_in = x.dims[d] * inner;
    offset = begin * inner;
  }
  int64_t row(int64_t r) const { return r / outer_out * outer_in + offset + r % outer_out; }
};

void forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  const Source source(x, out, node);
  for_rows(plan, out, 1, [&](int64_t r) {
    memcpy(out.data + r * out.ld, x.data + source.row(r) * x.ld + source.column, static_cast<size_t>(out.cols) * 4);
  });
}

void backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  if (!x.grad) return;
  no_gradient(plan, node, 0);  // zero wherever the range is not
  if (!out.grad) return;
  const Source source(x, out, node);
  for_rows(plan, out, 1, [&](int64_t r) {
    give_back(x.grad + source.row(r) * x.ld + source.column, out.grad + r * out.ld, out.cols, node.accumulate[0]);
  });
}
}  // namespace

const OpDef op_slice = {GC_OP_SLICE, "slice", 1, 1, 1, 1, 2, false, false, false, check, nullptr, forward, backward};
}  // namespace gatecell
