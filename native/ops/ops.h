// ops.h: declares the definitions of all ops, op_<name>, one for each line of ops.def.
#pragma once
#include "../core/op.h"

namespace gatecell {
#define GC_OP(number, NAME, name) extern const OpDef op_##name;
#include "gatecell/ops.def"
}  // namespace gatecell
