// rewrites.h: the rewrites of a plan's graph. Each is decided once, here, from the graph and its shapes, and stored in the marks of tensors
// and nodes (Tensor::folded; Node::op, partner, partner_back, stack_first, stack_last, stack_back). The memory layout, the executor, the ops
// and the device read these marks. None of them decides again, so that no two can disagree.
#pragma once
#include "op.h"

namespace gatecell {
// A linear layer and the cross-entropy of its logits as one op, which has no opcode, because no caller records it (ops/output_loss.cc). Its inputs
// are those of cross_entropy with x in place of the logits, then the weight and the bias.
extern const OpDef op_output_loss;

// Folds embeddings, and marks the layers that run at the same time in the forward pass. Call it before gradients are marked.
void rewrite_forward(Plan& plan);
// Marks those of these layers that also run at the same time in the backward pass. Call it after gradients are marked.
void rewrite_backward(Plan& plan);
}  // namespace gatecell
