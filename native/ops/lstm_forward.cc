// lstm_forward.cc: the forward pass: for each chunk of steps one product for the input projection, then step by step U h and the cell.
#include <algorithm>
#include <cstring>

#include "../core/machine.h"
#include "lstm.h"

namespace gatecell {
namespace {

void pack_peephole(const Lstm& s) {
  if (!s.peephole_weight) return;
  for (int64_t p = 0; p < s.panels; ++p)
    for (int64_t j = 0; j < 48; ++j) {
      const int64_t unit = p * 16 + j % 16;
      s.peephole[p * 48 + j] = unit < s.H ? s.peephole_weight->data[j / 16 * s.H + unit] : 0;
    }
}

// Calls body(active rows of `mine`, first row of the step) for steps [first, last), in the order of memory.
template <class F>
void each_step(const Lstm& s, const Share& mine, int64_t first, int64_t last, F body) {
  const bool backwards = s.rows.reverse && !s.rows.has_lengths;
  for (int64_t i = 0; i < last - first; ++i) {
    const int64_t step = backwards ? last - 1 - i : first + i;
    const Range rows = s.rows.active(mine.rows, step);
    if (rows.begin < rows.end) body(rows, s.rows.first(step));
  }
}

// Does the same for a layer with a folded embedding: the row of each token is copied from a table that is made once per weight version.
void project_tokens(const Lstm& s, const Packed& token_gates, const Share& mine, int64_t first, int64_t last) {
  const int64_t panel_floats = s.table->rows * 64;
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p) {
    const float* from = token_gates.data() + p * panel_floats;
    each_step(s, mine, first, last, [&](Range rows, int64_t begin) {
      float* to = s.gate_rows(p, begin + rows.begin);
      for (int64_t row = begin + rows.begin; row < begin + rows.end; ++row, to += 64)
        memcpy(to, from + int64_t{s.x->ids[s.rows.at(row)]} * 64, 64 * sizeof(float));
    });
  }
}

// Ids are copies in the plan's own memory, so they cannot change after this check.
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

// Return the words from row to row of x, which are f32, pairs of bf16 or four codes; and the address of row number `row`.
int64_t x_words(const Lstm& s) { return s.x->ld / static_cast<int>(s.x_format); }
const float* x_from(const Lstm& s, int64_t row) {
  const int64_t at = row * s.x->ld;
  if (s.x_format == Format::kInt8) return reinterpret_cast<const float*>(s.x8 + at);
  if (s.x_format == Format::kBf16) return reinterpret_cast<const float*>(s.x16 + at);
  return (s.rows.has_lengths ? s.x_rows : s.x->data) + at;
}

// Gathers `count` active rows of x, beginning with `row`, into contiguous rows, rounded if the product needs it.
void gather_x(const Lstm& s, int64_t row, int64_t count) {
  const int64_t ld = s.x->ld, to = row * ld;
  const auto convert = [&](const float* from, int64_t first, int64_t rows) {
    const int64_t at = first * ld;
    if (s.x_format == Format::kInt8) int8_kernels().quantize(from, ld, s.x8 + at, ld, rows, ld, s.x_ranges + first);
    else if (s.x_format == Format::kBf16) bf16_kernels().narrow(from, ld, s.x16 + at, ld, rows, ld);
    else memcpy(s.x_rows + at, from, static_cast<size_t>(rows * ld) * 4);
  };
  if (!s.rows.has_lengths) return convert(s.x->data + to, row, count);
  for (int64_t i = row; i < row + count; ++i) convert(s.x->data + s.rows.positions[i] * ld, i, 1);
}

bool gathers(const Lstm& s) { return !s.table && (s.rows.has_lengths || s.x_format != Format::kF32); }

void gather_steps(const Lstm& s, Range rows) {
  each_step(s, {rows, {}}, 0, s.rows.steps(),
            [&](Range live, int64_t begin) { gather_x(s, begin + live.begin, live.end - live.begin); });
}

// Sets the gate pre-activations of steps [first, last) to W x + b.
void project(const Lstm& s, const Packed& w, const Share& mine, int64_t first, int64_t last) {
  PackedProduct m;
  m.a_row = x_words(s);
  m.segment_length = w.k;
  m.b = &w;
  m.c_row = 64;
  m.c_block = s.panel_stride;
  m.columns = s.panels * 64;
  m.start = s.norm ? nullptr : s.bias;
  const auto multiply_from = [&](int64_t row, Range rows, Range panels) {
    m.a = x_from(s, row);
    m.c = (s.norm ? s.norm_x : s.gates) + s.gate_at(row);
    multiply(m, rows, panels);
  };
  if (s.rows.whole(mine.rows)) {  // whole steps, whose rows are contiguous
    const Range span = s.rows.span(first, last);
    multiply_from(span.begin, {0, span.end - span.begin}, mine.panels);
    return;
  }
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p)
    each_step(s, mine, first, last, [&](Range rows, int64_t begin) { multiply_from(begin, rows, {p, p + 1}); });
}

