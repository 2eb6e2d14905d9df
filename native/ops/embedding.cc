// embedding.cc: rows of a table chosen by ids. The gradient adds rows in the order of the ids, so it is the same for any team.
// The row of the padding id, if there is one, gets no gradient (padding_idx of torch.nn.Embedding).
#include <cstring>

#include "../core/graph.h"
#include "../core/machine.h"
#include "ops.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) {
  const Tensor &table = *plan.input(node, 0), &ids = *plan.input(node, 1), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, ids, "ids", GC_I32);
  if (status == GC_OK) status = expect_dtype(node, table, "the table", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status != GC_OK) return status;
  bool fits = table.rank == 2 && out.rank == ids.rank + 1 && out.cols == table.cols;
  for (int d = 0; d < ids.rank && fits; ++d) fits = out.dims[d] == ids.dims[d];
  if (!fits)
    return fail(GC_INVALID_SHAPE, "embedding: table %s and ids %s do not give %s", table.shape().c_str(),
                ids.shape().c_str(), out.shape().c_str());
  const double padding = node.attributes[0];
  if (!is_integer(padding, 0, static_cast<double>(table.rows)))
    return fail(GC_INVALID_ARGUMENT, "embedding: expected a padding id from 0 to %lld, got %g",
                static_cast<long long>(table.rows - 1), padding - 1);
  return GC_OK;
}

void forward(Plan& plan, Node& node) {
  const Tensor &table = *plan.input(node, 0), &ids = *plan.input(node, 1), &out = *plan.output(node, 0);
  for (int64_t i = 0; i < out.rows; ++i) {
    const int32_t id = ids.ids[i];
    if (id < 0 || id >= table.rows) {
      plan.run_status = fail(GC_OUT_OF_RANGE, "embedding: expected ids from 0 to %lld, got %d at position %lld",
                             static_cast<long long>(table.rows - 1), id, static_cast<long long>(i));
      return;
    }
    memcpy(out.data + i * out.ld, table.data + id * table.ld, static_cast<size_t>(table.cols) * 4);
  }
}

void backward(Plan& plan, Node& node) {
  const Tensor &table = *plan.input(node, 0), &ids = *plan.input(node, 1), &out = *plan.output(node, 0);
  if (!table.grad) return;
  if (!node.accumulate[0]) memset(table.grad, 0, static_cast<size_t>(table.rows * table.ld) * 4);
  if (!out.grad) return;
  const int32_t padding = static_cast<int32_t>(node.attributes[0] - 1);
  for (int64_t i = 0; i < out.rows; ++i)
    if (ids.ids[i] != padding) kernels().add(out.grad + i * out.ld, table.grad + ids.ids[i] * table.ld, table.cols);
}
}  // namespace

const OpDef op_embedding = {GC_OP_EMBEDDING, "embedding", 2,     2,       1,       1,        0, true,
                            false,           false,       check, nullptr, forward, backward, 1};
}  // namespace gatecell
