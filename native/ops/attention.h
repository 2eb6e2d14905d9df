// attention.h: attention of a decoder over the outputs of an encoder, shared by the forward pass (attention.cc) and the backward pass
// (attention_backward.cc).
#pragma once
#include <algorithm>

#include "../core/op.h"

namespace gatecell {

enum AttentionOutput { kContext, kWeightsOut };
// Buffers: weights [B][T][ld]; scratch, a part for each thread; gradient of v for each batch row [B][A].
enum AttentionBuffer { kWeights, kScratch, kDV, kAttentionBuffers };

struct Attention {
  int64_t T, S, B, A, V;  // target steps, source steps, batch rows, width of queries and keys, width of values
  int64_t ld;             // row stride of weights and of transposed keys and values: S rounded up
  int64_t
      transposed_rows;  // the larger of A and V, rounded up: rows of the transposed keys or values, and floats of a row of tanh
  bool additive;
  float scale;
  const Tensor *q, *k, *v, *values, *lengths, *context, *weights_out;  // v is null for dot products
  float *weights, *scratch, *dv;

  Attention(Plan& plan, const Node& node) {
    additive = node.op->opcode == GC_OP_ADDITIVE_ATTENTION;
    q = plan.input(node, 0), k = plan.input(node, 1);
    v = additive ? plan.input(node, 2) : nullptr;
    values = plan.input(node, additive ? 3 : 2), lengths = plan.input(node, additive ? 4 : 3);
    context = plan.output(node, kContext), weights_out = plan.output(node, kWeightsOut);
    T = q->dims[0], B = q->dims[1], A = q->dims[2], S = k->dims[0], V = values->cols;
    ld = round_up(S, 16), transposed_rows = round_up(std::max(A, V), 16);
    scale = additive ? 1 : static_cast<float>(node.attributes[0]);
    const bool ready = !node.buffers.empty();
    weights = ready ? node.buffers[kWeights].data : nullptr;
    scratch = ready ? node.buffers[kScratch].data : nullptr;
    dv = ready ? node.buffers[kDV].data : nullptr;
  }
  int64_t length(int64_t b) const { return lengths->ids[b]; }
  // The scratch of a thread: transposed keys or values [A or V][ld], gradients of the scores [T][ld], and one row of tanh.
  int64_t scratch_floats() const { return transposed_rows * ld + T * ld + transposed_rows; }
  float* transposed(int index) const { return scratch + index * scratch_floats(); }
  float* d_scores(int index) const { return transposed(index) + transposed_rows * ld; }
  float* row(int index) const { return d_scores(index) + T * ld; }
  float* weights_of(int64_t b) const { return weights + b * T * ld; }
  double flops() const {
    return static_cast<double>(T * B) * static_cast<double>(S) * static_cast<double>((additive ? 20 : 2) * A + 2 * V);
  }
};

struct AttentionOperand {
  const float* data;
  int64_t row, column;  // strides
};

// Computes C[rows, columns] (+)= A[rows, inner] B[inner, columns]. The columns of B and of C are contiguous.
void attention_product(AttentionOperand a, const float* b, int64_t b_row, float* c, int64_t c_row, int64_t rows,
                       int64_t inner, int64_t columns, bool accumulate);
// Transposes batch row b of t [n, B, cols]: to[c][i] = t[i][b][c] for i < n.
void attention_transpose(const Tensor& t, int64_t b, int64_t n, float* to, int64_t ld);
// Computes tanh(q + k) of one target step t and one source step i.
void attention_hidden(const Attention& s, int64_t t, int64_t i, int64_t b, float* to);

void attention_backward(Plan& plan, Node& node);
}  // namespace gatecell
