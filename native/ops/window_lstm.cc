// window_lstm.cc: shapes, memory and the forward pass of the LSTM layer with a soft window. Products are f32 in every precision.
#include "window_lstm.h"

#include <algorithm>
#include <cstring>

#include "../core/graph.h"
#include "../core/machine.h"
#include "ops.h"

namespace gatecell {
namespace {
enum {
  kOperand,
  kGates,
  kCell,
  kRaw,
  kKappa,
  kPhi,
  kZeros,
  kBiasWindow,
  kScratch,
  kDh,
  kDc,
  kDKappa,
  kDOperand,
  kDRaw,
  kPacked,
  kBlocks,
  kBufferCount
};

gc_status check_parameter(const Plan& plan, const Node& node, size_t input, const char* what,
                          std::initializer_list<int64_t> dims) {
  const Tensor* t = input < node.in.size() && node.in[input] >= 0 ? &plan.tensors[node.in[input]] : nullptr;
  if (!t) return GC_OK;
  if (t->role != GC_PARAMETER) return fail(GC_INVALID_ARGUMENT, "window_lstm: expected %s to be a parameter", what);
  return expect_shape(plan, node, *t, what, dims);
}

gc_status check_state(const Plan& plan, const Node& node, const Tensor* t, const char* what,
                      std::initializer_list<int64_t> dims) {
  if (!t) return GC_OK;
  const gc_status status = expect_dtype(node, *t, what, GC_F32);
  if (t->role == GC_PARAMETER)
    return fail(GC_INVALID_ARGUMENT, "window_lstm: expected %s not to be a parameter (their rows are not padded)",
                what);
  return status != GC_OK ? status : expect_shape(plan, node, *t, what, dims);
}

// Checks that all weights are different parameters, because different threads write their gradients at the same time.
gc_status expect_different(const Node& node) {
  for (size_t a = kWlWeightIh; a <= kWlBiasHh; ++a)
    for (size_t b = a + 1; b <= kWlBiasHh && b < node.in.size(); ++b)
      if (node.in[a] >= 0 && node.in[a] == node.in[b] && !(a == kWlBiasIh && b == kWlBiasHh))
        return fail(GC_INVALID_ARGUMENT, "window_lstm: expected different parameters, got one for inputs %d and %d",
                    static_cast<int>(a), static_cast<int>(b));
  return GC_OK;
}

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, kWlX), &y = *plan.output(node, kWlY), &w = *plan.output(node, kWlWindow),
               &weight = *plan.input(node, kWlWeightWindow), &chars = *plan.input(node, kWlChars);
  for (const Tensor* t : {&x, &y, &w}) {
    const gc_status status = expect_dtype(node, *t, "x, y and the window", GC_F32);
    if (status != GC_OK) return status;
  }
  if (x.rank != 3)
    return fail(GC_INVALID_SHAPE, "window_lstm: expected x of shape [T, B, I], got %s", x.shape().c_str());
  if (weight.rank != 2 || weight.dims[0] % 3 != 0)
    return fail(GC_INVALID_SHAPE, "window_lstm: expected weight_window of shape [3K, H], got %s",
                weight.shape().c_str());
  const int64_t T = x.dims[0], B = x.dims[1], I = x.dims[2], H = y.cols, C = w.cols, K = weight.dims[0] / 3;
  gc_status status = expect_shape(plan, node, y, "y", {T, B, H});
  const auto then = [&](gc_status next) { status = status == GC_OK ? next : status; };
  then(expect_shape(plan, node, w, "the window", {T, B, C}));
  then(check_parameter(plan, node, kWlWeightIh, "weight_ih", {4 * H, I + C}));
  then(check_parameter(plan, node, kWlWeightHh, "weight_hh", {4 * H, H}));
  then(check_parameter(plan, node, kWlWeightWindow, "weight_window", {3 * K, H}));
  then(check_parameter(plan, node, kWlBiasWindow, "bias_window", {3 * K}));
  then(check_parameter(plan, node, kWlBiasIh, "bias_ih", {4 * H}));
  then(check_parameter(plan, node, kWlBiasHh, "bias_hh", {4 * H}));
  then(expect_different(node));
  then(check_window(plan, node, chars, *plan.input(node, kWlLengths), T, B, K, C));
  if (status != GC_OK) return status;
  then(check_state(plan, node, plan.input(node, kWlH0), "h0", {B, H}));
  then(check_state(plan, node, plan.input(node, kWlC0), "c0", {B, H}));
  then(check_state(plan, node, plan.input(node, kWlKappa0), "kappa0", {B, K}));
  then(check_state(plan, node, plan.input(node, kWlWindow0), "window0", {B, C}));
  then(check_state(plan, node, plan.output(node, kWlHT), "hT", {B, H}));
  then(check_state(plan, node, plan.output(node, kWlCT), "cT", {B, H}));
  then(check_state(plan, node, plan.output(node, kWlKappaT), "kappaT", {B, K}));
  then(check_state(plan, node, plan.output(node, kWlWindowT), "windowT", {B, C}));
  then(check_state(plan, node, plan.output(node, kWlPhi), "phi", {T, B, chars.dims[1]}));
  return status;
}

