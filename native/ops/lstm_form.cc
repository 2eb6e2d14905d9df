// lstm_form.cc: the form of a recurrent cell, from the attributes of its op: clip, coupled gates or the place of the reset gate, activations.
#include <cfloat>
#include <cmath>

#include "../core/graph.h"
#include "lstm.h"

namespace gatecell {
namespace {
// The functions f, g and h of the cell by itself, and how many of them it has.
constexpr int32_t kOwn[] = {GC_ACTIVATION_SIGMOID, GC_ACTIVATION_TANH, GC_ACTIVATION_TANH};
int function_count(const Node& node) {
  return node.op->opcode == GC_OP_LSTM ? 3 : node.op->opcode == GC_OP_GRU ? 2 : 1;
}
// Returns the attributes of function i of f, g, h: an RNN has only g, which comes first among its attributes.
const double* function_at(const Node& node, int i) {
  const int place = node.op->opcode == GC_OP_RNN ? i - 1 : i;
  return place < 0 || place >= function_count(node) ? nullptr : &node.attributes[kActivations + place * 3];
}
gc_activation function_of(const Node& node, int i) {
  const double* a = function_at(node, i);
  if (!a || a[0] == 0) return {kOwn[i], 0, 0};
  return {static_cast<int32_t>(a[0]), static_cast<float>(a[1]), static_cast<float>(a[2])};
}
bool has_own_functions(const Node& node) {
  for (int i = 0; i < 3; ++i)
    if (function_of(node, i).code != kOwn[i]) return false;
  return true;
}
}  // namespace

CellKind lstm_kind(const Node& node) {
  if (node.op->opcode == GC_OP_RNN) return CellKind::kRnn;
  if (node.op->opcode == GC_OP_LSTM) return CellKind::kLstm;
  return node.attributes[kCellForm] != 0 ? CellKind::kResetGru : CellKind::kGru;
}

bool lstm_has_form(const Node& node) {
  const CellKind kind = lstm_kind(node);
  return kind == CellKind::kRnn || node.attributes[kClip] > 0 || node.attributes[kCellForm] != 0 ||
         !has_own_functions(node);
}

gc_form lstm_form(const Node& node) {
  const double clip = node.attributes[kClip];
  gc_form form = {function_of(node, 0), function_of(node, 1), function_of(node, 2), INFINITY, 0};
  if (clip > 0) form.clip = static_cast<float>(clip);
  form.coupled = node.op->opcode == GC_OP_LSTM && node.attributes[kCellForm] != 0;
  return form;
}

gc_status lstm_check_form(const Plan& plan, const Node& node) {
  const std::vector<double>& a = node.attributes;
  const char* name = node.op->name;
  if (!(a[kClip] >= 0 && a[kClip] <= FLT_MAX))
    return fail(GC_INVALID_ARGUMENT, "%s: expected a clip from 0 to %g, got %g", name, double{FLT_MAX}, a[kClip]);
  if (!is_integer(a[kCellForm], 0, node.op->opcode == GC_OP_RNN ? 0 : 1))
    return fail(GC_INVALID_ARGUMENT, "%s: expected a form of the cell that it has, got %g", name, a[kCellForm]);
  for (int i = 0; i < 9; ++i) {
    const double v = a[static_cast<size_t>(kActivations + i)];
    if (i / 3 >= function_count(node) && v != 0)
      return fail(GC_INVALID_ARGUMENT, "%s: expected %d activations, got more", name, function_count(node));
    if (i % 3 == 0 ? !is_integer(v, 0, GC_ACTIVATION_COUNT - 1) : !(std::fabs(v) <= FLT_MAX))
      return fail(GC_INVALID_ARGUMENT, "%s: expected an activation that exists, with finite parameters, got %g", name,
                  v);
  }
  if (!lstm_has_form(node)) return GC_OK;
  if (plan.on_device)
    return fail(GC_UNSUPPORTED,
                "%s has no kernel for the GPU with clip, coupled gates, other activations or the reset gate before the "
                "product: run it on the processor",
                name);
  if (plan.format == Format::kInt8)
    return fail(GC_UNSUPPORTED, "%s: clip, coupled gates and other activations have no int8 kernels: use f32 or bf16",
                name);
  if (lstm_kind(node) == CellKind::kResetGru && plan.format != Format::kF32)
    return fail(GC_UNSUPPORTED, "gru: the reset gate before the product has only f32 kernels: use precision f32");
  return GC_OK;
}
}  // namespace gatecell
