// lstm_check.cc: checks of the shapes, types and rates of the LSTM layer (and the GRU), and of combinations of variants.
#include <algorithm>
#include <cstdint>

#include "../core/graph.h"
#include "draws.h"
#include "lstm.h"

namespace gatecell {

gc_status lstm_check_parameter(const Plan& plan, const Node& node, const Tensor* t, const char* what,
                               std::initializer_list<int64_t> dims) {
  if (!t) return GC_OK;
  if (t->role != GC_PARAMETER)
    return fail(GC_INVALID_ARGUMENT, "%s: expected %s to be a parameter", node.op->name, what);
  return expect_shape(plan, node, *t, what, dims);
}

// Checks a state of the batch [B, size], or, if it may be learned, a parameter [size] for every row.
gc_status lstm_check_state(const Plan& plan, const Node& node, const Tensor* t, const char* what, int64_t B,
                           int64_t size, bool learned) {
  if (!t) return GC_OK;
  const gc_status status = expect_dtype(node, *t, what, GC_F32);
  if (status != GC_OK) return status;
  if (t->role == GC_PARAMETER && learned) return expect_shape(plan, node, *t, what, {size});
  if (t->role == GC_PARAMETER)
    return fail(GC_INVALID_ARGUMENT, "%s: expected %s not to be a parameter (their rows are not padded)", node.op->name,
                what);
  return expect_shape(plan, node, *t, what, {B, size});
}

gc_status lstm_check_rates(const Node& node) {
  const char* names[] = {"reverse", "dropout", "zoneout of c", "zoneout of h"};
  const std::vector<double>& a = node.attributes;
  for (int i = kDropout; i <= kZoneoutH; ++i)
    if (!(a[i] >= 0 && a[i] < 1))
      return fail(GC_INVALID_ARGUMENT, "%s: expected %s from 0 to below 1, got %g", node.op->name, names[i], a[i]);
  return check_stream(node, a[kStream]);
}

// Checks the copies of cells and gates. A device has no kernels for them.
gc_status lstm_check_copies(const Plan& plan, const Node& node, std::initializer_list<int64_t> dims) {
  for (size_t i = kCellsOut; i < node.out.size(); ++i) {
    if (node.out[i] < 0) continue;
    const Tensor& t = plan.tensors[node.out[i]];
    if (plan.on_device)
      return fail(GC_UNSUPPORTED,
                  "%s has no kernel for the GPU that copies its cells and gates: read them on the processor",
                  node.op->name);
    gc_status status = expect_dtype(node, t, "its cells and gates", GC_F32);
    if (status == GC_OK) status = expect_shape(plan, node, t, "a copy of its cells or gates", dims);
    if (status != GC_OK) return status;
  }
  return GC_OK;
}

gc_status lstm_check_lengths(Plan& plan, const Node& node, int64_t B) {
  const Tensor* lengths = plan.input(node, kLengths);
  if (!lengths) return GC_OK;
  const gc_status status = expect_dtype(node, *lengths, "lengths", GC_I32);
  return status == GC_OK ? expect_shape(plan, node, *lengths, "lengths", {B}) : status;
}

namespace {
gc_status check_attributes(const Plan& plan, const Node& node) {
  gc_status status = lstm_check_rates(node);
  if (status == GC_OK) status = lstm_check_form(plan, node);
  if (status != GC_OK) return status;
  const std::vector<double>& a = node.attributes;
  const bool zones = a[kZoneoutC] > 0 || a[kZoneoutH] > 0;
  const auto given = [&](size_t input) { return node.in.size() > input && node.in[input] >= 0; };
  const bool projects = given(kWeightHr), norm = given(kGainIh), form = lstm_has_form(node);
  for (size_t input : {kGainHh, kGainC, kBiasC})
    if (given(input) != norm)
      return fail(GC_INVALID_ARGUMENT, "lstm: expected all four parameters of layer normalisation or none");
  if (norm && (zones || given(kPeephole) || form))
    return fail(GC_UNSUPPORTED, "lstm: layer normalisation does not go together with %s: leave one out",
                zones  ? "zoneout"
                : form ? "clip, coupled gates or other activations"
                       : "peepholes");
  if (norm && plan.format != Format::kF32)
    return fail(GC_UNSUPPORTED, "lstm: layer normalisation has only f32 kernels: use precision f32");
  if (zones && (projects || given(kPeephole) || form))
    return fail(GC_UNSUPPORTED, "lstm: zoneout does not go together with %s: leave one out",
                projects ? "an output projection"
                : form   ? "clip, coupled gates or other activations"
                         : "peepholes");
  if (projects && plan.format == Format::kInt8)
    return fail(GC_UNSUPPORTED, "lstm: an output projection has no int8 kernels: use f32 or bf16");
  return GC_OK;
}

// Sums of int8 codes are exact in int32: an operand's code reaches 255, a weight's 127.
gc_status check_int8_sums(const Plan& plan, int64_t inputs, int64_t units) {
  constexpr int64_t kMost = INT32_MAX / (255 * 127);
  const int64_t terms = std::max(inputs, units);
  if (plan.format != Format::kInt8 || terms <= kMost) return GC_OK;
  return fail(GC_UNSUPPORTED, "lstm: int8 has at most %lld inputs and units, got %lld: use f32 or bf16",
              static_cast<long long>(kMost), static_cast<long long>(terms));
}
}  // namespace

gc_status lstm_check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, kX), &y = *plan.output(node, kY), &w = *plan.input(node, kWeightHh);
  gc_status status = expect_dtype(node, x, "x", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, y, "y", GC_F32);
  if (status != GC_OK) return status;
  if (x.rank != 3) return fail(GC_INVALID_SHAPE, "lstm: expected x of shape [T, B, I], got %s", x.shape().c_str());
  const Tensor* w_hr = plan.input(node, kWeightHr);
  const int64_t T = x.dims[0], B = x.dims[1], I = x.dims[2], R = y.cols, H = w_hr ? w_hr->cols : R;
  if (w.rank != 2)
    return fail(GC_INVALID_SHAPE, "lstm: expected weight_hh of shape [4H, H], got %s", w.shape().c_str());
  if (R > H)
    return fail(GC_INVALID_SHAPE, "lstm: expected a projection to at most %lld units, got %lld",
                static_cast<long long>(H), static_cast<long long>(R));
  status = expect_shape(plan, node, y, "y", {T, B, R});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, plan.input(node, kWeightIh), "weight_ih", {4 * H, I});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, &w, "weight_hh", {4 * H, R});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, plan.input(node, kBiasIh), "bias_ih", {4 * H});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, plan.input(node, kBiasHh), "bias_hh", {4 * H});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, plan.input(node, kPeephole), "the peepholes", {3 * H});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, w_hr, "weight_hr", {R, H});
  const std::pair<int, int64_t> norms[] = {{kGainIh, 4 * H}, {kGainHh, 4 * H}, {kGainC, H}, {kBiasC, H}};
  for (const auto& [input, size] : norms)
    if (status == GC_OK)
      status = lstm_check_parameter(plan, node, plan.input(node, input), "a gain of layer normalisation", {size});
  if (status == GC_OK) status = lstm_check_state(plan, node, plan.input(node, kH0), "h0", B, R, true);
  if (status == GC_OK) status = lstm_check_state(plan, node, plan.input(node, kC0), "c0", B, H, true);
  if (status == GC_OK) status = lstm_check_state(plan, node, plan.output(node, kHT), "hT", B, R, false);
  if (status == GC_OK) status = lstm_check_state(plan, node, plan.output(node, kCT), "cT", B, H, false);
  if (status == GC_OK) status = lstm_check_copies(plan, node, {T, B, H});
  if (status == GC_OK) status = lstm_check_lengths(plan, node, B);
  if (status == GC_OK) status = check_int8_sums(plan, I, R);
  return status == GC_OK ? check_attributes(plan, node) : status;
}

