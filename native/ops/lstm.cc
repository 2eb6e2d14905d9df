// lstm.cc: shapes, memory and kernel choice of the LSTM layer.
#include "lstm.h"

#include <algorithm>

#include "../core/graph.h"
#include "../core/machine.h"
#include "ops.h"

namespace gatecell {
namespace {
enum {
  kGates,
  kCell,
  kZeros,
  kBias,
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
  kBufferCount
};

gc_status check_parameter(const Plan& plan, const Node& node, const Tensor* t, const char* what,
                          std::initializer_list<int64_t> dims) {
  if (!t) return GC_OK;
  if (t->role != GC_PARAMETER) return fail(GC_INVALID_ARGUMENT, "lstm: expected %s to be a parameter", what);
  return expect_shape(plan, node, *t, what, dims);
}

gc_status check_state(const Plan& plan, const Node& node, const Tensor* t, const char* what, int64_t B, int64_t H) {
  if (!t) return GC_OK;
  const gc_status status = expect_dtype(node, *t, what, GC_F32);
  if (t->role == GC_PARAMETER)
    return fail(GC_INVALID_ARGUMENT, "lstm: expected %s not to be a parameter (their rows are not padded)", what);
  return status != GC_OK ? status : expect_shape(plan, node, *t, what, {B, H});
}

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, kX), &y = *plan.output(node, kY), &w = *plan.input(node, kWeightHh);
  gc_status status = expect_dtype(node, x, "x", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, y, "y", GC_F32);
  if (status != GC_OK) return status;
  if (x.rank != 3) return fail(GC_INVALID_SHAPE, "lstm: expected x of shape [T, B, I], got %s", x.shape().c_str());
  const int64_t T = x.dims[0], B = x.dims[1], I = x.dims[2], H = y.cols;
  if (w.rank != 2)
    return fail(GC_INVALID_SHAPE, "lstm: expected weight_hh of shape [4H, H], got %s", w.shape().c_str());
  status = expect_shape(plan, node, y, "y", {T, B, H});
  if (status == GC_OK) status = check_parameter(plan, node, plan.input(node, kWeightIh), "weight_ih", {4 * H, I});
  if (status == GC_OK) status = check_parameter(plan, node, &w, "weight_hh", {4 * H, H});
  if (status == GC_OK) status = check_parameter(plan, node, plan.input(node, kBiasIh), "bias_ih", {4 * H});
  if (status == GC_OK) status = check_parameter(plan, node, plan.input(node, kBiasHh), "bias_hh", {4 * H});
  if (status == GC_OK) status = check_state(plan, node, plan.input(node, kH0), "h0", B, H);
  if (status == GC_OK) status = check_state(plan, node, plan.input(node, kC0), "c0", B, H);
  if (status == GC_OK) status = check_state(plan, node, plan.output(node, kHT), "hT", B, H);
  if (status == GC_OK) status = check_state(plan, node, plan.output(node, kCT), "cT", B, H);
  return status;
}

// As many steps as leave their gates in a thread's share of L2, but enough rows to use W's panels several times.
int64_t chunk_steps(const Lstm& s, int team) {
  constexpr int64_t gate_bytes = 256 * 1024, least_rows = 64;
  const bool by_rows = lstm_split(s, team) == Split::kRows;
  const int64_t rows = std::max<int64_t>(1, by_rows ? s.B / team : s.B);
  const int64_t panels = by_rows ? s.panels : (s.panels + team - 1) / team;
  const int64_t steps = std::max(gate_bytes / (rows * panels * 64 * 4), (least_rows + rows - 1) / rows);
  return std::min(std::max<int64_t>(1, steps), s.T);
}

// A panel's distance must not be a multiple of the cache's period (128 KB), or the panels of one step evict each other.
int64_t gate_panel_stride(int64_t T, int64_t B) {
  constexpr int64_t period = 128 * 1024 / 4;
  const int64_t rows = T * B * 64, step = B * 64;
  if (rows < period / 2) return rows;
  const int64_t wanted = step % period, have = rows % period;
  return rows + (wanted - have + period) % period;
}

std::string format_name(Format format) {
  if (format == Format::kInt8) return std::string(int8_kernels().name) + " int8";
  if (format == Format::kBf16) return std::string(bf16_kernels().name) + " bf16";
  return kernels().name;
}

