// lstm_forward.cc: per chunk of steps one input-projection product, then step by step U h, the cell as its epilogue.
#include <algorithm>
#include <cstring>

#include "../core/machine.h"
#include "lstm.h"

namespace gatecell {
namespace {

constexpr int64_t kChunkBytes = 256 * 1024;  // of x that one chunk of steps projects: it stays in L2 for all panels

void combine_bias(const Tensor* ih, const Tensor* hh, const Lstm& s) {
  for (int64_t j = 0; j < s.panels * 64; ++j) {
    const int64_t row = gate_row(j, s.H);
    s.bias[j] = row < 0 ? 0 : (ih ? ih->data[row] : 0) + (hh ? hh->data[row] : 0);
  }
}

struct Share {
  Range rows, panels;
};

// The same where an embedding was folded in: each token's row is copied from the table made once per weight version.
void project_tokens(const Lstm& s, const Packed& token_gates, const Share& mine, int64_t first, int64_t last) {
  const int64_t low = std::min(s.time(first), s.time(last - 1)), panel_floats = s.table->rows * 64;
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p) {
    const float* from = token_gates.data() + p * panel_floats;
    for (int64_t t = low; t < low + last - first; ++t) {
      float* to = s.gate_rows(p, t, 0);
      for (int64_t b = mine.rows.begin; b < mine.rows.end; ++b)
        memcpy(to + b * 64, from + int64_t{s.x->ids[t * s.B + b]} * 64, 64 * sizeof(float));
    }
  }
}

// Ids are copies in the plan's own memory, so what is checked here is what is read later.
bool tokens_in_range(Plan& plan, const Lstm& s) {
  for (int64_t i = 0; i < s.T * s.B; ++i) {
    const int32_t id = s.x->ids[i];
    if (id >= 0 && id < s.table->rows) continue;
    plan.run_status = fail(GC_OUT_OF_RANGE, "embedding: expected ids from 0 to %lld, got %d at position %lld",
                           static_cast<long long>(s.table->rows - 1), id, static_cast<long long>(i));
    return false;
  }
  return true;
}

// x of one time step, and the words from row to row: f32, or bf16 in pairs.
int64_t x_row(const Lstm& s) { return s.half ? s.x->ld / 2 : s.x->ld; }
const float* x_rows(const Lstm& s, int64_t t) {
  return s.half ? reinterpret_cast<const float*>(s.x16 + t * s.B * s.x->ld) : s.x->data + t * s.B * s.x->ld;
}

// Rounds this team member's rows of x to bf16 for steps [first, last).
void narrow_x(const Lstm& s, const Share& mine, int64_t first, int64_t last) {
  const int64_t low = std::min(s.time(first), s.time(last - 1)), count = mine.rows.end - mine.rows.begin, ld = s.x->ld;
  for (int64_t t = low; t < low + last - first; ++t) {
    const int64_t at = (t * s.B + mine.rows.begin) * ld;
    bf16_kernels().narrow(s.x->data + at, ld, s.x16 + at, ld, count, ld);
  }
}

// Gate pre-activations of steps [first, last) begin as W x + b.
void project(const Lstm& s, const Packed& w, const Share& mine, int64_t first, int64_t last) {
  MatMul m;
  m.a_row = x_row(s);
  m.segment_length = s.half ? (s.I + 1) / 2 : s.I;
  m.b = &w;
  m.c_row = 64;
  m.c_block = s.panel_stride;
  m.columns = s.panels * 64;
  m.start = s.bias;
  const int64_t low = std::min(s.time(first), s.time(last - 1)), count = last - first;
  if (mine.rows.end - mine.rows.begin == s.B) {  // whole steps: their rows adjoin
    m.a = x_rows(s, low);
    m.c = s.gate_rows(0, low, 0);
    multiply(m, {0, count * s.B}, mine.panels);
    return;
  }
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p) {
    for (int64_t t = low; t < low + count; ++t) {
      m.a = x_rows(s, t);
      m.c = s.gate_rows(0, t, 0);
      multiply(m, mine.rows, {p, p + 1});
    }
  }
}

