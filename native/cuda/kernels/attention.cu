// attention.cu: softmax of scores over the valid source steps, and the weighted sum of the values. Scores are dot products (Luong, Pham,
// Manning 2015) or additive (Bahdanau, Cho, Bengio 2015). There is one product for each batch row; one launch computes all rows.
#include "attention.h"

#include "softmax.h"

namespace gatecell {
namespace cuda {
namespace attention {

gc_status prepare(const Node& n) {
  const Attention s(n);
  const int64_t bytes = s.T * s.B * s.S * 4;
  n.ask(bytes, n.node.trains ? GC_LIFE_SAVED : GC_LIFE_FORWARD);
  n.ask(bytes, GC_LIFE_BACKWARD);
  n.ask(s.additive ? s.T * s.B * s.A * 4 : 0, GC_LIFE_BACKWARD);
  n.why(n.products() == GC_FLOAT ? "exact f32 products, all rows of the batch in one launch"
                                 : "tf32 tensor cores, all rows of the batch in one launch");
  return GC_OK;
}

// The queries of row b as an operand of the keys' gradient, with zeros in place of values that are not finite if all slopes of their
// step are zero.
struct LiveSteps {
  const float *q, *slopes;
  int64_t ld, slopes_ld;
  const int32_t* lengths;
  __device__ LiveColumns row(int64_t b, int64_t batch) const {
    return {q + b * ld, slopes + b * slopes_ld, batch * ld, batch * slopes_ld, live_steps(lengths, b, slopes_ld)};
  }
};

// Computes c (+)= a b for every batch row; `bound` is the extent that is limited to the valid source steps of the row.
template <class A, class B>
void multiply(const Attention& s, A a, B b, float* c, int64_t c_ld, Meet meet, const Extent& size, Bound bound) {
  const BatchProduct<A, B> p = {a, b, c, c_ld, meet, size, bound, s.lengths, s.B};
  batch_product(s.n.queue, s.n.products(), p);
}

void softmax_rows(const Attention& s) {
  float* weights = s.weights;
  const int32_t* lengths = s.lengths;
  const int64_t S = s.S, B = s.B;
  const float scale = s.scale;
  each_row(s.n.queue, s.T * B, [=] __device__(int64_t row, int lane) {
    float* x = weights + row * S;
    const int64_t live = live_steps(lengths, row % B, S);
    for (int64_t i = lane; i < S; i += kWarp) x[i] = i < live ? x[i] * scale : 0.0f;
    __syncwarp();
    if (live > 0) softmax_row(x, x, live, lane);
  });
}

void forward(const Node& n) {
  const Attention s(n);
  check_lengths(n, s.ids, s.S);
  if (s.additive) additive_scores(s);
  else
    multiply(s, StepsOf<Rows>{s.q.data, s.q.ld}, StepsOf<WeightRows>{s.k.data, s.k.ld}, s.weights, s.S, Meet::kSet,
             {s.T, s.S, s.A}, Bound::kN);
  softmax_rows(s);
  multiply(s, StepsOf<Rows>{s.weights, s.S}, StepsOf<WeightColumns>{s.values.data, s.values.ld}, s.context.data,
           s.context.ld, Meet::kSet, {s.T, s.V, s.S}, Bound::kK);
  if (!s.weights_out) return;
  const float* from = s.weights;
  float* to = s.weights_out->data;
  const int64_t ld = s.weights_out->ld, S = s.S;
  each_element(n.queue, s.T * s.B, S, [=] __device__(int64_t row, int64_t i) { to[row * ld + i] = from[row * S + i]; });
}

// Computes `slopes`, the gradient of the scores: that of the softmax, from dcontext V^T + dweights. The query of a target step that the loss
// ignores may be NaN, and so may its weights: slopes and weights of steps that get no gradient are set to zero.
void score_gradient(const Attention& s) {
  if (s.context.grad)
    multiply(s, StepsOf<Rows>{s.context.grad, s.context.ld}, StepsOf<WeightRows>{s.values.data, s.values.ld}, s.slopes,
             s.S, Meet::kSet, {s.T, s.S, s.V}, Bound::kN);
  else s.n.queue.zero(s.slopes, s.T * s.B * s.S * 4);
  const float *dcontext = s.context.grad, *more = s.weights_out ? s.weights_out->grad : nullptr;
  float *slopes = s.slopes, *weights = s.weights;
  const int32_t* lengths = s.lengths;
  const int64_t S = s.S, B = s.B, V = s.V, ld = s.weights_out ? s.weights_out->ld : 0, ldc = s.context.ld;
  const float scale = s.scale;
  each_row(s.n.queue, s.T * B, [=] __device__(int64_t row, int lane) {
    float *w = weights + row * S, *d = slopes + row * S;
    const int64_t live = live_steps(lengths, row % B, S);
    double flows = 0, sum = 0;
    for (int64_t j = lane; dcontext && j < V; j += kWarp) flows += dcontext[row * ldc + j] != 0;
    for (int64_t i = lane; more && i < live; i += kWarp) flows += more[row * ld + i] != 0;
    if (warp_sum(flows) == 0) {
      for (int64_t i = lane; i < live; i += kWarp) d[i] = w[i] = 0.0f;
      return;
    }
    for (int64_t i = lane; i < live; i += kWarp) {
      if (more) d[i] += more[row * ld + i];
      sum += static_cast<double>(w[i]) * static_cast<double>(d[i]);
    }
    const float mean = static_cast<float>(warp_sum(sum));
    for (int64_t i = lane; i < live; i += kWarp) d[i] = scale * w[i] * (d[i] - mean);
  });
}

void dot_gradients(const Attention& s) {
  const Node& n = s.n;
  if (s.q.grad)
    multiply(s, StepsOf<Rows>{s.slopes, s.S}, StepsOf<WeightColumns>{s.k.data, s.k.ld}, s.q.grad, s.q.ld,
             chain_if(n.accumulate(0)), {s.T, s.A, s.S}, Bound::kK);
  if (!s.k.grad) return;
  no_gradient(n, 1);  // beyond the live steps
  multiply(s, StepsOf<Columns>{s.slopes, s.S}, LiveSteps{s.q.data, s.slopes, s.q.ld, s.S, s.lengths}, s.k.grad, s.k.ld,
           chain_if(n.accumulate(1)), {s.S, s.A, s.T}, Bound::kM);
}

void backward(const Node& n) {
  const Attention s(n);
  if (!s.context.grad && !(s.weights_out && s.weights_out->grad)) return no_gradients(n);
  score_gradient(s);
  if (s.additive) additive_gradients(s);
  else dot_gradients(s);
  if (!s.values.grad) return;
  no_gradient(n, s.values_input());  // beyond the live steps
  if (s.context.grad)
    multiply(s, StepsOf<Columns>{s.weights, s.S}, StepsOf<WeightColumns>{s.context.grad, s.context.ld}, s.values.grad,
             s.values.ld, chain_if(n.accumulate(s.values_input())), {s.S, s.V, s.T}, Bound::kM);
}

Attention::Attention(const Node& node)
    : n(node),
      additive(node.node.opcode == GC_OP_ADDITIVE_ATTENTION),
      q(*node.in(0)),
      k(*node.in(1)),
      v(additive ? node.in(2) : nullptr),
      values(*node.in(additive ? 3 : 2)),
      ids(*node.in(additive ? 4 : 3)),
      context(*node.out(kContext)),
      weights_out(node.out(kWeightsOut)),
      T(q.dims[0]),
      S(k.dims[0]),
      B(q.dims[1]),
      A(q.cols),
      V(values.cols),
      scale(additive ? 1.0f : static_cast<float>(node.attribute(0))),
      lengths(reinterpret_cast<const int32_t*>(ids.data)),
      weights(node.buffer(kWeights)),
      slopes(node.buffer(kSlopes)),
      dv(node.buffer(kDV)) {}
}  // namespace attention

const OpDef op_dot_attention = {GC_OP_DOT_ATTENTION, "dot_attention", attention::prepare, attention::forward,
                                attention::backward};
const OpDef op_additive_attention = {GC_OP_ADDITIVE_ATTENTION, "additive_attention", attention::prepare,
                                     attention::forward, attention::backward};
}  // namespace cuda
}  // namespace gatecell
