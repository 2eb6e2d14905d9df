// lstm_forward.cc: per chunk of steps one input-projection product, then step by step U h, the cell as its epilogue.
#include <algorithm>
#include <cstring>

#include "../core/machine.h"
#include "lstm.h"

namespace gatecell {
namespace {

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
  const int64_t low = s.chunk_time(first), panel_floats = s.table->rows * 64;
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

// x of one time step, and the words from row to row: f32, bf16 in pairs, or codes in fours.
int64_t x_row(const Lstm& s) { return s.x->ld / static_cast<int>(s.x_format); }
const float* x_rows(const Lstm& s, int64_t t) {
  const int64_t at = t * s.B * s.x->ld;
  if (s.x_format == Format::kInt8) return reinterpret_cast<const float*>(s.x8 + at);
  return s.x_format == Format::kBf16 ? reinterpret_cast<const float*>(s.x16 + at) : s.x->data + at;
}

// Rounds some rows of x for steps [first, last).
void narrow_x(const Lstm& s, Range rows, int64_t first, int64_t last) {
  const int64_t low = std::min(s.time(first), s.time(last - 1)), count = rows.end - rows.begin, ld = s.x->ld;
  for (int64_t t = low; t < low + last - first; ++t) {
    const int64_t at = (t * s.B + rows.begin) * ld;
    if (s.x_format == Format::kInt8)
      int8_kernels().quantize(s.x->data + at, ld, s.x8 + at, ld, count, ld, s.x_ranges + t * s.B + rows.begin);
    else bf16_kernels().narrow(s.x->data + at, ld, s.x16 + at, ld, count, ld);
  }
}

// Gate pre-activations of steps [first, last) begin as W x + b.
void project(const Lstm& s, const Packed& w, const Share& mine, int64_t first, int64_t last) {
  MatMul m;
  m.a_row = x_row(s);
  m.segment_length = w.k;
  m.b = &w;
  m.c_row = 64;
  m.c_block = s.panel_stride;
  m.columns = s.panels * 64;
  m.start = s.bias;
  const int64_t low = s.chunk_time(first), count = last - first;
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

// The operand h of one step: f32, bf16 in pairs, or codes in fours.
const float* h_rows(const Lstm& s, int64_t step) {
  if (s.format == Format::kInt8) return reinterpret_cast<const float*>(s.h8_before(step));
  return s.half ? reinterpret_cast<const float*>(s.h16_before(step)) : s.h_before(step);
}

// int8: integer sums of one step's operand (x or h), scaled and added to the pre-activations.
void add_codes(const Lstm& s, const Packed& w, const float* codes, int64_t ld, const float* ranges, const Share& mine,
               int64_t t) {
  MatMul m;
  m.a = codes;
  m.a_row = ld / 4;
  m.segment_length = w.k;
  m.b = &w;
  m.c = reinterpret_cast<float*>(s.sums);
  m.c_row = 64;
  m.c_block = s.B * 64;
  m.columns = s.panels * 64;
  multiply(m, mine.rows, mine.panels);
  const int64_t first = mine.rows.begin, rows = mine.rows.end - first;
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p)
    int8_kernels().dequantize_add(s.sums + (p * s.B + first) * 64, w.correction() + p * 64, w.scale() + p * 64,
                                  ranges ? ranges + first : nullptr, s.gate_rows(p, t, first), rows);
}

void cells_forward(const Lstm& s, Range rows, int64_t p, int64_t step) {
  const int64_t first = rows.begin, at = first * s.ld + p * 16;
  gc_cell cell;
  cell.gates = s.gate_rows(p, s.time(step), first);
  cell.c_prev = s.c_before(step) + at;
  cell.c = s.c_after(step) + at;
  cell.h = s.h_after(step) + at;
  cell.state_row = s.ld;
  cell.h_row = s.ld;
  cell.rows = rows.end - first;
  kernels().cell_forward(&cell);
  if (s.half) bf16_kernels().narrow(cell.h, s.ld, s.h16_after(step) + at, s.ld, cell.rows, 16);
  if (s.format == Format::kInt8)
    int8_kernels().quantize(cell.h, s.ld, s.h8_after(step) + at, s.ld, cell.rows, 16, nullptr);
}

void step_forward(const Lstm& s, const Packed& w, const Packed& u, const Share& mine, int64_t step) {
  const int64_t rows = mine.rows.end - mine.rows.begin, t = s.time(step);
  MatMul m;
  m.a = h_rows(s, step);
  m.a_row = s.ld / static_cast<int>(s.format);
  m.segment_length = u.k;
  m.b = &u;
  m.c = s.gate_rows(0, t, 0);
  m.c_row = 64;
  m.c_block = s.panel_stride;
  m.columns = s.panels * 64;
  m.accumulate = true;
  const bool codes = s.format == Format::kInt8,
             stream = rows <= 2;  // with few rows all panels at once keep more chains in flight
  if (s.x_format == Format::kInt8) add_codes(s, w, x_rows(s, t), s.x->ld, s.x_ranges + t * s.B, mine, t);
  if (codes) add_codes(s, u, m.a, s.ld, nullptr, mine, t);
  else if (stream) multiply(m, mine.rows, mine.panels);
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p) {
    if (!codes && !stream) multiply(m, mine.rows, {p, p + 1});
    cells_forward(s, mine.rows, p, step);
  }
}

// int8 projects x inside the steps; the chunk's pre-activations begin as the bias alone.
void start_with_bias(const Lstm& s, const Share& mine, int64_t first, int64_t last) {
  const int64_t low = s.chunk_time(first);
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p)
    for (int64_t t = low; t < low + last - first; ++t)
      for (int64_t b = mine.rows.begin; b < mine.rows.end; ++b)
        memcpy(s.gate_rows(p, t, b), s.bias + p * 64, 64 * sizeof(float));
}