void step_forward(const Lstm& s, const Packed& u, const Share& mine, int64_t step) {
  const gc_kernels& table = kernels();
  const int64_t first = mine.rows.begin, rows = mine.rows.end - first, t = s.time(step);
  MatMul m;
  m.a = s.half ? reinterpret_cast<const float*>(s.h16_before(step)) : s.h_before(step);
  m.a_row = s.half ? s.ld / 2 : s.ld;
  m.segment_length = s.half ? (s.H + 1) / 2 : s.H;
  m.b = &u;
  m.c = s.gate_rows(0, t, 0);
  m.c_row = 64;
  m.c_block = s.panel_stride;
  m.columns = s.panels * 64;
  m.accumulate = true;
  const bool stream = rows <= 2 && s.panel_stride == 64;  // all panels at once keep more chains in flight
  if (stream) multiply(m, mine.rows, mine.panels);
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p) {
    if (!stream) multiply(m, mine.rows, {p, p + 1});
    gc_cell cell;
    cell.gates = s.gate_rows(p, t, first);
    cell.c_prev = s.c_before(step) + first * s.ld + p * 16;
    cell.c = s.c_after(step) + first * s.ld + p * 16;
    cell.h = s.h_after(step) + first * s.ld + p * 16;
    cell.state_row = s.ld;
    cell.h_row = s.ld;
    cell.rows = rows;
    table.cell_forward(&cell);
    if (s.half) bf16_kernels().narrow(cell.h, s.ld, s.h16_after(step) + first * s.ld + p * 16, s.ld, rows, 16);
  }
}
}  // namespace

void lstm_forward(Plan& plan, Node& node) {
  const Lstm s(plan, node);
  const Packed &w = *plan.store->packs[node.packs[kIhForward]], &u = *plan.store->packs[node.packs[kHhForward]];
  if (s.table && !tokens_in_range(plan, s)) return;
  if (!s.table) combine_bias(plan.input(node, kBiasIh), plan.input(node, kBiasHh), s);
  memset(s.zeros, 0, static_cast<size_t>(s.B * s.ld) * 4);
  if (s.half) bf16_kernels().narrow(s.h_before(0), s.ld, s.h16_before(0), s.ld, s.B, s.ld);
  Barrier barrier;
  parallel(plan.team(8.0 * static_cast<double>(s.T * s.B * s.H * (s.I + s.H))), [&](int index, int team) {
    const Split split = lstm_split(s, team);
    const Share mine = split == Split::kRows ? Share{share(s.B, index, team), {0, s.panels}} : Share{{0, s.B}, share(s.panels, index, team)};
    if (s.half && !s.table && split == Split::kPanels) {  // each thread needs all of x
      narrow_x(s, {share(s.B, index, team), {}}, 0, s.T);
      barrier.wait(team);
    }
    const int64_t rows = std::max<int64_t>(1, mine.rows.end - mine.rows.begin);
    const int64_t chunk = std::max<int64_t>(1, kChunkBytes / (rows * s.I * 4));
    for (int64_t first = 0; first < s.T; first += chunk) {
      const int64_t last = std::min(first + chunk, s.T);
      if (s.table) project_tokens(s, *plan.store->packs[node.packs[kTokenPack]], mine, first, last);
      else if (s.half && split == Split::kRows) narrow_x(s, mine, first, last), project(s, w, mine, first, last);
      else project(s, w, mine, first, last);
      for (int64_t step = first; step < last; ++step) {
        step_forward(s, u, mine, step);
        if (split == Split::kPanels) barrier.wait(team);
      }
    }
  });
  const size_t state = static_cast<size_t>(s.B * s.ld) * 4;
  if (const Tensor* hT = plan.output(node, kHT)) memcpy(hT->data, s.h_after(s.T - 1), state);
  if (const Tensor* cT = plan.output(node, kCT)) memcpy(cT->data, s.c_after(s.T - 1), state);
}
}  // namespace gatecell
