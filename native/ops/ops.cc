// ops.cc: opcode -> op.
#include "ops.h"

namespace gatecell {
const OpDef* find_op(int opcode) {
  static const OpDef* const all[] = {
#define GC_OP(number, NAME, name) &op_##name,
#include "gatecell/ops.def"
  };
  for (const OpDef* op : all)
    if (op->opcode == opcode) return op;
  return nullptr;
}
}  // namespace gatecell
