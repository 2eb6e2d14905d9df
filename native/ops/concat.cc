// concat.cc: tensors that differ only in the last dimension, joined along it.
#include "move.h"
#include "ops.h"

namespace gatecell {
namespace {
constexpr int kMaxParts = 1 << 16;

gc_status check(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  int64_t total = 0;
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor* part = plan.input(node, i);
    if (!part) return fail(GC_INVALID_ARGUMENT, "concat: part %zu is absent", i);
    const gc_status status = expect_same_dtype(node, *part, out);
    if (status != GC_OK) return status;
    bool fits = part->rank == out.rank;
    for (int d = 0; d + 1 < out.rank && fits; ++d) fits = part->dims[d] == out.dims[d];
    if (!fits)
      return fail(GC_INVALID_SHAPE, "concat: part %zu of shape %s does not fit %s", i, part->shape().c_str(),
                  out.shape().c_str());
    total += part->cols;
  }
  if (total == out.cols) return GC_OK;
  return fail(GC_INVALID_SHAPE, "concat: parts have %lld columns together, the result %lld",
              static_cast<long long>(total), static_cast<long long>(out.cols));
}

void forward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  for_rows(plan, out, 1, [&](int64_t row) {
    float* to = out.data + row * out.ld;
    for (int id : node.in) {
      const Tensor& part = plan.tensors[id];
      memcpy(to, part.data + row * part.ld, static_cast<size_t>(part.cols) * 4);
      to += part.cols;
    }
  });
}

void backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  if (!out.grad) return no_gradients(plan, node);
  for_rows(plan, out, 1, [&](int64_t row) {
    const float* from = out.grad + row * out.ld;
    for (size_t i = 0; i < node.in.size(); ++i) {
      const Tensor& part = *plan.input(node, i);
      if (part.grad) give_back(part.grad + row * part.ld, from, part.cols, node.accumulate[i]);
      from += part.cols;
    }
  });
}
}  // namespace

const OpDef op_concat = {GC_OP_CONCAT, "concat", 1,     kMaxParts, 1,       1,       0,
                         false,        false,    false, check,     nullptr, forward, backward};
}  // namespace gatecell
