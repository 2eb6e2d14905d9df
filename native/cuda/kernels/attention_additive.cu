// attention_additive.cu: scores v . tanh(q + k) of every target step with every valid source
// step (Bahdanau, Cho, Bengio 2015), and their gradients. The backward pass computes tanh
// again, once for the queries and once for the keys: each gradient is one chain of one thread.
#include "attention.h"
#include "columns.h"

namespace gatecell {
namespace cuda {
namespace attention {
namespace {

// Queries and keys as the kernels read them.
struct Hidden {
  const float *q, *k;
  int64_t ldq, ldk, B;
  explicit Hidden(const Attention& s) : q(s.q.data), k(s.k.data), ldq(s.q.ld), ldk(s.k.ld), B(s.B) {}
  // Returns tanh(q + k) of target row t B + b and source step i.
  __device__ float at(int64_t target, int64_t i, int64_t a) const {
    return v_tanh(q[target * ldq + a] + k[(i * B + target % B) * ldk + a]);
  }
};
}  // namespace

// Half a warp computes a score: sums in sixteen lanes, then over the lanes, as on the processor.
void additive_scores(const Attention& s) {
  constexpr int lanes = 16;
  const Hidden hidden(s);
  const float* v = s.v->data;
  float* to = s.weights;
  const int32_t* lengths = s.lengths;
  const int64_t S = s.S, A = s.A, B = s.B, pairs = (S + 1) / 2;
  each_row(s.n.queue, s.T * B * pairs, [=] __device__(int64_t row, int lane) {
    const int64_t target = row / pairs, i = row % pairs * 2 + lane / lanes;
    const bool live = i < live_steps(lengths, target % B, S);
    float sum = 0;
    for (int64_t a = lane % lanes; live && a < A; a += lanes) sum += hidden.at(target, i, a) * v[a];
    for (int with = lanes / 2; with > 0; with /= 2) sum += __shfl_xor_sync(kAllLanes, sum, with);
    if (live && lane % lanes == 0) to[target * S + i] = sum;
  });
}

namespace {
// Computes the gradients of the queries, and of v for each target row.
void target_gradients(const Attention& s) {
  const Hidden hidden(s);
  const float *v = s.v->data, *slopes = s.slopes;
  float *dq = s.q.grad, *dv = s.dv;
  const int32_t* lengths = s.lengths;
  const int64_t S = s.S, A = s.A, B = s.B, ld = s.q.ld;
  const bool accumulate = s.n.accumulate(0);
  each_element(s.n.queue, s.T * B, A, [=] __device__(int64_t target, int64_t a) {
    const int64_t live = live_steps(lengths, target % B, S);
    float sum = dq && accumulate ? dq[target * ld + a] : 0.0f, sum_v = 0;
    for (int64_t i = 0; i < live; ++i) {
      const float d = slopes[target * S + i];
      if (d == 0) continue;  // the query may be NaN
      const float h = hidden.at(target, i, a);
      sum_v += d * h;
      sum += d * v[a] * (1 - h * h);
    }
    if (dq) dq[target * ld + a] = sum;
    dv[target * A + a] = sum_v;
  });
}

void key_gradients(const Attention& s) {
  const Hidden hidden(s);
  const float *v = s.v->data, *slopes = s.slopes;
  float* dk = s.k.grad;
  const int32_t* lengths = s.lengths;
  const int64_t T = s.T, S = s.S, B = s.B, ld = s.k.ld;
  const bool accumulate = s.n.accumulate(1);
  each_element(s.n.queue, S * B, s.A, [=] __device__(int64_t source, int64_t a) {
    const int64_t i = source / B, b = source % B;
    float sum = accumulate ? dk[source * ld + a] : 0.0f;
    for (int64_t t = 0; t < T && i < live_steps(lengths, b, S); ++t) {
      const float d = slopes[(t * B + b) * S + i];
      if (d == 0) continue;  // the query may be NaN
      const float h = hidden.at(t * B + b, i, a);
      sum += d * v[a] * (1 - h * h);
    }
    dk[source * ld + a] = sum;
  });
}
}  // namespace

void additive_gradients(const Attention& s) {
  const Tensor& v = *s.v;
  if (s.q.grad || v.grad) target_gradients(s);
  if (s.k.grad) key_gradients(s);
  if (!v.grad) return;
  const float* dv = s.dv;
  const int64_t A = s.A;
  row_gradient(s.n, s.T * s.B, A, v.grad, s.n.accumulate(2),
               [=] __device__(int64_t row, int64_t a) { return dv[row * A + a]; });
}
}  // namespace attention
}  // namespace cuda
}  // namespace gatecell
