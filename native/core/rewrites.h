// rewrites.h: every rewrite of a plan's graph. Each is decided once, here, from the graph and its shapes, and is written down in
// the marks of tensors and nodes (Tensor::folded; Node::partner, partner_back, stack_first, stack_last, stack_back). The memory
// layout, the executor, the ops and the device read these marks. None of them decides again, so that no two can disagree.
#pragma once
#include "op.h"

namespace gatecell {
// Folds embeddings, and marks which layers run beside which in the forward pass. Before gradients are marked.
void rewrite_forward(Plan& plan);
// Marks which of those layers also run beside one another in the backward pass. After gradients are marked.
void rewrite_backward(Plan& plan);
}  // namespace gatecell
