// lstm.h: one recurrent layer (LSTM, GRU, RNN) over a whole sequence, and the layout of its memory. lstm_forward.cc has the forward pass,
// lstm_backward.cc the recurrence back through time, lstm_cell.cc the cell of one step, lstm_gradients.cc the gradients of weights and inputs,
// lstm_share.cc the distribution of the work to threads, lstm_rows.cc the rows that are active at each step, lstm_noise.cc random masks,
// lstm_norm.cc layer normalisation, lstm_projection.cc the output projection, gru_reset.cc the GRU with two products a step, lstm_copies.cc
// copies of cells and gates for the caller.
//
// Hidden units come in panels of 16 (an RNN: 64). The gate buffer is [panel][row][64] (i[16] f[16] g[16] o[16]): it takes the input
// projection, then pre-activations, then activations, and in the backward pass the gradients of the pre-activations, all in
// place; and it is already the packed operand of the weight-gradient product. A row is one batch row at one step; the rows of a
// step are contiguous. Without lengths row t * B + b is that of time t; with lengths only active rows exist (see LstmRows).
// Without a backward pass the buffer holds one chunk of steps.
#pragma once
#include <algorithm>

#include "../core/op.h"
#include "../core/packed_product.h"
#include "../kernels/table.h"
#include "gatecell/lstm_slots.h"

namespace gatecell {

constexpr int kTable = kLstmInputs;  // the table of a folded embedding comes after the inputs of the op
enum LstmPack {
  kIhForward,
  kHhForward,
  kHhBackward,
  kIhBackward,
  kTokenPack,
  kHrForward,
  kHrBackward,
  kNewForward,  // the rows of n of W_hh, if the reset gate comes before their product
  kNewBackward,
  kBiasPack,
  kPackCount
};  // a pack that is not needed repeats kIhForward

// The batch rows that are active at each step. With lengths they are sorted, longest first (equal ones in their order), so that the
// active rows of a step are the first live(step) of them, and the rows of all steps are stored one after the other: what PyTorch calls a
// packed sequence, with nothing computed for padding. The reverse direction starts at the end of each row.
struct LstmRows {
  int64_t T, B;
  bool reverse, has_lengths;
  int64_t *batch_sizes, *begin, *order, *length, *positions;  // [T], [T + 1], [B], [B], [T * B]

