// gru.cc: the gated recurrent unit (Cho et al. 2014) in PyTorch's form, as a cell in the code of the LSTM: the four gate slots of a unit are
// r, z and the two parts of n, of which W_ih fills one and W_hh the other.
//
//   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)      n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
//   z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)      h = (1 - z) * n + z * h before
#include "../core/graph.h"
#include "lstm.h"
#include "ops.h"

namespace gatecell {
namespace {
gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, kX), &y = *plan.output(node, kY), &w = *plan.input(node, kWeightHh);
  gc_status status = expect_dtype(node, x, "x", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, y, "y", GC_F32);
  if (status != GC_OK) return status;
  if (x.rank != 3) return fail(GC_INVALID_SHAPE, "gru: expected x of shape [T, B, I], got %s", x.shape().c_str());
  const int64_t T = x.dims[0], B = x.dims[1], I = x.dims[2], H = y.cols;
  status = expect_shape(plan, node, y, "y", {T, B, H});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, plan.input(node, kWeightIh), "weight_ih", {3 * H, I});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, &w, "weight_hh", {3 * H, H});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, plan.input(node, kBiasIh), "bias_ih", {3 * H});
  if (status == GC_OK) status = lstm_check_parameter(plan, node, plan.input(node, kBiasHh), "bias_hh", {3 * H});
  if (status == GC_OK) status = lstm_check_state(plan, node, plan.input(node, kH0), "h0", B, H, true);
  if (status == GC_OK) status = lstm_check_state(plan, node, plan.output(node, kHT), "hT", B, H, false);
  if (status == GC_OK) status = lstm_check_copies(plan, node, {T, B, H});
  if (status == GC_OK) status = lstm_check_lengths(plan, node, B);
  if (status == GC_OK) status = lstm_check_rates(node);
  if (status != GC_OK) return status;
  if (plan.input(node, kC0) || plan.output(node, kCT) || plan.output(node, kCellsOut))
    return fail(GC_INVALID_ARGUMENT, "gru: expected no c0, cT and cells: a GRU has no cell state");
  if (node.attributes[kZoneoutC] != 0 || node.attributes[kZoneoutH] != 0)
    return fail(GC_UNSUPPORTED, "gru: zoneout is for LSTM layers: leave it out");
  if (plan.format == Format::kInt8) return fail(GC_UNSUPPORTED, "gru has no int8 kernels: use f32 or bf16");
  return GC_OK;
}
}  // namespace

const OpDef op_gru = {GC_OP_GRU,
                      "gru",
                      3,
                      kLengths + 1,
                      1,
                      kGruOutputs,
                      1,
                      true,
                      true,
                      true,
                      check,
                      lstm_prepare,
                      lstm_forward,
                      lstm_backward,
                      kLstmAttributes - 1};
}  // namespace gatecell
