// ops.h: the list of the library's ops. Adding one: its file defines an OpDef, this list and the one in ops.cu name it.
#pragma once
#include "../op.h"

namespace gatecell {
namespace cuda {
extern const OpDef op_embedding, op_lstm, op_linear, op_dropout, op_cross_entropy, op_softmax, op_add, op_sub, op_mul,
    op_sigmoid, op_tanh, op_relu, op_affine, op_concat, op_slice, op_reshape, op_mean_square, op_sigmoid_cross_entropy,
    op_sample, op_flip, op_gru;
extern const OpDef op_ctc, op_mixture_density, op_mixture_sample, op_dot_attention, op_additive_attention, op_window,
    op_window_lstm;

// dropout.cu: of some rows alone, `last` one past the last; what they do with them does not depend on the others.
void dropout_forward(const Node& n, int64_t first, int64_t last);
void dropout_backward(const Node& n, int64_t first, int64_t last);
}  // namespace cuda
}  // namespace gatecell
