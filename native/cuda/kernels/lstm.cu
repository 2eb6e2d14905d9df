// lstm.cu: memory and kernel choice of the recurrent layers.
#include "lstm.h"

#include <algorithm>
#include <cstring>

#include "lstm_resident.h"

namespace gatecell {
namespace cuda {
namespace {
const char* product_name(int32_t precision) {
  if (precision == GC_BF16) return "bf16 tensor cores";
  return precision == GC_TF32 ? "tf32 tensor cores" : "exact f32 chains";
}

bool zones(const Node& n) { return n.attribute(kZoneoutC) > 0 || n.attribute(kZoneoutH) > 0; }
bool is_gru(const Node& n) { return n.node.opcode == GC_OP_GRU; }

void name_variants(const Node& n) {
  const auto add = [&](bool there, const char* name) {
    const size_t used = strlen(n.node.why);
    if (there) snprintf(n.node.why + used, sizeof n.node.why - used, "; %s", name);
  };
  add(n.in(kLengths) != nullptr, "lengths: rows longest first, padding is not computed");
  add(n.in(kPeephole) != nullptr, "peepholes");
  add(zones(n), "zoneout");
  add(n.attribute(kDropout) > 0, "recurrent dropout");
  add(n.in(kWeightHr) != nullptr, "output projection");
  add(n.in(kGainIh) != nullptr, "layer normalisation");
  add(n.node.partner >= 0, "side by side with the other direction");
  add(n.node.stack_first >= 0 && n.node.index > n.node.stack_first,
      "at the same time as the layer below it, some steps later, if that is faster");
}

// Asks for the words that blocks of the grid kernels exchange, if these kernels fit.
void ask_for_wires(const Node& n) {
  const Lstm s(n);
  const LstmShape shape = shape_of(s);
  const LstmPlan forward = grid_forward_plan(shape, lstm_device()), backward = grid_backward_plan(shape, lstm_device());
  const bool back = s.plain() && n.node.trains && backward.blocks > 0;
  n.ask(s.plain() && forward.blocks > 0 ? forward_wire(shape, forward) * 4 : 0, GC_LIFE_FORWARD);
  n.ask(back ? backward_wire(shape, backward, s.T) * 4 : 0, GC_LIFE_BACKWARD);
}

// Asks for the packed operands of the products over all rows, if those are large. The products of a pass use the memory one after the other.
void ask_for_products(const Node& n) {
  const Lstm s(n);
  const auto bytes = [&](const Extent& size) { return product_bytes(s.precision, size); };
  n.ask(bytes(s.rows_extent(s.columns, s.I)), GC_LIFE_FORWARD);
  const std::initializer_list<int64_t> back = {bytes(s.rows_extent(s.I, s.columns)),
                                               bytes(s.weight_extent(s.columns, s.I)),
                                               bytes(s.weight_extent(s.columns, s.R))};
  n.ask(n.node.trains ? std::max(back) : 0, GC_LIFE_BACKWARD);
}

gc_status prepare(const Node& n) {
  const Tensor &x = *n.in(kX), &y = *n.out(kY), *w_hr = n.in(kWeightHr);
  const int64_t T = x.dims[0], B = x.dims[1], R = y.cols, H = w_hr ? w_hr->cols : R;
  const int64_t rows = T * B, gates = rows * gate_columns(H) * 4, state = B * H * 4;
  const gc_life kept = n.node.trains ? GC_LIFE_SAVED : GC_LIFE_FORWARD;
  const int64_t outputs = n.node.trains ? rows * H * 4 : state;
  const bool drops = n.attribute(kDropout) > 0 && n.node.trains, norm = n.in(kGainIh) != nullptr;
  n.ask(gates, kept);
  n.ask(is_gru(n) ? 0 : outputs, kept);
  n.ask(state, GC_LIFE_BACKWARD);
  n.ask(B * R * 4, GC_LIFE_BACKWARD);
  n.ask(n.in(kLengths) ? LstmRows::ints(T, B) * 4 : 0, kept);
  n.ask(drops ? B * R * 4 : 0, kept);
  n.ask(w_hr ? outputs : 0, kept);
  n.ask(w_hr ? rows * R * 4 : 0, GC_LIFE_BACKWARD);
  n.ask(norm ? gates : 0, kept);
  n.ask(norm ? gates : 0, kept);
  n.ask(norm ? gates : 0, GC_LIFE_BACKWARD);
  n.ask(norm ? rows * H * 4 : 0, GC_LIFE_BACKWARD);
  n.ask(norm ? rows * 4 * 4 : 0, kept);
  ask_for_wires(n);
  const bool half = n.plan.precision == GC_BF16;
  n.ask(half ? gate_columns(H) * ((R + 1) / 2) * 4 : 0, GC_LIFE_FORWARD);
  n.ask(half ? gate_columns(H) / 2 * R * 4 : 0, GC_LIFE_BACKWARD);
  ask_for_products(n);
  snprintf(n.node.why, sizeof n.node.why,
           "one product for the input of all steps, then one product a step with the cell in its epilogue (%s)",
           product_name(n.plan.precision));
  name_variants(n);
  return GC_OK;
}

Zoneout zoneout_of(const Node& n) {
  Zoneout z = {};
  const auto threshold = [](double p) {
    const double limit = p * 4294967296.0;
    return static_cast<uint32_t>(limit < 4294967295.0 ? limit : 4294967295.0);
  };
  const double c = n.attribute(kZoneoutC), h = n.attribute(kZoneoutH);
  z.on = zones(n);
  z.draws = z.on && n.plan.training && n.node.trains;
  z.c = static_cast<float>(c), z.h = static_cast<float>(h);
  z.below_c = threshold(c), z.below_h = threshold(h);
  z.stream = static_cast<uint64_t>(n.attribute(kStream));
  z.control = n.plan.control;
  return z;
}

// Sets the rows of an initial state; their distance is 0 if one row is used for all.
void first_state(const Tensor* t, const float*& data, int64_t& ld) {
  data = t ? t->data : nullptr;
  ld = t && t->rank == 2 ? t->ld : 0;
}

LstmView view_of(const Node& n, const Lstm& s) {
  LstmView v = {};
  v.rows.T = s.T, v.rows.B = s.B, v.rows.reverse = n.attribute(kReverse) != 0,
  v.rows.has_lengths = s.lengths != nullptr;
  if (s.lengths) v.rows.set_arrays(n.buffer<int32_t>(kSchedule));
  v.H = s.H, v.R = s.R, v.columns = s.columns;
  v.keep = n.node.trains != 0, v.gru = is_gru(n), v.norm = n.in(kGainIh) != nullptr;
  v.gates = n.buffer(kGates), v.cells = n.buffer(kCells);
  v.y = s.y->data, v.ld_y = s.y->ld;
  v.outputs = s.w_hr ? n.buffer(kOutputs) : nullptr;
  first_state(s.h0, v.h0, v.ld_h0);
  first_state(s.c0, v.c0, v.ld_c0);
  v.peephole = n.in(kPeephole) ? n.in(kPeephole)->data : nullptr;
  v.mask = n.attribute(kDropout) > 0 && n.node.trains && n.plan.training ? n.buffer(kMask) : nullptr;
  v.zoneout = zoneout_of(n);
  v.dy = s.y->grad;
  v.dh = n.buffer(kDh), v.dc = n.buffer(kDc);
  return v;
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
      lengths(n.in(kLengths)),
      w_hr(n.in(kWeightHr)),
      y(n.out(kY)),
      hT(n.out(kHT)),
      cT(n.out(kCT)),
      T(x->dims[0]),
      B(x->dims[1]),
      I(x->cols),
      H(w_hr ? w_hr->cols : y->cols),
      R(y->cols),
      columns(gate_columns(H)),
      precision(n.plan.precision),
      input_gates(is_gru(n) ? Gates::kGruInput : Gates::kLstm),
      state_gates(is_gru(n) ? Gates::kGruState : Gates::kLstm),
      view(view_of(n, *this)),
      norm_x(n.buffer(kNormX)),
      norm_h(n.buffer(kNormH)),
      norm_dh(n.buffer(kNormDh)),
      norm_dc(n.buffer(kNormDc)),
      stats(n.buffer(kStats)),
      dr(n.buffer(kDr)),
      drops(n.attribute(kDropout) > 0 && n.node.trains),
      packed(n.buffer<uint32_t>(kPacked)),
      packed_back(n.buffer<uint32_t>(kPackedBack)),
      wire(n.buffer<uint32_t>(kWire)),
      wire_back(n.buffer<uint32_t>(kWireBack)) {
  const auto data = [&](int input) { return n.in(input) ? n.in(input)->data : nullptr; };
  gain_ih = data(kGainIh), gain_hh = data(kGainHh), gain_c = data(kGainC), bias_c = data(kBiasC);
}

bool Lstm::plain() const {
  return precision != GC_FLOAT && !view.gru && !norm() && !w_hr && !view.peephole && !drops && !view.zoneout.on;
}

bool lstm_fits(const Lstm& s, int32_t kernel, bool backward) {
  if (kernel == kLstmSteps) return true;
  const bool wide = kernel == kLstmWideCluster;
  if (wide || kernel == kLstmCluster)
    return backward ? lstm_cluster_backward_fits(s, wide) : lstm_cluster_fits(s, wide);
  return backward ? lstm_grid_backward_fits(s) : lstm_grid_fits(s);
}

const OpDef op_lstm = {GC_OP_LSTM, "lstm", prepare, lstm_forward, lstm_backward};
const OpDef op_gru = {GC_OP_GRU, "gru", prepare, lstm_forward, lstm_backward};
}  // namespace cuda
}  // namespace gatecell
