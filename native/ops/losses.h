// losses.h: the common part of losses of pairs: sums over the elements of two matrices of one shape, in double, in order of the rows.
#pragma once
#include "ops.h"
#include "rows.h"

namespace gatecell {

// Checks inputs x (named `what`) and t, float32 of one shape, and the result [2].
inline gc_status check_pair_loss(Plan& plan, Node& node, const char* what) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, x, what, GC_F32);
  if (status == GC_OK) status = expect_same_shape(node, x, *plan.input(node, 1));
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status == GC_OK) status = expect_shape(plan, node, out, "the result", {2});
  return status;
}

// Asks for the buffer of pair_loss, which is for the sum of each row.
inline void prepare_pair_loss(Plan& plan, Node& node) {
  node.buffers.push_back({plan.input(node, 0)->rows * 8, Life::kForward});
}

// Computes [sum of row_sum(x row, t row, columns) / over, over]; `cost` is about the flops of one element.
template <class F>
void pair_loss(Plan& plan, Node& node, double cost, double over, F row_sum) {
  const Tensor &x = *plan.input(node, 0), &t = *plan.input(node, 1), &out = *plan.output(node, 0);
  double* sums = reinterpret_cast<double*>(node.buffers[0].data);
  for_rows(plan, x, cost, [&](int64_t row) { sums[row] = row_sum(x.data + row * x.ld, t.data + row * t.ld, x.cols); });
  double total = 0;
  for (int64_t row = 0; row < x.rows; ++row) total += sums[row];
  out.data[0] = static_cast<float>(total / over);
  out.data[1] = static_cast<float>(over);
}
}  // namespace gatecell
