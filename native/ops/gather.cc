// gather.cc: gather takes the rows that ids name along one dimension, and scatter_add, its adjoint, adds rows to those that ids name in
// a tensor of zeros. Rows of one id are added in the order of the ids, so that any number of threads gives the same bits.
#include <algorithm>
#include <cstring>

#include "../core/graph.h"
#include "../core/take.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
// `table` has the dimension that the ids count, `rows` the dimensions of the ids in its place.
gc_status check_take(Node& node, const Tensor& table, const Tensor& ids, const Tensor& rows) {
  gc_status status = expect_dtype(node, ids, "ids", GC_I32);
  if (status == GC_OK) status = expect_dtype(node, table, "float tensors", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, rows, "float tensors", GC_F32);
  if (status != GC_OK) return status;
  const double axis = node.attributes[0];
  if (!is_integer(axis, 0, table.rank - 1))
    return fail(GC_INVALID_ARGUMENT, "%s: expected a dimension below %d, got %g", node.op->name, table.rank, axis);
  const int at = static_cast<int>(axis);
  bool fits = rows.rank == table.rank - 1 + ids.rank;
  for (int d = 0; d < rows.rank && fits; ++d)
    fits = rows.dims[d] == (d < at              ? table.dims[d]
                            : d < at + ids.rank ? ids.dims[d - at]
                                                : table.dims[d - ids.rank + 1]);
  if (fits) return GC_OK;
  return fail(GC_INVALID_SHAPE, "%s: ids %s along dimension %d of %s do not give %s", node.op->name,
              ids.shape().c_str(), at, table.shape().c_str(), rows.shape().c_str());
}

int axis_of(const Node& node) { return static_cast<int>(node.attributes[0]); }

// Fails the run and returns false if an id is outside of the dimension.
bool check_ids(Plan& plan, const Node& node, const Tensor& ids, int64_t size) {
  for (int64_t i = 0; i < ids.rows * ids.cols; ++i) {
    if (ids.ids[i] >= 0 && ids.ids[i] < size) continue;
    plan.run_status = fail(GC_OUT_OF_RANGE, "%s: expected ids from 0 to %lld, got %d at position %lld", node.op->name,
                           static_cast<long long>(size - 1), ids.ids[i], static_cast<long long>(i));
    return false;
  }
  return true;
}

// rows = or += those of `table` that the ids name.
void take_rows(Plan& plan, const Take& t, const float* table, const int32_t* ids, float* rows, bool accumulate) {
  const int64_t strips = (t.inner + kStrip - 1) / kStrip;
  parallel(plan.team(2.0 * static_cast<double>(t.outer * t.count * t.inner)), [&](int index, int team) {
    const Range mine = share(t.outer * t.count * strips, index, team);
    for (int64_t unit = mine.begin; unit < mine.end; ++unit) {
      const int64_t at = unit / strips % t.count, o = unit / strips / t.count, begin = unit % strips * kStrip;
      const int64_t end = std::min(begin + kStrip, t.inner);
      for (int64_t i = begin; i < end;) {  // a strip may lie in several rows of memory
        const float* from = table + t.in_table(o, ids[at], i);
        const int64_t n = std::min(end - i, t.rows_cols - i % t.rows_cols);
        put(rows + t.in_rows(o, at, i), n, accumulate, [=](int64_t j) { return from[j]; });
        i += n;
      }
    }
  });
}

// table = or += for every id the sum of its rows. A thread has some elements of all rows of the table.
void add_rows(Plan& plan, const Take& t, const float* rows, const int32_t* ids, float* table, bool accumulate) {
  const int64_t strips = (t.inner + kStrip - 1) / kStrip;
  parallel(plan.team(2.0 * static_cast<double>(t.outer * (t.count + t.size) * t.inner)), [&](int index, int team) {
    const Range mine = share(t.outer * strips, index, team);
    for (int64_t unit = mine.begin; unit < mine.end; ++unit) {
      const int64_t o = unit / strips, begin = unit % strips * kStrip;
      const int64_t end = std::min(begin + kStrip, t.inner);
      for (int64_t i = begin; i < end;) {
        const int64_t n = std::min(end - i, t.table_cols - i % t.table_cols);
        for (int64_t id = 0; id < t.size && !accumulate; ++id)
          memset(table + t.in_table(o, id, i), 0, static_cast<size_t>(n) * 4);
        for (int64_t at = 0; at < t.count; ++at) {
          const float* from = rows + t.in_rows(o, at, i);
          float* to = table + t.in_table(o, ids[at], i);
          for (int64_t j = 0; j < n; ++j) to[j] += from[j];
        }
        i += n;
      }
    }
  });
}

gc_status check_gather(Plan& plan, Node& node) {
  return check_take(node, *plan.input(node, 0), *plan.input(node, 1), *plan.output(node, 0));
}

void gather_forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &ids = *plan.input(node, 1), &out = *plan.output(node, 0);
  const Take t(x, ids, out, axis_of(node));
  if (check_ids(plan, node, ids, t.size)) take_rows(plan, t, x.data, ids.ids, out.data, false);
}

void gather_backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &ids = *plan.input(node, 1), &out = *plan.output(node, 0);
  if (!x.grad) return;
  if (!out.grad) return no_gradient(plan, node, 0);
  add_rows(plan, Take(x, ids, out, axis_of(node)), out.grad, ids.ids, x.grad, node.accumulate[0]);
}

gc_status check_scatter(Plan& plan, Node& node) {
  return check_take(node, *plan.output(node, 0), *plan.input(node, 1), *plan.input(node, 0));
}

void scatter_forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &ids = *plan.input(node, 1), &out = *plan.output(node, 0);
  const Take t(out, ids, x, axis_of(node));
  if (check_ids(plan, node, ids, t.size)) add_rows(plan, t, x.data, ids.ids, out.data, false);
}

void scatter_backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &ids = *plan.input(node, 1), &out = *plan.output(node, 0);
  if (!x.grad) return;
  if (!out.grad) return no_gradient(plan, node, 0);
  take_rows(plan, Take(out, ids, x, axis_of(node)), out.grad, ids.ids, x.grad, node.accumulate[0]);
}
}  // namespace

const OpDef op_gather = {GC_OP_GATHER,   "gather",       2, 2, 1, 1, 1, true, false, false, check_gather, nullptr,
                         gather_forward, gather_backward};
const OpDef op_scatter_add = {
    GC_OP_SCATTER_ADD, "scatter_add",   2, 2, 1, 1, 1, true, false, false, check_scatter, nullptr,
    scatter_forward,   scatter_backward};
}  // namespace gatecell
