// attention.cc: attention of a decoder over the outputs of an encoder: a softmax of scores over the valid source steps of each batch
// row, then the weighted sum of the values. Scores are scaled dot products q . k (Luong, Pham, Manning 2015; "general" with a linear
// layer on the queries) or v . tanh(q + k) of projected queries and keys (Bahdanau, Cho, Bengio 2015). The op computes a whole target
// sequence, or one step of it.
//
// Each batch row is computed by one thread. Products run on the matrix kernel; an operand that it needs transposed (K^T, V^T) is
// transposed once for all target steps.
#include "attention.h"

#include <cmath>
#include <cstring>

#include "../core/machine.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
gc_status check(Plan& plan, Node& node) {
  const Attention s(plan, node);
  const char* name = node.op->name;
  for (const Tensor* t : {s.q, s.k, s.values, s.context}) {
    const gc_status status = expect_dtype(node, *t, "queries, keys, values and the result", GC_F32);
    if (status != GC_OK) return status;
    if (t->rank != 3)
      return fail(GC_INVALID_SHAPE, "%s: expected queries, keys and values of rank 3, got %s", name,
                  t->shape().c_str());
  }
  gc_status status = expect_shape(plan, node, *s.k, "keys", {s.S, s.B, s.A});
  if (status == GC_OK) status = expect_shape(plan, node, *s.values, "values", {s.S, s.B, s.V});
  if (status == GC_OK) status = expect_shape(plan, node, *s.context, "the result", {s.T, s.B, s.V});
  if (status == GC_OK) status = expect_dtype(node, *s.lengths, "lengths", GC_I32);
  if (status == GC_OK) status = expect_shape(plan, node, *s.lengths, "lengths", {s.B});
  if (status == GC_OK && s.v) status = expect_dtype(node, *s.v, "v", GC_F32);
  if (status == GC_OK && s.v) status = expect_shape(plan, node, *s.v, "v", {s.A});
  if (status == GC_OK && s.weights_out) status = expect_dtype(node, *s.weights_out, "the weights", GC_F32);
  if (status == GC_OK && s.weights_out)
    status = expect_shape(plan, node, *s.weights_out, "the weights", {s.T, s.B, s.S});
  if (status == GC_OK && !(std::fabs(s.scale) <= 3.4e38f))
    return fail(GC_INVALID_ARGUMENT, "%s: expected a finite scale", name);
  constexpr int64_t most =
      int64_t{1} << 40;  // weights and scratch are not tensors of the graph, whose sizes are checked elsewhere
  if (status == GC_OK && (s.T * s.B > most / s.ld || s.transposed_rows > most / s.ld))
    return fail(GC_INVALID_SHAPE, "%s: too many steps for %lld rows", name, static_cast<long long>(s.B));
  return status;
}

void prepare(Plan& plan, Node& node) {
  const Attention s(plan, node);
  const Life kept = node.trains ? Life::kSaved : Life::kForward;
  node.buffers.resize(kAttentionBuffers);
  node.buffers[kWeights] = {s.B * s.T * s.ld * 4, kept};
  node.buffers[kScratch] = {plan.threads * s.scratch_floats() * 4, kept};
  node.buffers[kDV] = {s.additive ? s.B * s.A * 4 : 0, Life::kBackward};
  node.why = "rows of the batch split over threads, products on the matrix kernel";
}

}  // namespace

void attention_product(AttentionOperand a, const float* b, int64_t b_row, float* c, int64_t c_row, int64_t rows,
                       int64_t inner, int64_t columns, bool accumulate) {
  gc_gemm g = {};
  g.a = a.data, g.a_row = a.row, g.a_k = a.column;
  g.b = b, g.b_k = b_row, g.b_tile = kernels().tile_columns;
  g.c = c, g.c_row = c_row, g.c_tile = kernels().tile_columns;
  g.rows = rows, g.columns = columns, g.segments = 1, g.segment_length = inner;
  g.accumulate = accumulate;
  if (rows > 0 && columns > 0) kernels().gemm(&g);
}

void attention_transpose(const Tensor& t, int64_t b, int64_t n, float* to, int64_t ld) {
  const int64_t B = t.dims[1];
  for (int64_t i0 = 0; i0 < n; i0 += 16) {
    const int64_t i1 = std::min(i0 + 16, n);
    for (int64_t c = 0; c < t.cols; ++c)
      for (int64_t i = i0; i < i1; ++i) to[c * ld + i] = t.data[(i * B + b) * t.ld + c];
  }
}