// Returns the distance between panels, not a multiple of the period of the cache (128 KB): the panels of one step would evict each other.
int64_t stride_of(int64_t rows) {
  constexpr int64_t period = 128 * 1024 / 4;
  const int64_t floats = rows * 64;
  return floats % period == 0 ? floats + 1024 : floats;
}

void prepare(Plan& plan, Node& node) {
  const WindowLstm s(plan, node);
  const int64_t rows = s.T * s.B, state = s.B * s.ld * 4;
  const Life kept = node.trains ? Life::kSaved : Life::kForward;
  node.buffers.resize(kBufferCount);
  node.buffers[kOperand] = {rows * s.in_ld * 4, kept};
  node.buffers[kGates] = {s.panels * s.panel_stride * 4, kept};
  node.buffers[kCell] = {s.T * state, kept};
  node.buffers[kRaw] = {rows * s.raw_ld * 4, kept};
  node.buffers[kKappa] = {rows * s.K * 4, kept};
  node.buffers[kPhi] = {rows * s.window.U * 4, kept};
  node.buffers[kZeros] = {std::max(state, std::max(s.K, s.C) * 4), kept};
  node.buffers[kBiasWindow] = {round_up(3 * s.K, 64) * 4, Life::kForward};
  node.buffers[kScratch] = {plan.threads * s.window.scratch() * 4, kept};
  node.buffers[kDh] = {state, Life::kBackward};
  node.buffers[kDc] = {state, Life::kBackward};
  node.buffers[kDKappa] = {s.B * s.K * 4, Life::kBackward};
  node.buffers[kDOperand] = {s.B * s.in_ld * 4, Life::kBackward};
  node.buffers[kDRaw] = {rows * s.raw_ld * 4, Life::kBackward};
  node.buffers[kPacked] = {s.packed_floats() * 4, Life::kBackward};
  node.buffers[kBlocks] = {plan.threads * s.block_floats() * 4, Life::kBackward};
  const auto pack = [&](int input, PackKind kind, Gates gates) {
    node.packs.push_back(plan.store->request_pack(plan.input(node, static_cast<size_t>(input))->slot, kind, gates));
  };
  pack(kWlWeightIh, PackKind::kForward, Gates::kLstm);
  pack(kWlWeightHh, PackKind::kForward, Gates::kLstm);
  pack(kWlWeightWindow, PackKind::kForward, Gates::kNone);
  const auto slot = [&](int input) {
    const Tensor* b = plan.input(node, static_cast<size_t>(input));
    return b ? b->slot : -1;
  };
  node.packs.push_back(
      plan.store->request_gate_bias({slot(kWlBiasIh), slot(kWlBiasHh), s.H, Gates::kLstm, Gates::kLstm}));
  if (node.trains) {
    pack(kWlWeightIh, PackKind::kBackward, Gates::kLstm);
    pack(kWlWeightHh, PackKind::kBackward, Gates::kLstm);
    pack(kWlWeightWindow, PackKind::kBackward, Gates::kNone);
  }
  node.why = std::string(kernels().name) + " 6-row tiles in f32; threads split the batch, no barrier";
}

void pad_window_bias(Plan& plan, const Node& node, const WindowLstm& s) {
  memset(s.bias_window, 0, static_cast<size_t>(round_up(3 * s.K, 64)) * 4);
  memcpy(s.bias_window, plan.input(node, kWlBiasWindow)->data, static_cast<size_t>(3 * s.K) * 4);
}

// Computes the pre-activations of the rows at step t, in this order: bias, W_ih [x; w], W_hh h.
void gates_of(const WindowLstm& s, const Packed& w, const Packed& u, Range rows, int64_t t) {
  for (int64_t b = rows.begin; b < rows.end; ++b) {
    float* to = s.operand_row(t, b);
    memcpy(to, s.x->data + (t * s.B + b) * s.x->ld, static_cast<size_t>(s.I) * 4);
    memcpy(to + s.I, s.window_before(t, b), static_cast<size_t>(s.C) * 4);
    memset(to + s.I + s.C, 0, static_cast<size_t>(s.in_ld - s.I - s.C) * 4);
  }
  PackedProduct m;
  m.c = s.gate_rows(0, t, 0);
  m.c_row = 64;
  m.c_block = s.panel_stride;
  m.columns = s.panels * 64;
  m.a = s.operand_row(t, 0);
  m.a_row = s.in_ld;
  m.segment_length = w.k;
  m.b = &w;
  m.start = s.bias;
  multiply(m, rows, {0, s.panels});
  m.a = s.h_before(t);
  m.a_row = s.ld;
  m.segment_length = u.k;
  m.b = &u;
  m.start = nullptr;
  m.accumulate = true;
  multiply(m, rows, {0, s.panels});
}

