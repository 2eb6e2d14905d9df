// attention_backward.cc: the gradients of queries, keys, values and v.
#include <cstring>

#include "../core/machine.h"
#include "attention.h"
#include "rows.h"

namespace gatecell {
namespace {

// Returns whether any of `n` values is not 0.
bool any(const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    if (x[i] != 0) return true;
  return false;
}

// Returns whether a target step gets a gradient. The query of a step that the loss ignores may be NaN, and so may its weights.
bool has_gradient(const Attention& s, int64_t t, int64_t b) {
  const int64_t row = t * s.B + b;
  return (s.context->grad && any(s.context->grad + row * s.context->ld, s.V)) ||
         (s.weights_out && s.weights_out->grad && any(s.weights_out->grad + row * s.weights_out->ld, s.length(b)));
}

// Computes the gradient of the scores of batch row b: that of the softmax, from dcontext V^T + dweights. The gradients and the weights of
// target steps that get no gradient are set to zero.
void score_gradient(const Attention& s, int64_t b, int index) {
  const int64_t n = s.length(b);
  float* d = s.d_scores(index);
  memset(d, 0, static_cast<size_t>(s.T * s.ld) * 4);
  if (s.context->grad) {
    attention_transpose(*s.values, b, n, s.transposed(index), s.ld);
    attention_product({s.context->grad + b * s.context->ld, s.B * s.context->ld, 1}, s.transposed(index), s.ld, d, s.ld,
                      s.T, s.V, n, false);
  }
  for (int64_t t = 0; t < s.T; ++t) {
    float *row = d + t * s.ld, *w = s.weights_of(b) + t * s.ld;
    if (!has_gradient(s, t, b)) {
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

// Sets batch row b of a gradient [n, B, cols] to zero, beginning with step `from`.
void clear_rows(const Tensor& t, int64_t b, int64_t from) {
  const int64_t B = t.dims[1];
  for (int64_t i = from; i < t.dims[0]; ++i) memset(t.grad + (i * B + b) * t.ld, 0, static_cast<size_t>(t.cols) * 4);
}

void dot_gradients(const Attention& s, const Node& node, int64_t b, int index) {
  const int64_t n = s.length(b), q_row = s.B * s.q->ld, k_row = s.B * s.k->ld;
  const float* d = s.d_scores(index);
  if (s.q->grad)
    attention_product({d, s.ld, 1}, s.k->data + b * s.k->ld, k_row, s.q->grad + b * s.q->ld, q_row, s.T, n, s.A,
                      node.accumulate[0]);
  if (!s.k->grad) return;
  if (!node.accumulate[1]) clear_rows(*s.k, b, 0);
  for (int64_t first = 0; first < s.T;) {  // one product for each run of steps that get a gradient
    int64_t next = first;
    while (next < s.T && has_gradient(s, next, b)) ++next;
    if (first < next)
      attention_product({d + first * s.ld, 1, s.ld}, s.q->data + first * q_row + b * s.q->ld, q_row,
                        s.k->grad + b * s.k->ld, k_row, n, next - first, s.A, true);
    first = next + 1;
  }
}

void additive_gradients(const Attention& s, const Node& node, int64_t b, int index) {
  float *h = s.row(index), *dv = s.dv + b * s.A;
  memset(dv, 0, static_cast<size_t>(s.A) * 4);
  if (s.q->grad && !node.accumulate[0]) clear_rows(*s.q, b, 0);
  if (s.k->grad && !node.accumulate[1]) clear_rows(*s.k, b, 0);
  for (int64_t t = 0; t < s.T; ++t) {
    for (int64_t i = 0; i < s.length(b) && has_gradient(s, t, b); ++i) {
      const float d = s.d_scores(index)[t * s.ld + i];
      attention_hidden(s, t, i, b, h);
      for (int64_t a = 0; a < s.A; ++a) {
        dv[a] += d * h[a];
        h[a] = d * s.v->data[a] * (1 - h[a] * h[a]);
      }
      if (s.q->grad) kernels().add(h, s.q->grad + (t * s.B + b) * s.q->ld, s.A);
      if (s.k->grad) kernels().add(h, s.k->grad + (i * s.B + b) * s.k->ld, s.A);
    }
  }
}

}  // namespace

void attention_backward(Plan& plan, Node& node) {
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
        attention_product({s.weights_of(b), 1, s.ld}, s.context->grad + b * s.context->ld, s.B * s.context->ld,
                          s.values->grad + b * s.values->ld, row, n, s.T, s.V, node.accumulate[values]);
      if (!node.accumulate[values]) clear_rows(*s.values, b, s.context->grad ? n : 0);
    }
  });
  if (!s.v || !s.v->grad) return;
  if (!node.accumulate[2]) memset(s.v->grad, 0, static_cast<size_t>(s.A) * 4);
  for (int64_t b = 0; b < s.B; ++b) kernels().add(s.dv + b * s.A, s.v->grad, s.A);
}
}  // namespace gatecell
