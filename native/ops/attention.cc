// attention.cc: what an encoder's steps say to each step of a decoder: softmax of scores over the source's live steps, and the
// weighted sum of its values. Scores are dot products (Luong, Pham, Manning 2015; "general" with a linear layer on the queries) or
// v . tanh(q + k) of projected queries and keys (Bahdanau, Cho, Bengio 2015). A whole target sequence at once, or one step.
//
// One thread owns a row of the batch. Products run on the matrix kernel; where they need an operand transposed (K^T, V^T) it is
// turned once for all target steps.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../core/machine.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
enum { kContext, kWeightsOut };                  // outputs
enum { kWeights, kScratch, kDV, kBufferCount };  // buffers: [B][T][ld], per thread, dv of each row [B][A]

struct Attention {
  int64_t T, S, B, A, V;  // A: width of queries and keys, V: of values
  int64_t ld, wide;       // row strides: of weights, and of a transposed or projected row
  bool additive;
  float scale;
  const Tensor *q, *k, *v, *values, *lengths, *context, *weights_out;  // v: additive alone
  float *weights, *scratch, *dv;

  Attention(Plan& plan, const Node& node) {
    additive = node.op->opcode == GC_OP_ADDITIVE_ATTENTION;
    q = plan.input(node, 0), k = plan.input(node, 1);
    v = additive ? plan.input(node, 2) : nullptr;
    values = plan.input(node, additive ? 3 : 2), lengths = plan.input(node, additive ? 4 : 3);
    context = plan.output(node, kContext), weights_out = plan.output(node, kWeightsOut);
    T = q->dims[0], B = q->dims[1], A = q->dims[2], S = k->dims[0], V = values->cols;
    ld = round_up(S, 16), wide = round_up(std::max(A, V), 16);
    scale = additive ? 1 : static_cast<float>(node.attributes[0]);
    const bool ready = !node.buffers.empty();
    weights = ready ? node.buffers[kWeights].data : nullptr;
    scratch = ready ? node.buffers[kScratch].data : nullptr;
    dv = ready ? node.buffers[kDV].data : nullptr;
  }
  int64_t length(int64_t b) const { return lengths->ids[b]; }
  // Transposed keys or values [A or V][ld], score gradients [T][ld], and one row of tanh.
  int64_t scratch_floats() const { return wide * ld + T * ld + wide; }
  float* turned(int index) const { return scratch + index * scratch_floats(); }
  float* slopes(int index) const { return turned(index) + wide * ld; }
  float* row(int index) const { return slopes(index) + T * ld; }
  float* weights_of(int64_t b) const { return weights + b * T * ld; }
  double flops() const {
    return static_cast<double>(T * B) * static_cast<double>(S) * static_cast<double>((additive ? 20 : 2) * A + 2 * V);
  }
};

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
  constexpr int64_t most = int64_t{1} << 40;  // weights and a thread's scratch are no tensors of the graph
  if (status == GC_OK && (s.T * s.B > most / s.ld || s.wide > most / s.ld))
    return fail(GC_INVALID_SHAPE, "%s: too many steps for %lld rows", name, static_cast<long long>(s.B));
  return status;
}

void prepare(Plan& plan, Node& node) {
  const Attention s(plan, node);
  const Life kept = node.trains ? Life::kSaved : Life::kForward;
  node.buffers.resize(kBufferCount);
  node.buffers[kWeights] = {s.B * s.T * s.ld * 4, kept};
  node.buffers[kScratch] = {plan.threads * s.scratch_floats() * 4, kept};
  node.buffers[kDV] = {s.additive ? s.B * s.A * 4 : 0, Life::kBackward};
  node.why = "rows of the batch split over threads, products on the matrix kernel";
}

struct Operand {
  const float* data;
  int64_t row, column;  // strides
};

// C[rows, columns] (+)= A[rows, inner] B[inner, columns]; B and C have adjoining columns.
void product(Operand a, const float* b, int64_t b_row, float* c, int64_t c_row, int64_t rows, int64_t inner,
             int64_t columns, bool accumulate) {
  gc_gemm g = {};
  g.a = a.data, g.a_row = a.row, g.a_k = a.column;
  g.b = b, g.b_k = b_row, g.b_tile = kernels().tile_columns;
  g.c = c, g.c_row = c_row, g.c_tile = kernels().tile_columns;
  g.rows = rows, g.columns = columns, g.segments = 1, g.segment_length = inner;
  g.accumulate = accumulate;
  if (rows > 0 && columns > 0) kernels().gemm(&g);
}

