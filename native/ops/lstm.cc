// lstm.cc: memory and kernel choice of the LSTM layer.
#include "lstm.h"

#include <algorithm>

#include "../core/machine.h"
#include "ops.h"

namespace gatecell {

namespace {
enum {
  kGates,
  kCell,
  kZeros,
  kPackedX,
  kPackedH,
  kDh,
  kDc,
  kBlocks,
  kTokenGrad,
  kX16,
  kH16,
  kG16,
  kSums,
  kRanges,
  kHRanges,
  kSchedule,
  kXRows,
  kHRows,
  kDyRows,
  kDxRows,
  kStartH,
  kStartC,
  kMask,
  kMaskedH,
  kZoneC,
  kZoneH,
  kPeepholes,
  kOutputs,
  kDr,
  kDm,
  kPackedM,
  kProduct,
  kNormX,
  kNormH,
  kNormDh,
  kNormDc,
  kStats,
  kGains,
  kPre,
  kReset,
  kResetProduct,
  kPackedReset,
  kBufferCount
};

// Returns the steps per chunk: their gates fit in a thread's share of L2, but there are enough rows to use each panel of W several times.
int64_t chunk_steps(const Lstm& s, int team) {
  constexpr int64_t most_bytes = 256 * 1024, least_rows = 64;
  const bool by_rows = lstm_split(s, team) == Split::kRows;
  const int64_t rows = std::max<int64_t>(1, by_rows ? s.B / team : s.B);
  const int64_t panels = by_rows ? s.panels : (s.panels + team - 1) / team;
  const int64_t steps = std::max(most_bytes / (rows * panels * 64 * 4), (least_rows + rows - 1) / rows);
  return std::min(std::max<int64_t>(1, steps), s.T);
}

// Returns the distance between panels, not a multiple of the period of the cache (128 KB): the panels of one step would evict each other.
int64_t gate_panel_stride(int64_t T, int64_t B) {
  constexpr int64_t period = 128 * 1024 / 4;
  const int64_t rows = T * B * 64, step = B * 64;
  if (rows < period / 2) return rows;
  const int64_t wanted = step % period, have = rows % period;
  return rows + (wanted - have + period) % period;
}

void prepare_precision(Node& node, const Lstm& s, Life kept) {
  const int64_t rows = s.T * s.B;
  if (s.format == Format::kInt8) {
    node.buffers[kX16] = {s.x_format == Format::kInt8 ? rows * s.x->ld : 0, kept};
    node.buffers[kH16] = {rows * s.h_ld, kept};
    node.buffers[kRanges] = {rows * 4, Life::kForward};
    node.buffers[kHRanges] = {(rows + 2 * s.B) * 4, Life::kForward};
    node.buffers[kSums] = {s.panels * s.B * 64 * 4, Life::kForward};
  }
  if (s.half) {
    node.buffers[kX16] = {s.table ? 0 : rows * s.x->ld * 2, kept};
    node.buffers[kH16] = {rows * s.h_ld * 2, kept};
    node.buffers[kG16] = {s.panels * ((rows + 1) / 2) * 64 * 4, Life::kBackward};
  }
}

void prepare_variants(Node& node, const Lstm& s, Life kept) {
  const int64_t rows = s.T * s.B, state = s.B * s.ld * 4, h_state = s.B * s.h_ld * 4;
  if (s.rows.has_lengths) {
    node.buffers[kSchedule] = {LstmRows::ints(s.T, s.B) * 8, kept};
    if (!s.table && s.x_format == Format::kF32) node.buffers[kXRows] = {rows * s.x->ld * 4, kept};
    node.buffers[kHRows] = {rows * s.h_ld * 4, kept};
    node.buffers[kDyRows] = {h_state, Life::kBackward};
    if (!s.table && s.x->wants_grad) node.buffers[kDxRows] = {rows * s.x->ld * 4, Life::kBackward};
  }
  if (s.starts) node.buffers[kStartH] = {h_state, kept}, node.buffers[kStartC] = {state, kept};
  if (s.peephole_weight) node.buffers[kPeepholes] = {s.panels * 48 * 4, kept};
  if (s.dropout > 0 && node.trains)
    node.buffers[kMask] = {h_state, kept}, node.buffers[kMaskedH] = {rows * s.h_ld * 4, kept},
    node.buffers[kProduct] = {h_state, Life::kBackward};
  if (s.zones)
    for (int zone : {kZoneC, kZoneH}) node.buffers[zone] = {node.trains ? rows * s.ld * 4 : 16 * 4, kept};
  if (s.norm) {
    const int64_t gates = s.panels * s.panel_stride * 4;
    node.buffers[kNormX] = node.buffers[kNormH] = {gates, kept};
    node.buffers[kNormDh] = {gates, Life::kBackward};
    node.buffers[kNormDc] = {rows * s.ld * 4, Life::kBackward};
    node.buffers[kStats] = {rows * 4 * 4, kept};
    node.buffers[kGains] = {s.panels * (64 + 64 + 16 + 16) * 4, kept};
  }
  if (s.has_form && s.kind != CellKind::kRnn && node.trains)
    node.buffers[kPre] = {s.panels * s.panel_stride * 4, Life::kSaved};
  if (s.kind == CellKind::kResetGru) {
    node.buffers[kReset] = {s.keep ? rows * s.ld * 4 : state, kept};
    node.buffers[kResetProduct] = {state, kept};
    node.buffers[kPackedReset] = {packed_rows_floats(rows, s.H) * 4, Life::kBackward};
  }
  if (s.projection) {
    node.buffers[kOutputs] = {s.keep ? rows * s.ld * 4 : state, kept};
    node.buffers[kDr] = {rows * s.h_ld * 4, Life::kBackward};
    node.buffers[kDm] = {state, Life::kBackward};
    node.buffers[kPackedM] = {packed_rows_floats(rows, s.H) * 4, Life::kBackward};
  }
}

}  // namespace

void lstm_prepare(Plan& plan, Node& node) {
  const Lstm s(plan, node);
  const int64_t state = s.B * s.ld * 4, rows = s.T * s.B;
  const Life kept = node.trains ? Life::kSaved : Life::kForward;
  node.buffers.assign(kBufferCount, {0, Life::kForward});
  node.buffers[kGates] = {lstm_gate_bytes(s, plan.threads), kept};
  node.buffers[kCell] = {s.kind != CellKind::kLstm ? 0 : node.trains ? s.T * state : state, kept};
  node.buffers[kZeros] = {s.B * std::max(s.ld, s.h_ld) * 4, kept};
  if (!plan.only_observed) {
    node.buffers[kPackedX] = {packed_rows_floats(s.table ? s.table->rows : rows, s.I) * 4, Life::kBackward};
    node.buffers[kPackedH] = {packed_rows_floats(rows, s.R) * 4, Life::kBackward};
  }
  node.buffers[kDh] = {s.B * s.h_ld * 4, Life::kBackward};
  node.buffers[kDc] = {state, Life::kBackward};
  node.buffers[kBlocks] = {plan.threads * s.block_floats() * 4, Life::kBackward};
  node.buffers[kTokenGrad] = {s.table ? s.panels * s.table->rows * 64 * 4 : 0, Life::kBackward};
  prepare_precision(node, s, kept);
  prepare_variants(node, s, kept);
  lstm_request_packs(plan, node, s);
  node.why = lstm_why(plan, node, s);
}

Lstm::Lstm(Plan& plan, const Node& node) {
  x = plan.input(node, kX);
  h0 = plan.input(node, kH0);
  c0 = plan.input(node, kC0);
  y = plan.output(node, kY);
  for (int i = 0; i < 5; ++i) {
    copies[i] = plan.output(node, kCellsOut + static_cast<size_t>(i));
    has_copies = has_copies || copies[i];
  }
  table = plan.input(node, kTable);
  lengths = plan.input(node, kLengths);
  peephole_weight = plan.input(node, kPeephole);
  projection = plan.input(node, kWeightHr);
  T = x->dims[0], B = x->dims[1], I = table ? table->cols : x->dims[2], R = y->cols,
  H = projection ? projection->cols : R;
  kind = lstm_kind(node);
  const Gates of_input[] = {Gates::kLstm, Gates::kGruInput, Gates::kGruInput, Gates::kRnn};
  const Gates of_state[] = {Gates::kLstm, Gates::kGruState, Gates::kGruReset, Gates::kRnn};
  input_gates = of_input[static_cast<int>(kind)], state_gates = of_state[static_cast<int>(kind)];
  state_bias = kind == CellKind::kResetGru ? Gates::kGruInput : state_gates;
  panels = panels_of(H, input_gates), units = kind == CellKind::kRnn ? 64 : 16;
  ld = round_up(H, 16), h_ld = y->ld;
  rows = {T, B, node.attributes[kReverse] != 0, lengths != nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
  keep = node.trains;
  dropout = node.attributes[kDropout], zoneout_c = node.attributes[kZoneoutC], zoneout_h = node.attributes[kZoneoutH];
  drops = dropout > 0 && node.trains && plan.noise;
  zones = zoneout_c > 0 || zoneout_h > 0;
  zone_row = zones && plan.noise && node.trains ? ld : 0;
  starts = rows.has_lengths || (h0 && h0->role == GC_PARAMETER) || (c0 && c0->role == GC_PARAMETER);
  norm = plan.input(node, kGainIh) != nullptr;
  has_form = lstm_has_form(node);
  form = lstm_form(node);
  variant = kind == CellKind::kRnn        ? GC_CELL_RNN
            : kind == CellKind::kResetGru ? GC_CELL_RESET_GATES
            : kind == CellKind::kGru      ? (has_form ? GC_CELL_GRU_FORM : GC_CELL_GRU)
            : has_form                    ? GC_CELL_LSTM_FORM
            : norm                        ? GC_CELL_OPEN
            : peephole_weight             ? GC_CELL_PEEPHOLE
            : zones                       ? GC_CELL_ZONEOUT
                                          : GC_CELL_PLAIN;
  chunk = chunk_steps(*this, plan.threads);
  panel_stride = gate_panel_stride(keep ? T : chunk, B);
  format = plan.format;
  half = format == Format::kBf16;
  // The token table is computed in f32: it is small, and computed once per version of the weights.
  x_format = table ? Format::kF32 : format;
  if (node.buffers.empty()) return;  // still being prepared
  set_buffers(plan, node);
}

void Lstm::set_buffers(const Plan& plan, const Node& node) {
  rows.set_arrays(reinterpret_cast<int64_t*>(node.buffers[kSchedule].data));
  gates = node.buffers[kGates].data;
  cell = node.buffers[kCell].data;
  zeros = node.buffers[kZeros].data;
  bias = plan.store->packs[node.packs[kBiasPack]]->data();
  packed_x = node.buffers[kPackedX].data;
  packed_h = node.buffers[kPackedH].data;
  dh = node.buffers[kDh].data;
  dc = node.buffers[kDc].data;
  blocks = node.buffers[kBlocks].data;
  x16 = reinterpret_cast<uint16_t*>(node.buffers[kX16].data);
  h16 = reinterpret_cast<uint16_t*>(node.buffers[kH16].data);
  x8 = reinterpret_cast<uint8_t*>(node.buffers[kX16].data);
  h8 = reinterpret_cast<uint8_t*>(node.buffers[kH16].data);
  x_ranges = node.buffers[kRanges].data;
  h_ranges = node.buffers[kHRanges].data;
  h_bounds = h_ranges + T * B;
  sums = reinterpret_cast<int32_t*>(node.buffers[kSums].data);
  g16 = reinterpret_cast<uint32_t*>(node.buffers[kG16].data);
  token_grad = node.buffers[kTokenGrad].data;
  x_rows = node.buffers[kXRows].data;
  h_rows = node.buffers[kHRows].data;
  dy_rows = node.buffers[kDyRows].data;
  dx_rows = node.buffers[kDxRows].data;
  start_h = node.buffers[kStartH].data;
  start_c = node.buffers[kStartC].data;
  drop_mask = node.buffers[kMask].data;
  masked_h = node.buffers[kMaskedH].data;
  zone_c = node.buffers[kZoneC].data;
  zone_h = node.buffers[kZoneH].data;
  peephole = node.buffers[kPeepholes].data;
  outputs = node.buffers[kOutputs].data;
  dr = node.buffers[kDr].data;
  dm = node.buffers[kDm].data;
  packed_m = node.buffers[kPackedM].data;
  product = node.buffers[kProduct].data;
  norm_x = node.buffers[kNormX].data;
  norm_h = node.buffers[kNormH].data;
  norm_dh = node.buffers[kNormDh].data;
  norm_dc = node.buffers[kNormDc].data;
  stats = node.buffers[kStats].data;
  pre = has_form && kind != CellKind::kRnn && keep ? node.buffers[kPre].data : nullptr;
  reset_h = node.buffers[kReset].data;
  reset_product = node.buffers[kResetProduct].data;
  packed_reset = node.buffers[kPackedReset].data;
  gain_ih = node.buffers[kGains].data;
  gain_hh = gain_ih + panels * 64, gain_c = gain_hh + panels * 64, bias_c = gain_c + panels * 16;
}

const OpDef op_lstm = {GC_OP_LSTM,
                       "lstm",
                       3,
                       kLstmInputs,
                       1,
                       kLstmOutputs,
                       1,
                       true,
                       true,
                       true,
                       lstm_check,
                       lstm_prepare,
                       lstm_forward,
                       lstm_backward,
                       kLstmAttributes - 1};
}  // namespace gatecell
