// rows.h: common code of small ops: checks of equal shapes, loops over rows that are split over the team, zeroed gradients.
#pragma once
#include <cstring>

#include "../core/graph.h"

namespace gatecell {

constexpr int64_t kStrip = 64;  // elements of a row that one thread takes at a time

// Checks that the first `inputs` inputs and the result are float32 of one shape.
inline gc_status check_like(Plan& plan, Node& node, size_t inputs) {
  const Tensor& out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, out, "the result", GC_F32);
  for (size_t i = 0; i < inputs && status == GC_OK; ++i) status = expect_same_shape(node, *plan.input(node, i), out);
  return status;
}

// Calls body(row) for every row, with rows split over the team; `cost` is about the flops of one element.
template <class F>
void for_rows(Plan& plan, const Tensor& t, double cost, F body) {
  parallel(plan.team(cost * static_cast<double>(t.rows * t.cols)), [&](int index, int team) {
    const Range mine = share(t.rows, index, team);
    for (int64_t row = mine.begin; row < mine.end; ++row) body(row);
  });
}

// Writes or adds f(j) to `to[j]`.
template <class F>
inline void put(float* to, int64_t n, bool accumulate, F f) {
  if (accumulate) {
    for (int64_t j = 0; j < n; ++j) to[j] += f(j);
  } else {
    for (int64_t j = 0; j < n; ++j) to[j] = f(j);
  }
}

// Sets the gradient of input i, into which nothing flows back, to zero, unless another op has written it.
inline void no_gradient(Plan& plan, const Node& node, size_t i) {
  const Tensor* t = plan.input(node, i);
  if (t && t->grad && !node.accumulate[i]) memset(t->grad, 0, static_cast<size_t>(t->bytes()));
}

// Sets the gradient of one row of input i to zeros, unless gradients are added to it.
inline void no_row_gradient(Plan& plan, const Node& node, size_t i, int64_t row) {
  const Tensor& t = *plan.input(node, i);
  if (!node.accumulate[i]) memset(t.grad + row * t.ld, 0, static_cast<size_t>(t.cols) * 4);
}

inline void no_gradients(Plan& plan, const Node& node) {
  for (size_t i = 0; i < node.in.size(); ++i) no_gradient(plan, node, i);
}

// Returns d * slope, but 0 if d is 0: then the loss does not depend on the element, and `slope` may be NaN.
inline float flow(float d, float slope) { return d == 0 ? 0.0f : d * slope; }

// Computes dx for ops of one input: f(dy row, row) returns the function of j that `put` writes.
template <class F>
void unary_gradient(Plan& plan, Node& node, double cost, F f) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  if (!x.grad) return;
  if (!out.grad) return no_gradient(plan, node, 0);
  const bool accumulate = node.accumulate[0];
  for_rows(plan, out, cost,
           [&](int64_t row) { put(x.grad + row * x.ld, x.cols, accumulate, f(out.grad + row * out.ld, row)); });
}
}  // namespace gatecell