// Row b of t [n, B, cols], turned: to[c][i] = t[i][b][c] for i < n.
void turn(const Tensor& t, int64_t b, int64_t n, float* to, int64_t ld) {
  const int64_t B = t.dims[1];
  for (int64_t i0 = 0; i0 < n; i0 += 16) {
    const int64_t i1 = std::min(i0 + 16, n);
    for (int64_t c = 0; c < t.cols; ++c)
      for (int64_t i = i0; i < i1; ++i) to[c * ld + i] = t.data[(i * B + b) * t.ld + c];
  }
}

// Sums in sixteen lanes, then over them: the order is fixed, and the lanes hide the adder's latency.
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

// tanh(q + k) of one target and one source step.
void hidden(const Attention& s, int64_t t, int64_t i, int64_t b, float* to) {
  const float *q = s.q->data + (t * s.B + b) * s.q->ld, *k = s.k->data + (i * s.B + b) * s.k->ld;
  for (int64_t a = 0; a < s.A; ++a) to[a] = q[a] + k[a];
  kernels().tanh(to, to, s.A);
}

void scores(const Attention& s, int64_t b, int index) {
  const int64_t n = s.length(b);
  float* to = s.weights_of(b);
  if (!s.additive) {
    turn(*s.k, b, n, s.turned(index), s.ld);
    product({s.q->data + b * s.q->ld, s.B * s.q->ld, 1}, s.turned(index), s.ld, to, s.ld, s.T, s.A, n, false);
    for (int64_t t = 0; t < s.T; ++t)
      for (int64_t i = 0; i < n; ++i) to[t * s.ld + i] *= s.scale;
    return;
  }
  for (int64_t t = 0; t < s.T; ++t) {
    for (int64_t i = 0; i < n; ++i) {
      hidden(s, t, i, b, s.row(index));
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
      product({weights, s.ld, 1}, s.values->data + b * s.values->ld, s.B * s.values->ld,
              s.context->data + b * s.context->ld, s.B * s.context->ld, s.T, s.length(b), s.V, false);
      for (int64_t t = 0; s.weights_out && t < s.T; ++t)
        memcpy(s.weights_out->data + (t * s.B + b) * s.weights_out->ld, weights + t * s.ld,
               static_cast<size_t>(s.S) * 4);
    }
  });
}

// Returns whether any of `n` values is not 0.
bool any(const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    if (x[i] != 0) return true;
  return false;
}

// Returns whether a gradient flows back into a target step. The query of a step that the loss ignores may be NaN, and so may its weights.
bool is_live(const Attention& s, int64_t t, int64_t b) {
  const int64_t row = t * s.B + b;
  return (s.context->grad && any(s.context->grad + row * s.context->ld, s.V)) ||
         (s.weights_out && s.weights_out->grad && any(s.weights_out->grad + row * s.weights_out->ld, s.length(b)));
}

// slopes = gradient of the scores of row b: softmax' of (dcontext V^T + dweights). Slopes and weights of steps that are not live are set
// to zero.
void score_gradient(const Attention& s, int64_t b, int index) {
  const int64_t n = s.length(b);
  float* d = s.slopes(index);
  memset(d, 0, static_cast<size_t>(s.T * s.ld) * 4);
  if (s.context->grad) {
    turn(*s.values, b, n, s.turned(index), s.ld);
    product({s.context->grad + b * s.context->ld, s.B * s.context->ld, 1}, s.turned(index), s.ld, d, s.ld, s.T, s.V, n,
            false);
  }
  for (int64_t t = 0; t < s.T; ++t) {
    float *row = d + t * s.ld, *w = s.weights_of(b) + t * s.ld;
    if (!is_live(s, t, b)) {
      memset(row, 0, static_cast<size_t>(n) * 4);
      memset(w, 0, static_cast<size_t>(n) * 4);
      continue;
    }
    if (s.weights_out && s.weights_out->grad) {
      const float* more = s.weights_out->grad + (t * s.B + b) * s.weights_out->ld;
      for (int64_t i = 0; i < n; ++i) row[i] += more[i];
    }
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(w[i]) * static_cast<double>(row[i]);
    for (int64_t i = 0; i < n; ++i) row[i] = s.scale * w[i] * (row[i] - static_cast<float>(sum));
  }
}

