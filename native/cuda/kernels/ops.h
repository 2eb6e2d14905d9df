// ops.h: declares the definitions of all ops that have kernels on a device, op_<name>, one for each GC_OP line of ops.def.
#pragma once
#include "../op.h"

namespace gatecell {
namespace cuda {
#define GC_OP(number, NAME, name) extern const OpDef op_##name;
#define GC_HOST_OP(number, NAME, name)
#include "gatecell/ops.def"

// dropout.cu: compute only some rows, of which `last` is one past the last. The result of a row does not depend on the others.
void dropout_forward(const Node& n, int64_t first, int64_t last);
void dropout_backward(const Node& n, int64_t first, int64_t last);
}  // namespace cuda
}  // namespace gatecell
