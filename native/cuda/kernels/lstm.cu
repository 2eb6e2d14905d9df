// lstm.cu: memory and kernel choice of the LSTM layer.
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {
const char* product_name(int32_t precision) {
  if (precision == GC_BF16) return "bf16 tensor cores";
  return precision == GC_TF32 ? "tf32 tensor cores" : "exact f32 chains";
}

gc_status prepare(const Node& n) {
  const Tensor &x = *n.in(kX), &y = *n.out(kY);
  const int64_t rows = x.rows, state = x.dims[1] * y.cols * 4;
  const gc_life kept = n.node.trains ? GC_LIFE_SAVED : GC_LIFE_FORWARD;
  n.ask(rows * gate_columns(y.cols) * 4, kept);
  n.ask(n.node.trains ? x.dims[0] * state : state, kept);
  n.ask(state, GC_LIFE_BACKWARD);
  snprintf(n.node.why, sizeof n.node.why,
           "one product for the input of all steps, then one product a step with the cell in its epilogue (%s)",
           product_name(n.plan.precision));
  return GC_OK;
}
}  // namespace

Lstm::Lstm(const Node& n)
    : x(n.in(kX)),
      w_ih(n.in(kWeightIh)),
      w_hh(n.in(kWeightHh)),
      b_ih(n.in(kBiasIh)),
      b_hh(n.in(kBiasHh)),
      h0(n.in(kH0)),
      c0(n.in(kC0)),
      y(n.out(kY)),
      hT(n.out(kHT)),
      cT(n.out(kCT)),
      T(x->dims[0]),
      B(x->dims[1]),
      I(x->cols),
      H(y->cols),
      columns(gate_columns(H)),
      reverse(n.attribute(0) != 0),
      keep(n.node.trains != 0),
      precision(n.plan.precision),
      gates(n.buffer(kGates)),
      cells(n.buffer(kCells)),
      dc(n.buffer(kDc)) {}

const OpDef op_lstm = {GC_OP_LSTM, "lstm", prepare, lstm_forward, lstm_backward};
}  // namespace cuda
}  // namespace gatecell
