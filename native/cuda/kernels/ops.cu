// ops.cc: opcode -> op; null for those that have kernels only on the processor.
#include "ops.h"

namespace gatecell {
namespace cuda {
const OpDef* find_op(int32_t opcode) {
  static const OpDef* const all[] = {
#define GC_OP(number, NAME, name) &op_##name,
#define GC_HOST_OP(number, NAME, name)
#include "gatecell/ops.def"
  };
  for (const OpDef* op : all)
    if (op->opcode == opcode) return op;
  return nullptr;
}
}  // namespace cuda
}  // namespace gatecell
