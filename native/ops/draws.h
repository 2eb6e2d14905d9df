// draws.h: what the ops that draw share: a draw is a function of (seed; stream, step, row).
#pragma once
#include <cmath>

#include "../core/graph.h"

namespace gatecell {

inline gc_status check_stream(const Node& node, double stream) {
  if (stream >= 0 && stream < 4294967296.0 && stream == std::floor(stream)) return GC_OK;
  return fail(GC_INVALID_ARGUMENT, "%s: expected an integer stream below 2^32, got %g", node.op->name, stream);
}

// Rows to draw from (`what`, float32), control f32 [4], a result of `dtype`, and a stream as the only attribute.
inline gc_status check_draw(Plan& plan, Node& node, const char* what, gc_dtype dtype) {
  const Tensor& control = *plan.input(node, 1);
  gc_status status = expect_dtype(node, *plan.input(node, 0), what, GC_F32);
  if (status == GC_OK) status = expect_dtype(node, control, "control", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, *plan.output(node, 0), "the result", dtype);
  if (status == GC_OK) status = expect_shape(plan, node, control, "control", {4});
  return status == GC_OK ? check_stream(node, node.attributes[0]) : status;
}
}  // namespace gatecell
