// draws.h: the common part of the ops that draw. A draw is a function of (seed; stream, step, row), with the seed and step of the plan;
// with a table of rows, of (seed; stream, step) of the row, so that it does not depend on the other rows of the batch.
#pragma once
#include "../core/graph.h"
#include "../core/philox.h"

namespace gatecell {

inline gc_status check_stream(const Node& node, double stream) {
  if (is_integer(stream, 0, 4294967295.0)) return GC_OK;
  return fail(GC_INVALID_ARGUMENT, "%s: expected an integer stream below 2^32, got %g", node.op->name, stream);
}

// Checks the tensors of an op that draws: the rows from which it draws (`what`, float32), control f32 [4], a result of `dtype`, and a stream
// as the only attribute. With a third input, i32 [rows, 4] (see draws_of_row), control may also be [rows, 4].
inline gc_status check_draw(Plan& plan, Node& node, const char* what, gc_dtype dtype) {
  const Tensor& control = *plan.input(node, 1);
  const Tensor* table = plan.input(node, 2);
  const int64_t rows = plan.input(node, 0)->rows;
  gc_status status = expect_dtype(node, *plan.input(node, 0), what, GC_F32);
  if (status == GC_OK) status = expect_dtype(node, control, "control", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, *plan.output(node, 0), "the result", dtype);
  if (status == GC_OK && table) status = expect_dtype(node, *table, "the table of rows", GC_I32);
  if (status == GC_OK && table) status = expect_shape(plan, node, *table, "the table of rows", {rows, 4});
  if (status == GC_OK && table && control.rank == 2) status = expect_shape(plan, node, control, "control", {rows, 4});
  else if (status == GC_OK) status = expect_shape(plan, node, control, "control", {4});
  return status == GC_OK ? check_stream(node, node.attributes[0]) : status;
}

// Returns the settings of a row: those of all rows, or its own.
inline const float* settings_of(const Tensor& control, int64_t row) {
  return control.data + (control.rank == 2 ? row * control.ld : 0);
}

// The draws of a row, and the row's number in them.
struct RowDraws {
  Draws draws;
  uint64_t row;
  RowDraws(Plan& plan, const Node& node, int64_t number)
      : draws(plan.seed(), static_cast<uint64_t>(node.attributes[0]), plan.step(), Draw::kSample),
        row(static_cast<uint64_t>(number)) {
    const Tensor* table = plan.input(node, 2);
    if (!table) return;
    draws = draws_of_row(table->ids + number * table->ld, static_cast<uint64_t>(node.attributes[0]), Draw::kSample);
    row = 0;
  }
};
}  // namespace gatecell
