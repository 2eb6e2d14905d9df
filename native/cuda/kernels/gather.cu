// gather.cu: gather takes the rows that ids name along one dimension, and scatter_add, its adjoint, adds rows to those that ids name in a
// tensor of zeros. Rows of one id are added in the order of the ids, as on the processor.
#include "faults.h"
#include "ops.h"
#include "scatter.h"

namespace gatecell {
namespace cuda {
namespace gather {
enum { kOrder };  // buffer: positions of the ids sorted by id

int axis_of(const Node& n) { return static_cast<int>(n.attribute(0)); }
const int32_t* ids_of(const Node& n) { return reinterpret_cast<const int32_t*>(n.in(1)->data); }
int64_t count_of(const Tensor& ids) { return ids.rows * ids.cols; }

// Computes rows = or += those of the table that the ids name.
void take_rows(const Node& n, const Take& t, const float* table, float* rows, bool accumulate) {
  const int32_t* ids = ids_of(n);
  each(n.queue, t.outer * t.count * t.inner, [=] __device__(int64_t element) {
    const int64_t i = element % t.inner, at = element / t.inner % t.count, o = element / t.inner / t.count;
    put(rows + t.in_rows(o, at, i), table[t.in_table(o, clamp_id(ids[at], t.size), i)], accumulate);
  });
}

gc_status prepare(const Node& n) {
  n.ask(order_bytes(count_of(*n.in(1))), GC_LIFE_BACKWARD);
  n.why("gradients of one id are added in the order of the ids");
  return GC_OK;
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &ids = *n.in(1), &y = *n.out(0);
  const Take take(x, ids, y, axis_of(n));
  check_ids(n, ids, 0, take.size - 1, Fault::kId);
  take_rows(n, take, x.data, y.data, false);
}

void backward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  if (!x.grad) return;
  no_gradient(n, 0);  // rows that no id names
  if (!y.grad) return;
  add_rows(n.queue, Take(x, *n.in(1), y, axis_of(n)), y.grad, ids_of(n), n.buffer<int32_t>(kOrder), x.grad);
}

gc_status prepare_scatter(const Node& n) {
  n.ask(order_bytes(count_of(*n.in(1))), GC_LIFE_FORWARD);
  n.why("rows of one id are added in the order of the ids");
  return GC_OK;
}

void scatter_forward(const Node& n) {
  const Tensor &x = *n.in(0), &ids = *n.in(1), &y = *n.out(0);
  const Take take(y, ids, x, axis_of(n));
  check_ids(n, ids, 0, take.size - 1, Fault::kId);
  n.queue.zero(y.data, y.rows * y.ld * 4);
  add_rows(n.queue, take, x.data, ids_of(n), n.buffer<int32_t>(kOrder), y.data);
}

void scatter_backward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  if (!x.grad) return;
  if (!y.grad) return no_gradient(n, 0);
  take_rows(n, Take(y, *n.in(1), x, axis_of(n)), y.grad, x.grad, n.accumulate(0));
}
}  // namespace gather

const OpDef op_gather = {GC_OP_GATHER, "gather", gather::prepare, gather::forward, gather::backward};
const OpDef op_scatter_add = {GC_OP_SCATTER_ADD, "scatter_add", gather::prepare_scatter, gather::scatter_forward,
                              gather::scatter_backward};
}  // namespace cuda
}  // namespace gatecell
