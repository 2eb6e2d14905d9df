// ops.cu: opcode -> op.
#include "ops.h"

namespace gatecell {
namespace cuda {
const OpDef* find_op(int32_t opcode) {
  static const OpDef* const all[] = {&op_embedding,
                                     &op_lstm,
                                     &op_linear,
                                     &op_dropout,
                                     &op_cross_entropy,
                                     &op_softmax,
                                     &op_add,
                                     &op_sub,
                                     &op_mul,
                                     &op_sigmoid,
                                     &op_tanh,
                                     &op_relu,
                                     &op_affine,
                                     &op_concat,
                                     &op_slice,
                                     &op_reshape,
                                     &op_mean_square,
                                     &op_sigmoid_cross_entropy,
                                     &op_sample,
                                     &op_flip,
                                     &op_ctc,
                                     &op_mixture_density,
                                     &op_mixture_sample,
                                     &op_dot_attention,
                                     &op_additive_attention,
                                     &op_window,
                                     &op_window_lstm,
                                     &op_gru};
  for (const OpDef* op : all)
    if (op->opcode == opcode) return op;
  return nullptr;
}
}  // namespace cuda
}  // namespace gatecell