  static int64_t ints(int64_t T, int64_t B) { return 2 * T + 1 + 2 * B + T * B; }
  void set_arrays(int64_t* at);       // in one buffer of ints()
  void plan(const int32_t* lengths);  // fills them
  int64_t steps() const { return has_lengths ? length[0] : T; }
  int64_t count() const { return has_lengths ? begin[T] : T * B; }
  int64_t live(int64_t step) const { return has_lengths ? batch_sizes[step] : B; }
  int64_t time(int64_t step) const { return reverse ? T - 1 - step : step; }
  int64_t first(int64_t step) const { return has_lengths ? begin[step] : time(step) * B; }
  // Returns the rows of steps [from, to).
  Range span(int64_t from, int64_t to) const {
    if (has_lengths) return {begin[from], begin[to]};
    const int64_t low = reverse ? T - to : from;
    return {low * B, (low + to - from) * B};
  }
  // Returns the index of a row in [T, B, ...]: t * B + b.
  int64_t at(int64_t row) const { return has_lengths ? positions[row] : row; }
  int64_t batch_row(int64_t r) const { return has_lengths ? order[r] : r; }
  bool whole(Range rows) const { return rows.begin == 0 && rows.end == B; }
  // Returns those of `rows` (of the batch, longest first) that are active at a step.
  Range active(Range rows, int64_t step) const {
    const int64_t n = live(step);
    return {rows.begin < n ? rows.begin : n, rows.end < n ? rows.end : n};
  }
  // Returns the share of one thread in the batch. All shares have about the same number of steps.
  Range owned(int index, int team) const;
  // Returns the average number of rows of a step; all rows if the lengths are not known yet.
  int64_t mean() const { return !has_lengths || !length ? B : steps() > 0 ? (count() + steps() - 1) / steps() : 1; }
};

// kResetGru: the reset gate scales h before the product of n.
enum class CellKind { kLstm, kGru, kResetGru, kRnn };
CellKind lstm_kind(const Node& node);
// lstm_form.cc: returns whether a cell needs kernels that read its form; the form; and GC_OK if its attributes are valid.
bool lstm_has_form(const Node& node);
gc_form lstm_form(const Node& node);
gc_status lstm_check_form(const Plan& plan, const Node& node);

struct Lstm {
  int64_t T, B, I, H, R;     // R: width of h; H, or that of the output projection
  int64_t panels, ld, h_ld;  // ld: row stride of c and cell outputs, h_ld: of h; multiples of 16
  int64_t units;             // of a panel
  int64_t panel_stride;      // floats from panel to panel of the gate buffer
  int64_t chunk;             // steps whose input projection is made at once
  int64_t gate_base = 0;     // the first row of the gate buffer
  Range gate_own = {0, 0};   // the batch rows of each step that are in it, if a thread has a buffer of its own
  LstmRows rows;
  Format format;      // operands of the recurrent product; cell and states are f32 in any case
  Format x_format;    // and of the input projection (a token table is made in f32)
  bool half;          // format is bf16
  bool keep;          // the cell state of every step is kept for the backward pass
  bool drops, zones;  // whether this run draws masks for recurrent dropout; whether the cell has zoneout
  bool starts;        // initial states are copies: sorted, or a learned row for all
  int variant;        // of the cell kernels: GC_CELL_*
  double dropout, zoneout_c, zoneout_h;
  const Tensor *x, *h0, *c0;  // x: ids if an embedding was folded in
  const Tensor* table;        // the folded embedding's table, or null
  const Tensor* lengths;
  const Tensor* peephole_weight;
  const Tensor* projection;  // weight_hr [R, H], or null
  const Tensor* y;
  const Tensor* copies[5];  // c, then the four gates of each step, or null
  bool has_copies = false;
  float *gates, *cell, *zeros;
  const float* bias;  // packed [panel][64]
  float *packed_x, *packed_h, *dh, *dc, *blocks;
  // bf16 operands, a row each: x, and h before the step. g16: dG, two rows to a word.
  uint16_t *x16, *h16;
  uint32_t* g16;
  // int8: codes of x and h in the same rows, and the integer sums of one step [panel][b][64].
  uint8_t *x8, *h8;
  float* x_ranges;  // one per row of x
  // The ranges of the codes of h by row, NaN for a row with a value of h that is not finite; and bounds of |h| [2][B], before the first step
  // and after it.
  float *h_ranges, *h_bounds;
  int32_t* sums;
  float* token_grad;                           // [panel][v][64]: gradient of the pre-activations summed by token
  float *x_rows, *h_rows, *dy_rows, *dx_rows;  // with lengths: x, h and dX by row; dy of one step [B][h_ld]
  float *start_h, *start_c;                    // initial states [B][h_ld], [B][ld] if `starts`
  float *drop_mask, *masked_h;                 // [B][h_ld]: 0 or 1 / (1 - p); h before each row, masked
  float *zone_c, *zone_h;                      // a row each, or one row of 16 for all
  int64_t zone_row;                            // floats from row to row of the two: ld, or 0
  float* peephole;                             // [panel][i[16] f[16] o[16]]
  float *outputs, *dr, *dm, *packed_m;         // projection: cell outputs and gradients of h by row, dm [B][ld]
  // From norm_x, layer normalisation: normalised W x and U h, and the gradient of U h, in the layout of the gates; the gradient of the
  // normalised c by row; rstd of W x, rstd of U h, mean and rstd of c by row; gains and bias in panels.
  CellKind kind;
  Gates input_gates, state_gates, state_bias;  // the order of W_ih and b_ih, of W_hh, and of b_hh in the gate buffer
  bool has_form;
  gc_form form;
  float* pre;  // forms: pre-activations for the backward pass, laid out as the gates; or null
  // kResetGru: r * h by row, or of one step without a backward pass; its product with W_hn, or the gradient of it, of one step [B][ld].
  float *reset_h, *reset_product, *packed_reset;
  bool norm;
  float *norm_x, *norm_h, *norm_dh, *norm_dc, *stats, *gain_ih, *gain_hh, *gain_c, *bias_c;
  float* product;  // dropout: dG U of one step [B][h_ld]