// int8: computes the integer sums of the operand of one step (x or h), scales them, and adds them to the pre-activations, beginning with `row`.
void add_codes(const Lstm& s, const Packed& w, const float* codes, int64_t ld, const float* ranges, Range rows,
               Range panels, int64_t row) {
  PackedProduct m;
  m.a = codes;
  m.a_row = ld / 4;
  m.segment_length = w.k;
  m.b = &w;
  m.c = reinterpret_cast<float*>(s.sums);
  m.c_row = 64;
  m.c_block = s.B * 64;
  m.columns = s.panels * 64;
  multiply(m, rows, panels);
  const int64_t first = rows.begin;
  for (int64_t p = panels.begin; p < panels.end; ++p)
    int8_kernels().dequantize_add(s.sums + (p * s.B + first) * 64, w.correction() + p * 64, w.scale() + p * 64,
                                  ranges + first, s.gate_rows(p, row + first), rows.end - first);
}

// Calls body(panels) for groups of panels. Successive steps traverse the panels in opposite directions, so that a step begins with the weights
// that the step before left in the cache. With one or two rows panels are taken in pairs: more independent chains hide more latency.
template <class F>
void each_group(const Lstm& s, Range panels, int64_t rows, bool backwards, F body) {
  const bool stream = rows <= 2;
  const int64_t size = s.whole_rows() || (stream && s.T == 1) ? panels.end - panels.begin : stream ? 2 : 1;
  const int64_t count = size > 0 ? (panels.end - panels.begin + size - 1) / size : 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t first = panels.begin + (backwards ? count - 1 - i : i) * size;
    body(Range{first, std::min(first + size, panels.end)});
  }
}

// `reset`: the pack of W_hn, if the reset gate comes before its product.
void step_forward(const Lstm& s, const Packed& w, const Packed& u, const Packed* reset, const Share& mine,
                  int64_t step) {
  const Range rows = s.rows.active(mine.rows, step);
  const int64_t count = rows.end - rows.begin, row = s.rows.first(step);
  if (count <= 0) return;
  PackedProduct m;
  m.a = s.operand(step);
  m.a_row = s.h_ld / static_cast<int>(s.format);
  m.segment_length = u.k;
  m.b = &u;
  m.c = (s.norm ? s.norm_h : s.gates) + s.gate_at(row);
  m.c_row = 64;
  m.c_block = s.panel_stride;
  m.columns = s.panels * 64;
  m.accumulate = !s.norm;
  m.backwards = step % 2 != 0;
  each_group(s, mine.panels, count, m.backwards, [&](Range panels) {
    if (s.x_format == Format::kInt8) add_codes(s, w, x_from(s, row), s.x->ld, s.x_ranges + row, rows, panels, row);
    if (s.format == Format::kInt8) add_codes(s, u, m.a, s.h_ld, s.h_ranges + row, rows, panels, row);
    else multiply(m, rows, panels);
    for (int64_t p = panels.begin; p < panels.end && !s.norm; ++p) lstm_cells_forward(s, s.variant, rows, p, step);
    if (reset) gru_reset_forward(s, *reset, rows, step);
    if (!s.projection && !s.norm) lstm_publish(s, s.h_after(step), rows, s.columns_of(panels), step + 1);
  });
  if (!s.norm) return;
  for (int64_t r = rows.begin; r < rows.end; ++r) lstm_norm_recurrent(s, row + r);
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p) lstm_cells_forward(s, s.variant, rows, p, step);
  for (int64_t r = rows.begin; r < rows.end; ++r) lstm_norm_output(s, r, step);
}

// Completes a step after its cells: computes h if it is a projection of their outputs, copies it to y, and cells and gates to the caller.
void finish_step(Plan& plan, const Node& node, const Lstm& s, const Share& mine, int64_t step) {
  const Range rows = s.rows.active(mine.rows, step);
  if (rows.begin >= rows.end) return;
  Range columns = s.columns_of(mine.panels);
  if (s.projection) {
    columns = {0, s.h_ld};
    lstm_project(plan, node, s, rows, step);
  }
  if (s.projection || s.norm) lstm_publish(s, s.h_after(step), rows, columns, step + 1);
  lstm_scatter_output(s, rows, columns, step);
  if (s.has_copies) lstm_copy_step(s, mine, rows, step);
}

// int8 projects x within the steps; before them the pre-activations of the chunk are set to the bias.
void start_with_bias(const Lstm& s, const Share& mine, int64_t first, int64_t last) {
  for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p)
    each_step(s, mine, first, last, [&](Range rows, int64_t begin) {
      float* to = s.gate_rows(p, begin + rows.begin);
      for (int64_t row = rows.begin; row < rows.end; ++row, to += 64) memcpy(to, s.bias + p * 64, 64 * sizeof(float));
    });
}