void attention_hidden(const Attention& s, int64_t t, int64_t i, int64_t b, float* to) {
  const float *q = s.q->data + (t * s.B + b) * s.q->ld, *k = s.k->data + (i * s.B + b) * s.k->ld;
  for (int64_t a = 0; a < s.A; ++a) to[a] = q[a] + k[a];
  kernels().tanh(to, to, s.A);
}

namespace {
// Returns the sum of products, made in sixteen lanes that are then added: the order is fixed, and the lanes hide the latency of additions.
float dot(const float* x, const float* y, int64_t n) {
  float lane[16] = {};
  int64_t j = 0;
  for (; j + 16 <= n; j += 16)
    for (int l = 0; l < 16; ++l) lane[l] += x[j + l] * y[j + l];
  for (int l = 0; j < n; ++j, ++l) lane[l] += x[j] * y[j];
  for (int half = 8; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) lane[l] += lane[l + half];
  return lane[0];
}

void scores(const Attention& s, int64_t b, int index) {
  const int64_t n = s.length(b);
  float* to = s.weights_of(b);
  if (!s.additive) {
    attention_transpose(*s.k, b, n, s.transposed(index), s.ld);
    attention_product({s.q->data + b * s.q->ld, s.B * s.q->ld, 1}, s.transposed(index), s.ld, to, s.ld, s.T, s.A, n,
                      false);
    for (int64_t t = 0; t < s.T; ++t)
      for (int64_t i = 0; i < n; ++i) to[t * s.ld + i] *= s.scale;
    return;
  }
  for (int64_t t = 0; t < s.T; ++t) {
    for (int64_t i = 0; i < n; ++i) {
      attention_hidden(s, t, i, b, s.row(index));
      to[t * s.ld + i] = dot(s.row(index), s.v->data, s.A);
    }
  }
}

void softmax(float* x, int64_t n, int64_t ld) {
  float most = n > 0 ? x[0] : 0;
  for (int64_t i = 1; i < n; ++i) most = x[i] > most ? x[i] : most;
  for (int64_t i = 0; i < n; ++i) x[i] -= most;
  kernels().exp(x, x, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
  const float scale = static_cast<float>(1 / sum);
  for (int64_t i = 0; i < n; ++i) x[i] *= scale;
  for (int64_t i = n; i < ld; ++i) x[i] = 0;
}

void forward(Plan& plan, Node& node) {
  const Attention s(plan, node);
  for (int64_t b = 0; b < s.B; ++b) {
    if (s.length(b) >= 0 && s.length(b) <= s.S) continue;
    plan.run_status = fail(GC_OUT_OF_RANGE, "%s: expected lengths from 0 to %lld, got %lld in row %lld", node.op->name,
                           static_cast<long long>(s.S), static_cast<long long>(s.length(b)), static_cast<long long>(b));
    return;
  }
  parallel(plan.team(s.flops()), [&](int index, int team) {
    const Range mine = share(s.B, index, team);
    for (int64_t b = mine.begin; b < mine.end; ++b) {
      float* weights = s.weights_of(b);
      scores(s, b, index);
      for (int64_t t = 0; t < s.T; ++t) softmax(weights + t * s.ld, s.length(b), s.ld);
      attention_product({weights, s.ld, 1}, s.values->data + b * s.values->ld, s.B * s.values->ld,
                        s.context->data + b * s.context->ld, s.B * s.context->ld, s.T, s.length(b), s.V, false);
      for (int64_t t = 0; s.weights_out && t < s.T; ++t)
        memcpy(s.weights_out->data + (t * s.B + b) * s.weights_out->ld, weights + t * s.ld,
               static_cast<size_t>(s.S) * 4);
    }
  });
}

}  // namespace

const OpDef op_dot_attention = {
    GC_OP_DOT_ATTENTION, "dot_attention", 4, 4, 1, 2, 1, true, false, false, check, prepare, forward,
    attention_backward};
const OpDef op_additive_attention = {
    GC_OP_ADDITIVE_ATTENTION, "additive_attention", 5, 5, 1, 2, 0, true, false, false, check, prepare, forward,
    attention_backward};
}  // namespace gatecell
