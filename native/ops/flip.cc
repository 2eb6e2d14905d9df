// flip.cc: the tensor reversed along dimension 0 (time).
#include "move.h"
#include "ops.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  const gc_status status = expect_same_dtype(node, x, out);
  return status != GC_OK ? status : expect_same_shape(node, x, out);
}

int64_t mirrored(const Tensor& t, int64_t row) {
  const int64_t inner = t.rows / t.dims[0];
  return (t.dims[0] - 1 - row / inner) * inner + row % inner;
}

void forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  if (x.rank == 1) {
    for (int64_t j = 0; j < x.cols; ++j) memcpy(out.data + j, x.data + x.cols - 1 - j, 4);  // ids and floats alike
    return;
  }
  for_rows(plan, out, 1, [&](int64_t row) {
    memcpy(out.data + row * out.ld, x.data + mirrored(x, row) * x.ld, static_cast<size_t>(x.cols) * 4);
  });
}

void backward(Plan& plan, Node& node) {
  const Tensor& x = *plan.input(node, 0);
  const float* d = plan.output(node, 0)->grad;
  const int64_t ld = plan.output(node, 0)->ld;
  const bool reversed_row = x.rank == 1;
  unary_gradient(plan, node, 1, [&](const float*, int64_t row) {
    const float* from = reversed_row ? d + x.cols - 1 : d + mirrored(x, row) * ld;
    const int64_t step = reversed_row ? -1 : 1;
    return [=](int64_t j) { return from[j * step]; };
  });
}
}  // namespace

const OpDef op_flip = {GC_OP_FLIP, "flip", 1, 1, 1, 1, 0, false, false, false, check, nullptr, forward, backward};
}  // namespace gatecell
