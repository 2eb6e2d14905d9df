// lstm.cu: memory and kernel choice of the LSTM layer.
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {
const char* product_name(int32_t precision) {
  if (precision == GC_BF16) return "bf16 tensor cores";
  return precision == GC_TF32 ? "tf32 tensor cores" : "exact f32 chains";
}

// What the processor's layer can and this one cannot is refused, never left out.
gc_status refuse_variants(const Node& n) {
  bool plain = true;
  for (int32_t i = kC0 + 1; i < n.node.inputs; ++i) plain = plain && !n.in(i);
  if (!plain)
    return fail(GC_UNSUPPORTED,
                "the CUDA backend has no lstm with lengths, peepholes or a projection: use the processor");
  for (int32_t i = 1; i < n.node.attribute_count; ++i) plain = plain && n.attribute(i) == 0;
  if (!plain)
    return fail(GC_UNSUPPORTED, "the CUDA backend has no lstm with recurrent dropout or zoneout: use the processor");
  for (int32_t i : {kH0, kC0}) plain = plain && (!n.in(i) || n.in(i)->rank == 2);
  return plain
             ? GC_OK
             : fail(GC_UNSUPPORTED, "the CUDA backend has no lstm whose first state is a parameter: use the processor");
}

gc_status prepare(const Node& n) {
  const gc_status refused = refuse_variants(n);
  if (refused != GC_OK) return refused;
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