void prepare(Plan& plan, Node& node) {
  const Lstm s(plan, node);
  const int64_t state = s.B * s.ld * 4, rows = s.T * s.B;
  const Life kept = node.trains ? Life::kSaved : Life::kForward;
  node.buffers.resize(kBufferCount);
  node.buffers[kGates] = {s.panels * s.panel_stride * 4, kept};
  node.buffers[kCell] = {node.trains ? s.T * state : state, kept};
  node.buffers[kZeros] = {state, kept};
  node.buffers[kBias] = {s.panels * 64 * 4, Life::kForward};
  node.buffers[kPackedX] = {packed_rows_floats(s.table ? s.table->rows : rows, s.I) * 4, Life::kBackward};
  node.buffers[kPackedH] = {packed_rows_floats(rows, s.H) * 4, Life::kBackward};
  node.buffers[kDh] = {state, Life::kBackward};
  node.buffers[kDc] = {state, Life::kBackward};
  node.buffers[kBlocks] = {plan.threads * s.block_floats() * 4, Life::kBackward};
  node.buffers[kTokenGrad] = {s.table ? s.panels * s.table->rows * 64 * 4 : 0, Life::kBackward};
  if (s.format == Format::kInt8) {
    node.buffers[kX16] = {s.x_format == Format::kInt8 ? rows * s.x->ld : 0, kept};
    node.buffers[kH16] = {(s.T + 1) * s.B * s.ld, kept};
    node.buffers[kRanges] = {rows * 4, Life::kForward};
    node.buffers[kSums] = {s.panels * s.B * 64 * 4, Life::kForward};
  }
  if (s.half) {
    node.buffers[kX16] = {s.table ? 0 : rows * s.x->ld * 2, kept};
    node.buffers[kH16] = {(s.T + 1) * s.B * s.ld * 2, kept};
    node.buffers[kG16] = {s.panels * s.gate_words() * 64 * 4, Life::kBackward};
  }
  const int ih = plan.input(node, kWeightIh)->slot, hh = plan.input(node, kWeightHh)->slot;
  node.packs.assign(kTokenPack + 1, plan.store->request_pack(ih, PackKind::kForwardGates, s.x_format));
  node.packs[kHhForward] = plan.store->request_pack(hh, PackKind::kForwardGates, s.format);
  if (node.trains) node.packs[kHhBackward] = plan.store->request_pack(hh, PackKind::kBackwardGates, s.format);
  if (node.trains && (s.table || s.x->wants_grad))
    node.packs[kIhBackward] = plan.store->request_pack(ih, PackKind::kBackwardGates, s.x_format);
  if (s.table) {
    const Tensor *b_ih = plan.input(node, kBiasIh), *b_hh = plan.input(node, kBiasHh);
    node.packs[kTokenPack] =
        plan.store->request_token_gates({s.table->slot, ih, b_ih ? b_ih->slot : -1, b_hh ? b_hh->slot : -1});
  }
  node.why = format_name(s.format) + " 6-row tiles; " +
             (lstm_split(s, plan.threads) == Split::kRows ? "threads split the batch, no barrier"
                                                          : "threads split the hidden units, one barrier a step") +
             (s.table ? "; the embedding is folded in: one row of W e + b per token of the vocabulary" : "");
}
}  // namespace

Lstm::Lstm(Plan& plan, const Node& node) {
  x = plan.input(node, kX);
  h0 = plan.input(node, kH0);
  c0 = plan.input(node, kC0);
  y = plan.output(node, kY);
  table = plan.input(node, kTable);
  T = x->dims[0], B = x->dims[1], I = table ? table->cols : x->dims[2], H = y->cols;
  panels = panels_of(H);
  ld = panels * 16;
  reverse = node.attributes[0] != 0;
  keep = node.trains;
  chunk = chunk_steps(*this, plan.threads);
  panel_stride = gate_panel_stride(keep ? T : chunk, B);
  format = plan.format;
  half = format == Format::kBf16;
  // The token table is made in f32: it is small, and made once per weight version.
  x_format = table ? Format::kF32 : format;
  if (node.buffers.empty()) return;  // still being prepared
  gates = node.buffers[kGates].data;
  cell = node.buffers[kCell].data;
  zeros = node.buffers[kZeros].data;
  bias = node.buffers[kBias].data;
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
  sums = reinterpret_cast<int32_t*>(node.buffers[kSums].data);
  g16 = reinterpret_cast<uint32_t*>(node.buffers[kG16].data);
  token_grad = node.buffers[kTokenGrad].data;
}

const float* Lstm::h_before(int64_t step) const {
  if (step > 0) return h_after(step - 1);
  return h0 ? h0->data : zeros;
}

const float* Lstm::c_before(int64_t step) const {
  if (step > 0) return c_after(step - 1);
  return c0 ? c0->data : zeros;
}

Split lstm_split(const Lstm& s, int team) {
  // With few rows a thread, each thread would stream all of U every step for little work: then it is better to own a share of U.
  const int64_t rows = s.B / team;
  return team == 1 || rows >= 8 || (rows >= 1 && s.panels < 2 * team) ? Split::kRows : Split::kPanels;
}

int lstm_team(const Plan& plan, const Lstm& s, double flops) {
  const int team = plan.team(flops);
  return lstm_split(s, team) == Split::kPanels ? plan.team(8.0 * static_cast<double>(s.B * s.H * s.H)) : team;
}

const OpDef op_lstm = {GC_OP_LSTM,   "lstm",       3, 7, 1, 3, 1, true, true, true, check, prepare,
                       lstm_forward, lstm_backward};
}  // namespace gatecell
