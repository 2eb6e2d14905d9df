// ops.cc: opcode -> op.
#include "ops.h"

namespace gatecell {
const OpDef* find_op(int opcode) {
  static const OpDef* const all[] = {&op_embedding, &op_lstm, &op_linear, &op_cross_entropy};
  for (const OpDef* op : all)
    if (op->opcode == opcode) return op;
  return nullptr;
}
}  // namespace gatecell
