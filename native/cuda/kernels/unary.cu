// unary.cu: sigmoid, tanh, relu and scale * x + shift, element by element. Gradients are taken from the results.
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace unary {

template <class F>
void forward(const Node& n, F f) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const float* from = x.data;
  float* to = y.data;
  const int64_t ldx = x.ld, ldy = y.ld;
  each_element(n.queue, x.rows, x.cols,
               [=] __device__(int64_t row, int64_t j) { to[row * ldy + j] = f(from[row * ldx + j]); });
}

// f(dy, y)
template <class F>
void backward(const Node& n, F f) {
  const float* y = n.out(0)->data;
  const int64_t ld = n.out(0)->ld;
  unary_gradient(n, [=] __device__(float d, int64_t row, int64_t j) { return f(d, y[row * ld + j]); });
}

void sigmoid_forward(const Node& n) {
  forward(n, [] __device__(float x) { return v_sigmoid(x); });
}
void sigmoid_backward(const Node& n) {
  backward(n, [] __device__(float d, float y) { return flow(d, y * (1.0f - y)); });
}

void tanh_forward(const Node& n) {
  forward(n, [] __device__(float x) { return v_tanh(x); });
}
void tanh_backward(const Node& n) {
  backward(n, [] __device__(float d, float y) { return flow(d, 1.0f - y * y); });
}

// NaN stays NaN: x > 0 ? x : 0 would hide it.
void relu_forward(const Node& n) {
  forward(n, [] __device__(float x) { return x <= 0 ? 0.0f : x; });
}
void relu_backward(const Node& n) {
  backward(n, [] __device__(float d, float y) { return y == 0 ? 0.0f : d; });
}

void affine_forward(const Node& n) {
  const float scale = static_cast<float>(n.attribute(0)), shift = static_cast<float>(n.attribute(1));
  forward(n, [=] __device__(float x) { return scale * x + shift; });
}
void affine_backward(const Node& n) {
  const float scale = static_cast<float>(n.attribute(0));
  unary_gradient(n, [=] __device__(float d, int64_t, int64_t) { return d * scale; });
}
}  // namespace unary

const OpDef op_sigmoid = {GC_OP_SIGMOID, "sigmoid", nullptr, unary::sigmoid_forward, unary::sigmoid_backward};
const OpDef op_tanh = {GC_OP_TANH, "tanh", nullptr, unary::tanh_forward, unary::tanh_backward};
const OpDef op_relu = {GC_OP_RELU, "relu", nullptr, unary::relu_forward, unary::relu_backward};
const OpDef op_affine = {GC_OP_AFFINE, "affine", nullptr, unary::affine_forward, unary::affine_backward};
}  // namespace cuda
}  // namespace gatecell
