// unary.cc: sigmoid, tanh, relu and scale * x + shift, element by element. Gradients are taken from the results.
#include <cmath>

#include "../core/machine.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {

gc_status check(Plan& plan, Node& node) { return check_like(plan, node, 1); }

void table_forward(Plan& plan, Node& node, void (*f)(const float*, float*, int64_t)) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  for_rows(plan, out, 16, [&](int64_t row) { f(x.data + row * x.ld, out.data + row * out.ld, x.cols); });
}

void sigmoid_forward(Plan& plan, Node& node) { table_forward(plan, node, kernels().sigmoid); }

void sigmoid_backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  unary_gradient(plan, node, 3, [&](const float* d, int64_t row) {
    const float* y = out.data + row * out.ld;
    return [=](int64_t j) { return flow(d[j], y[j] * (1.0f - y[j])); };
  });
}

void tanh_forward(Plan& plan, Node& node) { table_forward(plan, node, kernels().tanh); }

void tanh_backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  unary_gradient(plan, node, 3, [&](const float* d, int64_t row) {
    const float* y = out.data + row * out.ld;
    return [=](int64_t j) { return flow(d[j], 1.0f - y[j] * y[j]); };
  });
}

// NaN stays NaN: x > 0 ? x : 0 would hide it.
void relu_forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  for_rows(plan, out, 1, [&](int64_t row) {
    const float* from = x.data + row * x.ld;
    put(out.data + row * out.ld, x.cols, false, [=](int64_t j) { return from[j] <= 0 ? 0.0f : from[j]; });
  });
}

void relu_backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  unary_gradient(plan, node, 2, [&](const float* d, int64_t row) {
    const float* y = out.data + row * out.ld;
    return [=](int64_t j) { return y[j] == 0 ? 0.0f : d[j]; };
  });
}

gc_status affine_check(Plan& plan, Node& node) {
  for (double value : node.attributes)
    if (!std::isfinite(static_cast<float>(value)))
      return fail(GC_INVALID_ARGUMENT, "affine: expected a finite scale and shift, got %g", value);
  return check_like(plan, node, 1);
}

void affine_forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  const float scale = static_cast<float>(node.attributes[0]), shift = static_cast<float>(node.attributes[1]);
  for_rows(plan, out, 2, [&](int64_t row) {
    const float* from = x.data + row * x.ld;
    put(out.data + row * out.ld, x.cols, false, [=](int64_t j) { return scale * from[j] + shift; });
  });
}

void affine_backward(Plan& plan, Node& node) {
  const float scale = static_cast<float>(node.attributes[0]);
  unary_gradient(plan, node, 1, [=](const float* d, int64_t) { return [=](int64_t j) { return d[j] * scale; }; });
}
}  // namespace

const OpDef op_sigmoid = {GC_OP_SIGMOID,   "sigmoid",       1, 1, 1, 1, 0, false, true, false, check, nullptr,
                          sigmoid_forward, sigmoid_backward};
const OpDef op_tanh = {GC_OP_TANH,   "tanh",       1, 1, 1, 1, 0, false, true, false, check, nullptr,
                       tanh_forward, tanh_backward};
const OpDef op_relu = {GC_OP_RELU,   "relu",       1, 1, 1, 1, 0, false, true, false, check, nullptr,
                       relu_forward, relu_backward};
const OpDef op_affine = {GC_OP_AFFINE,   "affine",       1, 1, 1, 1, 2, false, false, false, affine_check, nullptr,
                         affine_forward, affine_backward};
}  // namespace gatecell
