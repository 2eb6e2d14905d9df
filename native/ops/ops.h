// ops.h: the list of ops. Adding an op: its file defines an OpDef, this list names it (see CONTRIBUTING.md).
#pragma once
#include "../core/op.h"

namespace gatecell {
extern const OpDef op_embedding, op_lstm, op_linear, op_cross_entropy;
}  // namespace gatecell
