// embedding.cu: rows of a table chosen by ids. The gradient adds rows in the order of the ids. The row of the padding id gets no gradient.
#include "faults.h"
#include "ops.h"
#include "scatter.h"

namespace gatecell {
namespace cuda {
namespace embedding {
enum { kOrder };  // buffer: positions sorted by id

gc_status prepare(const Node& n) {
  n.ask(order_bytes(n.out(0)->rows), GC_LIFE_BACKWARD);
  return GC_OK;
}

void forward(const Node& n) {
  const Tensor &table = *n.in(0), &ids = *n.in(1), &out = *n.out(0);
  check_ids(n, ids, 0, table.rows - 1, Fault::kId);
  const int32_t* id = reinterpret_cast<const int32_t*>(ids.data);
  const float* from = table.data;
  float* to = out.data;
  const int64_t ldt = table.ld, ldo = out.ld, tokens = table.rows;
  each_element(n.queue, out.rows, out.cols, [=] __device__(int64_t row, int64_t j) {
    to[row * ldo + j] = from[clamp_id(id[row], tokens) * ldt + j];
  });
}

void backward(const Node& n) {
  const Tensor &table = *n.in(0), &ids = *n.in(1), &out = *n.out(0);
  if (!table.grad) return;
  no_gradient(n, 0);  // tokens that do not occur
  if (!out.grad) return;
  const int32_t* id = reinterpret_cast<const int32_t*>(ids.data);
  add_rows(n.queue, Take(table, ids, out, 0), out.grad, id, n.buffer<int32_t>(kOrder), table.grad,
           static_cast<int32_t>(n.attribute(0) - 1));
}
}  // namespace embedding

const OpDef op_embedding = {GC_OP_EMBEDDING, "embedding", embedding::prepare, embedding::forward, embedding::backward};
}  // namespace cuda
}  // namespace gatecell
