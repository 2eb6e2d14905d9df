// ops.h: the list of ops. Adding an op: its file defines an OpDef, this list and the one in ops.cc name it (see CONTRIBUTING.md).
#pragma once
#include "../core/op.h"

namespace gatecell {
extern const OpDef op_embedding, op_lstm, op_linear, op_dropout, op_cross_entropy, op_softmax, op_add, op_mul,
    op_sigmoid, op_tanh, op_relu, op_affine, op_concat, op_slice, op_reshape, op_mean_square, op_sigmoid_cross_entropy,
    op_sample, op_flip, op_sub, op_ctc, op_mixture_density, op_mixture_sample;
}  // namespace gatecell
