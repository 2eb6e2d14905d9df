// map.cc: a function of tensors, element by element, in one pass: a program runs on blocks of kMapBlock elements, whose values between
// two instructions stay in the first level of cache. The gradient is a second pass, of programs that the recorder has derived. Gradients
// of broadcast inputs are written for every element, then summed in double, in an order that does not depend on threads.
#include <algorithm>

#include "../core/machine.h"
#include "map_pass.h"
#include "ops.h"
#include "rows.h"
#include "sums.h"

namespace gatecell {
namespace {
enum { kRegisters, kBackwardRegisters, kScratch, kFirstGradient };  // buffers

gc_status check(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, out, "the result", GC_F32);
  for (size_t i = 0; i < node.in.size() && status == GC_OK; ++i) {
    const Tensor* x = plan.input(node, i);
    if (!x) return fail(GC_INVALID_ARGUMENT, "map: input %zu is absent", i);
    status = expect_dtype(node, *x, "the inputs", GC_F32);
    if (status == GC_OK && !broadcasts(*x, out))
      return fail(GC_INVALID_SHAPE, "map: input %zu of shape %s does not broadcast to %s", i, x->shape().c_str(),
                  out.shape().c_str());
  }
  if (status != GC_OK) return status;
  for (int d = 0; d < out.rank; ++d) {
    bool reached = false;
    for (size_t i = 0; i < node.in.size() && !reached; ++i) {
      const Tensor& x = *plan.input(node, i);
      reached = d < x.rank && x.dims[x.rank - 1 - d] == out.dims[out.rank - 1 - d];
    }
    if (!reached) return fail(GC_INVALID_SHAPE, "map: no input has the size of the result %s", out.shape().c_str());
  }
  MapProgram program;
  return read_map(node, program);
}

// The program of a node, and the code of its passes.
struct Prepared {
  MapProgram program;
  bool wanted[kMostMapInputs];  // whether the backward pass computes the gradient of an input
  MapCode forward, backward;
  Prepared(const MapProgram& of, const bool* of_inputs)
      : program(of), forward(forward_code(program)), backward(backward_code(program, of_inputs)) {
    std::copy_n(of_inputs, kMostMapInputs, wanted);
  }
};

void prepare(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  MapProgram program;
  bool wanted[kMostMapInputs] = {};
  if (read_map(node, program) != GC_OK) return;  // `check` has read it
  for (size_t i = 0; i < node.in.size(); ++i) wanted[i] = plan.input(node, i)->wants_grad;
  const auto prepared = std::make_shared<const Prepared>(program, wanted);
  node.prepared = prepared;
  const MapCode &forward = prepared->forward, &backward = prepared->backward;
  const auto bytes = [&](const MapCode& code) { return int64_t{plan.threads} * code.registers * kMapBlock * 4; };
  node.buffers.push_back({bytes(forward), Life::kForward});
  node.buffers.push_back({bytes(backward), Life::kBackward});
  int64_t scratch = 0;
  for (size_t i = 0; i < node.in.size(); ++i)
    scratch = std::max(scratch, sum_scratch(Reduction::to_shape(out, *plan.input(node, i), out.cols)));
  node.buffers.push_back({scratch * 8, Life::kBackward});
  for (size_t i = 0; i < node.in.size(); ++i) {
    const bool summed = wanted[i] && program.grads[i] >= 0 && !plan.input(node, i)->same_shape(out);
    node.buffers.push_back({summed ? out.rows * out.cols * 4 : 0, Life::kBackward});
  }
  node.why = std::to_string(forward.steps) + " instructions on blocks of 512 elements, " +
             std::to_string(backward.steps) + " in the backward pass";
}

void forward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  const auto& prepared = *static_cast<const Prepared*>(node.prepared.get());
  map::Leaf leaves[kMostMapInputs];
  map::Pass pass = {prepared.program, prepared.forward, {}, -1, {}};
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor& x = *plan.input(node, i);
    leaves[i] = map::Leaf(x.data, x, out);
    pass.leaf[i] = &leaves[i];
  }
  pass.root[0] = {out.data, out.ld, out.cols, false};
  map::run_pass(plan, out, pass, node.buffers[kRegisters].data);
}

void backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  if (!out.grad) return no_gradients(plan, node);
  const auto& prepared = *static_cast<const Prepared*>(node.prepared.get());
  const MapProgram& program = prepared.program;
  const MapCode& code = prepared.backward;
  const bool* wanted = prepared.wanted;
  map::Leaf leaves[kMostMapInputs + 2];
  map::Pass pass = {program, code, {}, map_result_leaf(program), {}};
  int roots = 0;
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor& x = *plan.input(node, i);
    leaves[i] = map::Leaf(x.data, x, out);
    if (!wanted[i]) continue;
    if (program.grads[i] < 0) no_gradient(plan, node, i);
    else if (x.same_shape(out)) pass.root[roots++] = {x.grad, x.ld, x.cols, node.accumulate[i]};
    else pass.root[roots++] = {node.buffers[kFirstGradient + i].data, out.cols, out.cols, false};
  }
  leaves[node.in.size()] = map::Leaf(out.grad, out, out);
  leaves[node.in.size() + 1] = map::Leaf(out.data, out, out);
  for (size_t i = 0; i < node.in.size() + 2; ++i) pass.leaf[i] = &leaves[i];
  if (roots > 0) map::run_pass(plan, out, pass, node.buffers[kBackwardRegisters].data);
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor& x = *plan.input(node, i);
    if (!wanted[i] || program.grads[i] < 0 || x.same_shape(out)) continue;
    sum_rows(plan, Reduction::to_shape(out, x, out.cols), node.buffers[kFirstGradient + i].data,
             reinterpret_cast<double*>(node.buffers[kScratch].data), x.grad, x.cols, x.ld, 1, node.accumulate[i]);
  }
}
}  // namespace

const OpDef op_map = {GC_OP_MAP, "map",   1,       kMostMapInputs, 1,
                      1,         3,       true,    true,           false,
                      check,     prepare, forward, backward,       2 + kMostMapInputs + 4 * kMostMapValues,
                      true};
}  // namespace gatecell