void cells_of(const WindowLstm& s, Range rows, int64_t t) {
  for (int64_t p = 0; p < s.panels; ++p) {
    const int64_t at = rows.begin * s.ld + p * 16;
    gc_cell cell;
    cell.gates = s.gate_rows(p, t, rows.begin);
    cell.c_prev = s.c_before(t) + at;
    cell.c = s.cell + t * s.B * s.ld + at;
    cell.h = s.y->data + t * s.B * s.ld + at;
    cell.state_row = cell.h_row = s.ld;
    cell.rows = rows.end - rows.begin;
    kernels().cell_forward[GC_CELL_PLAIN](&cell);
  }
}

void windows_of(const WindowLstm& s, const Packed& packed, Range rows, int64_t t, float* scratch) {
  PackedProduct m;
  m.a = s.y->data + t * s.B * s.ld;
  m.a_row = s.ld;
  m.segment_length = packed.k;
  m.b = &packed;
  m.c = s.raw_row(t, 0);
  m.c_row = s.raw_ld;
  m.columns = s.raw_ld;
  m.start = s.bias_window;
  multiply(m, rows, {0, packed.blocks});
  for (int64_t b = rows.begin; b < rows.end; ++b) {
    const int64_t row = t * s.B + b;
    float* w = s.w->data + row * s.w->ld;
    s.window.forward(b, s.raw_row(t, b), s.kappa_before(t, b), s.kappa + row * s.K, s.phi + row * s.window.U, w,
                     scratch);
    memset(w + s.C, 0, static_cast<size_t>(s.w->ld - s.C) * 4);
  }
}

// Copies `cols` floats of each row of the last step, or of all, to a result.
void give(const Tensor* to, const float* from, int64_t from_ld) {
  if (!to) return;
  for (int64_t r = 0; r < to->rows; ++r) {
    memcpy(to->data + r * to->ld, from + r * from_ld, static_cast<size_t>(to->cols) * 4);
    memset(to->data + r * to->ld + to->cols, 0, static_cast<size_t>(to->ld - to->cols) * 4);
  }
}

void forward(Plan& plan, Node& node) {
  const WindowLstm s(plan, node);
  plan.run_status = check_window_data(node, s.window, s.B);
  if (plan.run_status != GC_OK) return;
  const auto pack = [&](int i) -> const Packed& { return *plan.store->packs[node.packs[static_cast<size_t>(i)]]; };
  const Packed &ih = pack(kWlIhForward), &hh = pack(kWlHhForward), &window = pack(kWlWindowForward);
  pad_window_bias(plan, node, s);
  memset(s.zeros, 0, static_cast<size_t>(node.buffers[kZeros].bytes));
  parallel(plan.team(s.flops()), [&](int index, int team) {
    const Range rows = share(s.B, index, team);
    if (rows.begin == rows.end) return;
    for (int64_t t = 0; t < s.T; ++t) {
      gates_of(s, ih, hh, rows, t);
      cells_of(s, rows, t);
      windows_of(s, window, rows, t, s.scratch + index * s.window.scratch());
    }
  });
  const int64_t last = (s.T - 1) * s.B;
  give(plan.output(node, kWlHT), s.y->data + last * s.ld, s.ld);
  give(plan.output(node, kWlCT), s.cell + last * s.ld, s.ld);
  give(plan.output(node, kWlKappaT), s.kappa + last * s.K, s.K);
  give(plan.output(node, kWlWindowT), s.w->data + last * s.w->ld, s.w->ld);
  give(plan.output(node, kWlPhi), s.phi, s.window.U);
}
}  // namespace

WindowLstm::WindowLstm(Plan& plan, const Node& node) {
  x = plan.input(node, kWlX);
  y = plan.output(node, kWlY);
  w = plan.output(node, kWlWindow);
  h0 = plan.input(node, kWlH0);
  c0 = plan.input(node, kWlC0);
  kappa0 = plan.input(node, kWlKappa0);
  window0 = plan.input(node, kWlWindow0);
  T = x->dims[0], B = x->dims[1], I = x->dims[2], H = y->cols, C = w->cols;
  K = plan.input(node, kWlWeightWindow)->dims[0] / 3;
  panels = panels_of(H);
  ld = panels * 16;
  panel_stride = stride_of(T * B);
  in_ld = round_up(I + C, 16);
  raw_ld = round_up(3 * K, 16);
  const Tensor* chars = plan.input(node, kWlChars);
  window = {K, chars->dims[1], C, chars, plan.input(node, kWlLengths)};
  if (node.buffers.empty()) return;  // still being prepared
  bias = plan.store->packs[node.packs[kWlBiasPack]]->data();
  float** const to[] = {&operand, &gates, &cell, &raw,    &kappa,    &phi,  &zeros,  &bias_window,
                        &scratch, &dh,    &dc,   &dkappa, &doperand, &draw, &packed, &blocks};
  for (size_t i = 0; i < kBufferCount; ++i) *to[i] = node.buffers[i].data;
}

const OpDef op_window_lstm = {GC_OP_WINDOW_LSTM, "window_lstm",       7, 13, 2, 7, 0, true, true, true, check, prepare,
                              forward,           window_lstm_backward};
}  // namespace gatecell
