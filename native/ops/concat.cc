// concat.cc: tensors that differ in one dimension, joined along it.

#include "move.h"
#include "ops.h"

namespace gatecell {
namespace {
constexpr int kMaxParts = 1 << 16;

int axis_of(const Node& node, const Tensor& out) { return out.rank - 1 - static_cast<int>(node.attributes[0]); }

gc_status check(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  const double after = node.attributes[0];
  if (!is_integer(after, 0, out.rank - 1))
    return fail(GC_INVALID_ARGUMENT, "concat: expected less than %d dimensions after the joined one, got %g", out.rank,
                after);
  const int axis = axis_of(node, out);
  int64_t total = 0;
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor* part = plan.input(node, i);
    if (!part) return fail(GC_INVALID_ARGUMENT, "concat: part %zu is absent", i);
    const gc_status status = expect_same_dtype(node, *part, out);
    if (status != GC_OK) return status;
    bool fits = part->rank == out.rank;
    for (int d = 0; d < out.rank && fits; ++d) fits = d == axis || part->dims[d] == out.dims[d];
    if (!fits)
      return fail(GC_INVALID_SHAPE, "concat: part %zu of shape %s does not fit %s", i, part->shape().c_str(),
                  out.shape().c_str());
    total += part->dims[axis];
  }
  if (total == out.dims[axis]) return GC_OK;
  return fail(GC_INVALID_SHAPE, "concat: parts have %lld elements together along dimension %d, the result %lld",
              static_cast<long long>(total), axis, static_cast<long long>(out.dims[axis]));
}

// Calls copy(i, row of part i, row of the result, column where the part begins) for each row of each part, rows of a part split over
// the team.
template <class F>
void each_part_row(Plan& plan, Node& node, F copy) {
  const Tensor& out = *plan.output(node, 0);
  const int axis = axis_of(node, out);
  const bool joins_columns = axis == out.rank - 1;
  int64_t inner = 1, begin = 0;  // rows of one index of the joined dimension
  for (int d = axis + 1; d + 1 < out.rank; ++d) inner *= out.dims[d];
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor& part = *plan.input(node, i);
    const int64_t own = part.dims[axis] * inner, whole = out.dims[axis] * inner, first = begin * inner;
    for_rows(plan, part, 1, [&](int64_t row) {
      if (joins_columns) copy(i, row, row, begin);
      else copy(i, row, row / own * whole + first + row % own, 0);
    });
    begin += part.dims[axis];
  }
}

void forward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  each_part_row(plan, node, [&](size_t i, int64_t row, int64_t to, int64_t column) {
    const Tensor& part = *plan.input(node, i);
    memcpy(out.data + to * out.ld + column, part.data + row * part.ld, static_cast<size_t>(part.cols) * 4);
  });
}

void backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  if (!out.grad) return no_gradients(plan, node);
  each_part_row(plan, node, [&](size_t i, int64_t row, int64_t from, int64_t column) {
    const Tensor& part = *plan.input(node, i);
    if (part.grad)
      give_back(part.grad + row * part.ld, out.grad + from * out.ld + column, part.cols, node.accumulate[i]);
  });
}
}  // namespace

const OpDef op_concat = {GC_OP_CONCAT, "concat", 1,     kMaxParts, 1,       1,        0, false,
                         false,        false,    check, nullptr,   forward, backward, 1};
}  // namespace gatecell