// Everything of steps [first, last) that does not wait for h.
void begin_chunk(Plan& plan, const Node& node, const Lstm& s, const Share& mine, int64_t first, int64_t last) {
  const Packed& w = *plan.store->packs[node.packs[kIhForward]];
  if (s.table) project_tokens(s, *plan.store->packs[node.packs[kTokenPack]], mine, first, last);
  else if (s.x_format == Format::kInt8) start_with_bias(s, mine, first, last);
  else project(s, w, mine, first, last);
}

void narrow_first_state(const Lstm& s) {
  if (s.half) bf16_kernels().narrow(s.h_before(0), s.ld, s.h16_before(0), s.ld, s.B, s.ld);
  if (s.format == Format::kInt8) int8_kernels().quantize(s.h_before(0), s.ld, s.h8_before(0), s.ld, s.B, s.ld, nullptr);
}
}  // namespace

void lstm_forward(Plan& plan, Node& node) {
  const Lstm s(plan, node);
  const Packed &w = *plan.store->packs[node.packs[kIhForward]], &u = *plan.store->packs[node.packs[kHhForward]];
  if (s.table && !tokens_in_range(plan, s)) return;
  if (!s.table) combine_bias(plan.input(node, kBiasIh), plan.input(node, kBiasHh), s);
  memset(s.zeros, 0, static_cast<size_t>(s.B * s.ld) * 4);
  narrow_first_state(s);
  Barrier barrier;
  parallel(lstm_team(plan, s, 8.0 * static_cast<double>(s.T * s.B * s.H * (s.I + s.H))), [&](int index, int team) {
    const Split split = lstm_split(s, team);
    const bool by_rows = split == Split::kRows;
    const Share mine =
        by_rows ? Share{share(s.B, index, team), {0, s.panels}} : Share{{0, s.B}, share(s.panels, index, team)};
    if (s.x_format != Format::kF32) {  // rounded rows of x: one's own, or all before anybody begins
      narrow_x(s, share(s.B, index, team), 0, s.T);
      if (!by_rows) barrier.wait(team);
    }
    for (int64_t first = 0; first < s.T; first += s.chunk) {
      const int64_t last = s.chunk_end(first);
      begin_chunk(plan, node, s, mine, first, last);
      for (int64_t step = first; step < last; ++step) {
        step_forward(s, w, u, mine, step);
        if (!by_rows) barrier.wait(team);
      }
    }
  });
  const size_t state = static_cast<size_t>(s.B * s.ld) * 4;
  if (const Tensor* hT = plan.output(node, kHT)) memcpy(hT->data, s.h_after(s.T - 1), state);
  if (const Tensor* cT = plan.output(node, kCT)) memcpy(cT->data, s.c_after(s.T - 1), state);
}
}  // namespace gatecell