  Lstm(Plan& plan, const Node& node);
  void set_buffers(const Plan& plan, const Node& node);  // points the fields above to the buffers of the node
  int64_t block_floats() const { return round_up(std::max(I, H), kRowTile) * 64; }
  // Returns the offset of a row in buffers with the layout of the gates. In a thread's own buffer there are only its rows of each step.
  int64_t gate_at(int64_t row) const {
    const int64_t at = row - gate_base, own = gate_own.end - gate_own.begin;
    return (own > 0 ? at - at / B * (B - own) - gate_own.begin : at) * 64;
  }
  float* gate_rows(int64_t panel, int64_t row) const { return gates + panel * panel_stride + gate_at(row); }
  // Return h and c before and after `step`, beginning with row 0 of the batch.
  const float* h_start() const { return starts ? start_h : h0 ? h0->data : zeros; }
  const float* c_start() const { return starts ? start_c : c0 ? c0->data : zeros; }
  float* h_after(int64_t step) const { return (rows.has_lengths ? h_rows : y->data) + rows.first(step) * h_ld; }
  float* c_after(int64_t step) const { return cell + (keep ? rows.first(step) * ld : 0); }
  const float* h_before(int64_t step) const { return step > 0 ? h_after(step - 1) : h_start(); }
  const float* c_before(int64_t step) const { return step > 0 ? c_after(step - 1) : c_start(); }
  // Returns the output of the cell: h, or the input of the projection.
  float* output_of(int64_t step) const {
    return projection ? outputs + (keep ? rows.first(step) * ld : 0) : h_after(step);
  }
  // Returns dy of a step, beginning with row 0 of the batch; null for zeros.
  const float* dy_of(int64_t step) const {
    return !y->grad ? nullptr : rows.has_lengths ? dy_rows : y->grad + rows.first(step) * h_ld;
  }
  bool is_gru() const { return kind == CellKind::kGru || kind == CellKind::kResetGru; }
  // Returns whether a part of dh goes directly to the step before, without the recurrent product. The backward pass of the cell stores it in dh.
  bool passes() const { return zones || is_gru(); }
  // Returns whether one thread needs all units of a row at each step.
  bool whole_rows() const { return projection || norm || kind == CellKind::kResetGru; }
  // Returns the columns of h and c of some panels.
  Range columns_of(Range of) const { return {of.begin * units, std::min(of.end * units, ld)}; }
  // Returns the operations of a product of one row by W_ih and W_hh.
  double row_flops() const { return 2.0 * static_cast<double>(64 / units * H * (I + R)); }
  float* reset_rows(int64_t step) const { return reset_h + (keep ? rows.first(step) * ld : 0); }
  // Returns whether the recurrent product reads a copy of h, masked or in another format, instead of h itself.
  bool copies_h() const { return drops || format != Format::kF32; }
  const float* operand(int64_t step) const {
    const int64_t at = rows.first(step) * h_ld;
    if (format == Format::kInt8) return reinterpret_cast<const float*>(h8 + at);
    if (half) return reinterpret_cast<const float*>(h16 + at);
    return drops ? masked_h + at : h_before(step);
  }
  int64_t gate_words() const { return (rows.count() + 1) / 2; }
  float* zones_of(float* zone, int64_t row, int64_t unit) const {
    return zone + (zone_row ? row * zone_row + unit : 0);
  }
};

// lstm_share.cc: distribution of the recurrence to the threads of a team: by batch rows (no barrier) or hidden panels (one barrier per step).
enum class Split { kRows, kPanels };
Split lstm_split(const Lstm& s, int team);
// Returns the number of threads for a pass of about `flops` operations: one if a step has too little work for its barrier.
int lstm_team(const Plan& plan, const Lstm& s, double flops);

// Runs two directions at the same time (core/rewrites.h): calls run(which of the two, index, team), each with its half of the team.
template <class F>
void lstm_side_by_side(int index, int team, F run) {
  const int half = team / 2;
  if (team > 1) return index < half ? run(0, index, half) : run(1, index - half, team - half);
  run(0, 0, 1);
  run(1, 0, 1);
}

// Rows of the batch and panels of hidden units that one thread computes.
struct Share {
  Range rows, panels;
};
Share lstm_share(const Lstm& s, int index, int team);
// Gives a thread that computes its rows without the others a gate buffer of its own, unless a backward pass reads the gates. In a common
// buffer the rows of another thread begin where its own end, at every step in every panel, and the hardware's prefetches across that
// border take cache lines from the core that is writing them (bench/lab/attempts.md, 37).
void lstm_own_gates(Lstm& part, const Share& mine, int index, int team);
// Returns the bytes of gate buffers that suffice for teams of 1 to `threads` threads: a run may get fewer threads than the plan has.
int64_t lstm_gate_bytes(const Lstm& s, int threads);

// lstm_rows.cc. lstm_read_lengths returns false if a length is out of range. The others copy between [T, B, ...] and rows, and states.
bool lstm_read_lengths(Plan& plan, const Node& node, const Lstm& s);
void lstm_start_states(const Lstm& s);
void lstm_scatter_output(const Lstm& s, Range rows, Range columns, int64_t step);
void lstm_clear_padding(const Lstm& s, float* to, int64_t ld, int index, int team);
void lstm_final_states(const Lstm& s, const Tensor* hT, const Tensor* cT);
void lstm_final_gradients(const Lstm& s, const Tensor* hT, const Tensor* cT);
void lstm_start_gradients(Plan& plan, const Node& node, const Lstm& s);

// lstm_noise.cc
void lstm_draw_masks(Plan& plan, const Node& node, const Lstm& s);
void lstm_start_ranges(const Lstm& s);
void lstm_publish(const Lstm& s, const float* h, Range rows, Range columns, int64_t step);
void lstm_masked_gradient(const Lstm& s, Range rows, Range columns);

// lstm_cell.cc: the cell of one step for a panel; of all of them, and of what lies between cell and product, back in time.
void lstm_cells_forward(const Lstm& s, int variant, Range rows, int64_t panel, int64_t step);
void lstm_cells_backward(Plan& plan, const Node& node, const Lstm& s, Range rows, Range panels, int64_t step);

// gru_reset.cc: n and h of a kResetGru from its r and z, with the packed W_hn; the gradient of r * h from that of n.
void gru_reset_forward(const Lstm& s, const Packed& u, Range rows, int64_t step);
void gru_reset_backward(const Lstm& s, const Packed& u, Range rows);

// lstm_norm.cc: functions of one row, except those with a panel or the share of a thread as argument.
void lstm_pack_gains(Plan& plan, const Node& node, const Lstm& s);
void lstm_norm_input(const Lstm& s, int64_t row);
void lstm_norm_recurrent(const Lstm& s, int64_t row);
void lstm_norm_output(const Lstm& s, int64_t r, int64_t step);
void lstm_norm_output_backward(const Lstm& s, const float* dy, int64_t r, int64_t step);
void lstm_norm_recurrent_backward(const Lstm& s, int64_t row);
void lstm_norm_input_backward(const Lstm& s, int index, int team);
void lstm_norm_gradients(Plan& plan, const Node& node, const Lstm& s, int64_t p);

// lstm_copies.cc: clears the copies of cells and gates after the end of each row; copies those of one step.
void lstm_clear_copies(const Lstm& s, int index, int team);
void lstm_copy_step(const Lstm& s, const Share& mine, Range rows, int64_t step);

// lstm_projection.cc: h = W_hr m of one step; the gradient of m; that of W_hr over all rows.
void lstm_project(Plan& plan, const Node& node, const Lstm& s, Range rows, int64_t step);
void lstm_project_backward(Plan& plan, const Node& node, const Lstm& s, Range rows, int64_t step);
void lstm_pack_projection(const Lstm& s, int index, int team);
void lstm_projection_gradient(Plan& plan, const Node& node, const Lstm& s, float* block, int index, int team);

// lstm.cc: memory and kernel choice. lstm_packs.cc: the packed weights, and the reasons of the choice. lstm_check.cc: the checks.
void lstm_prepare(Plan& plan, Node& node);
void lstm_request_packs(Plan& plan, Node& node, const Lstm& s);
std::string lstm_why(const Plan& plan, const Node& node, const Lstm& s);
gc_status lstm_check(Plan& plan, Node& node);
// Checks a layer without c, whose weights have `gates` rows for each unit.
gc_status lstm_check_without_cells(Plan& plan, Node& node, int64_t gates);
gc_status lstm_check_parameter(const Plan& plan, const Node& node, const Tensor* t, const char* what,
                               std::initializer_list<int64_t> dims);
gc_status lstm_check_state(const Plan& plan, const Node& node, const Tensor* t, const char* what, int64_t B,
                           int64_t size, bool learned);
gc_status lstm_check_rates(const Node& node);
gc_status lstm_check_copies(const Plan& plan, const Node& node, std::initializer_list<int64_t> dims);
gc_status lstm_check_lengths(Plan& plan, const Node& node, int64_t B);

void lstm_forward(Plan& plan, Node& node);
void lstm_backward(Plan& plan, Node& node);
// Returns a product whose left factor is dG of the rows from `row` on; k runs over the panels and their 64 columns (in bf16: 32 words at the
// beginning of the row).
PackedProduct lstm_gate_product(const Lstm& s, int64_t row, const Packed& packed);
// lstm_gradients.cc: computes all gradients that need dG of all rows, after the recurrence.
void lstm_gradients(Plan& plan, const Node& node, const Lstm& s, int team);
}  // namespace gatecell