// Computes the part of steps [first, last) that does not depend on h.
void begin_chunk(Plan& plan, const Node& node, const Lstm& s, const Share& mine, int64_t first, int64_t last) {
  const Packed& w = *plan.store->packs[node.packs[kIhForward]];
  if (s.table) project_tokens(s, *plan.store->packs[node.packs[kTokenPack]], mine, first, last);
  else if (s.x_format == Format::kInt8) start_with_bias(s, mine, first, last);
  else project(s, w, mine, first, last);
  if (s.norm)
    each_step(s, mine, first, last, [&](Range rows, int64_t begin) {
      for (int64_t row = begin + rows.begin; row < begin + rows.end; ++row) lstm_norm_input(s, row);
    });
}

// Computes one thread's part of the pass.
void run_forward(Plan& plan, const Node& node, const Lstm& s, int index, int team, Barrier& barrier) {
  const Packed &w = *plan.store->packs[node.packs[kIhForward]], &u = *plan.store->packs[node.packs[kHhForward]];
  const Packed* reset = s.kind == CellKind::kResetGru ? plan.store->packs[node.packs[kNewForward]].get() : nullptr;
  const bool by_rows = lstm_split(s, team) == Split::kRows;
  const Share mine = lstm_share(s, index, team);
  const int64_t steps = s.rows.steps();
  lstm_clear_padding(s, s.y->data, s.h_ld, index, team);
  lstm_clear_copies(s, index, team);
  if (gathers(s) && s.T > 1) {  // a thread's own rows; with panels per thread, all rows before any thread begins
    gather_steps(s, by_rows ? mine.rows : s.rows.owned(index, team));
    if (!by_rows) barrier.wait(team);
  }
  Lstm part = s;  // with a gate buffer of the thread's own, of one chunk, if no backward pass reads the gates
  lstm_own_gates(part, mine, index, team);
  for (int64_t first = 0; first < steps; first += s.chunk) {
    const int64_t last = std::min(first + s.chunk, steps);
    if (!s.keep) part.gate_base = s.rows.span(first, last).begin;
    begin_chunk(plan, node, part, mine, first, last);
    for (int64_t step = first; step < last; ++step) {
      step_forward(part, w, u, reset, mine, step);
      finish_step(plan, node, part, mine, step);
      if (!by_rows && step + 1 < steps) barrier.wait(team);  // after the last step the join of the team is the barrier
    }
  }
}
// Prepares the pass before the threads start. Returns false if the run ends here.
bool begin_forward(Plan& plan, const Node& node, const Lstm& s) {
  if (s.table && !tokens_in_range(plan, s)) return false;
  if (!lstm_read_lengths(plan, node, s)) return false;
  pack_peephole(s);
  lstm_pack_gains(plan, node, s);
  lstm_start_states(s);
  lstm_draw_masks(plan, node, s);
  lstm_start_ranges(s);
  lstm_publish(s, s.h_start(), {0, s.B}, {0, s.h_ld}, 0);
  if (gathers(s) && s.T == 1) gather_steps(s, {0, s.B});  // so that the threads of a single step need no barrier
  return true;
}

double forward_flops(const Lstm& s) { return s.row_flops() * static_cast<double>(s.rows.count()); }

void both_forward(Plan& plan, const Node& node, const Lstm& s) {
  const Node& other = plan.nodes[node.partner];
  const Lstm o(plan, other);
  if (!begin_forward(plan, other, o)) return;
  Barrier barriers[2];
  parallel_with_barriers(plan.threads, [&](int index, int team) {
    lstm_side_by_side(index, team, [&](int which, int i, int n) {
      run_forward(plan, which ? other : node, which ? o : s, i, n, barriers[which]);
    });
  });
}
}  // namespace

void lstm_forward(Plan& plan, Node& node) {
  const Lstm s(plan, node);
  // The second of two directions runs with the first.
  const bool done = node.partner >= 0 && node.partner < node.index;
  if (!done && !begin_forward(plan, node, s)) return;
  Barrier barrier;
  if (node.partner > node.index) both_forward(plan, node, s);
  else if (!done) {
    const int team = lstm_team(plan, s, forward_flops(s));
    parallel(team, lstm_split(s, team) == Split::kRows || s.T == 1 ? Shares::kIndependent : Shares::kBarrier,
             [&](int index, int size) { run_forward(plan, node, s, index, size, barrier); });
  }
  if (plan.run_status == GC_OK) lstm_final_states(s, plan.output(node, kHT), plan.output(node, kCT));
}
}  // namespace gatecell