// Row b of a gradient [n, B, cols] set to zero from step `from` on.
void clear_rows(const Tensor& t, int64_t b, int64_t from) {
  const int64_t B = t.dims[1];
  for (int64_t i = from; i < t.dims[0]; ++i) memset(t.grad + (i * B + b) * t.ld, 0, static_cast<size_t>(t.cols) * 4);
}

void dot_gradients(const Attention& s, const Node& node, int64_t b, int index) {
  const int64_t n = s.length(b), q_row = s.B * s.q->ld, k_row = s.B * s.k->ld;
  const float* d = s.slopes(index);
  if (s.q->grad)
    product({d, s.ld, 1}, s.k->data + b * s.k->ld, k_row, s.q->grad + b * s.q->ld, q_row, s.T, n, s.A,
            node.accumulate[0]);
  if (!s.k->grad) return;
  if (!node.accumulate[1]) clear_rows(*s.k, b, 0);
  for (int64_t first = 0; first < s.T;) {  // stretches of live steps
    int64_t next = first;
    while (next < s.T && is_live(s, next, b)) ++next;
    if (first < next)
      product({d + first * s.ld, 1, s.ld}, s.q->data + first * q_row + b * s.q->ld, q_row, s.k->grad + b * s.k->ld,
              k_row, n, next - first, s.A, true);
    first = next + 1;
  }
}

void additive_gradients(const Attention& s, const Node& node, int64_t b, int index) {
  float *h = s.row(index), *dv = s.dv + b * s.A;
  memset(dv, 0, static_cast<size_t>(s.A) * 4);
  if (s.q->grad && !node.accumulate[0]) clear_rows(*s.q, b, 0);
  if (s.k->grad && !node.accumulate[1]) clear_rows(*s.k, b, 0);
  for (int64_t t = 0; t < s.T; ++t) {
    for (int64_t i = 0; i < s.length(b) && is_live(s, t, b); ++i) {
      const float d = s.slopes(index)[t * s.ld + i];
      hidden(s, t, i, b, h);
      for (int64_t a = 0; a < s.A; ++a) {
        dv[a] += d * h[a];
        h[a] = d * s.v->data[a] * (1 - h[a] * h[a]);
      }
      if (s.q->grad) kernels().add(h, s.q->grad + (t * s.B + b) * s.q->ld, s.A);
      if (s.k->grad) kernels().add(h, s.k->grad + (i * s.B + b) * s.k->ld, s.A);
    }
  }
}

void backward(Plan& plan, Node& node) {
  const Attention s(plan, node);
  if (!s.context->grad && !(s.weights_out && s.weights_out->grad)) return no_gradients(plan, node);
  const size_t values = s.additive ? 3 : 2;
  parallel(plan.team(2 * s.flops()), [&](int index, int team) {
    const Range mine = share(s.B, index, team);
    for (int64_t b = mine.begin; b < mine.end; ++b) {
      score_gradient(s, b, index);
      s.additive ? additive_gradients(s, node, b, index) : dot_gradients(s, node, b, index);
      if (!s.values->grad) continue;
      const int64_t n = s.length(b), row = s.B * s.values->ld;
      if (s.context->grad)
        product({s.weights_of(b), 1, s.ld}, s.context->grad + b * s.context->ld, s.B * s.context->ld,
                s.values->grad + b * s.values->ld, row, n, s.T, s.V, node.accumulate[values]);
      if (!node.accumulate[values]) clear_rows(*s.values, b, s.context->grad ? n : 0);
    }
  });
  if (!s.v || !s.v->grad) return;
  if (!node.accumulate[2]) memset(s.v->grad, 0, static_cast<size_t>(s.A) * 4);
  for (int64_t b = 0; b < s.B; ++b) kernels().add(s.dv + b * s.A, s.v->grad, s.A);
}
}  // namespace

const OpDef op_dot_attention = {
    GC_OP_DOT_ATTENTION, "dot_attention", 4, 4, 1, 2, 1, true, false, false, check, prepare, forward, backward};
const OpDef op_additive_attention = {GC_OP_ADDITIVE_ATTENTION,
                                     "additive_attention",
                                     5,
                                     5,
                                     1,
                                     2,
                                     0,
                                     true,
                                     false,
                                     false,
                                     check,
                                     prepare,
                                     forward,
                                     backward};
}  // namespace gatecell