gc_status lstm_check_without_cells(Plan& plan, Node& node, int64_t gates) {
  const Tensor &x = *plan.input(node, kX), &y = *plan.output(node, kY);
  const char* name = node.op->name;
  gc_status status = expect_dtype(node, x, "x", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, y, "y", GC_F32);
  if (status != GC_OK) return status;
  if (x.rank != 3) return fail(GC_INVALID_SHAPE, "%s: expected x of shape [T, B, I], got %s", name, x.shape().c_str());
  const int64_t T = x.dims[0], B = x.dims[1], I = x.dims[2], H = y.cols;
  const auto parameter = [&](int input, const char* what, std::initializer_list<int64_t> dims) {
    if (status == GC_OK) status = lstm_check_parameter(plan, node, plan.input(node, input), what, dims);
  };
  status = expect_shape(plan, node, y, "y", {T, B, H});
  parameter(kWeightIh, "weight_ih", {gates * H, I});
  parameter(kWeightHh, "weight_hh", {gates * H, H});
  parameter(kBiasIh, "bias_ih", {gates * H});
  parameter(kBiasHh, "bias_hh", {gates * H});
  if (status == GC_OK) status = lstm_check_state(plan, node, plan.input(node, kH0), "h0", B, H, true);
  if (status == GC_OK) status = lstm_check_state(plan, node, plan.output(node, kHT), "hT", B, H, false);
  if (status == GC_OK) status = lstm_check_copies(plan, node, {T, B, H});
  if (status == GC_OK) status = lstm_check_lengths(plan, node, B);
  if (status == GC_OK) status = lstm_check_rates(node);
  if (status == GC_OK && plan.format == Format::kInt8)
    return fail(GC_UNSUPPORTED, "%s has no int8 kernels: use f32 or bf16", name);
  if (status == GC_OK) status = lstm_check_form(plan, node);
  if (status != GC_OK) return status;
  if (plan.input(node, kC0) || plan.output(node, kCT) || plan.output(node, kCellsOut))
    return fail(GC_INVALID_ARGUMENT, "%s: expected no c0, cT and cells: the layer has no cell state", name);
  if (node.attributes[kZoneoutC] != 0 || node.attributes[kZoneoutH] != 0)
    return fail(GC_UNSUPPORTED, "%s: zoneout is for LSTM layers: leave it out", name);
  return GC_OK;
}
}  // namespace gatecell
