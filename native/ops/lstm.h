// lstm.h: one LSTM layer over a whole sequence: where everything lies. Forward in lstm_forward.cc, backward in lstm_backward.cc.
//
// Hidden units come in panels of 16. The gate buffer is [panel][t][b][64] (i[16] f[16] g[16] o[16]): it takes the input
// projection, then pre-activations, then activations, and in the backward pass the gradients of the pre-activations, all in
// place; and it is already the packed operand of the weight-gradient product. Without a backward pass it holds one chunk of steps.
#pragma once
#include "../core/matmul.h"
#include "../core/op.h"

namespace gatecell {

enum LstmInput { kX, kWeightIh, kWeightHh, kBiasIh, kBiasHh, kH0, kC0, kTable };
enum LstmOutput { kY, kHT, kCT };
enum LstmPack {
  kIhForward,
  kHhForward,
  kHhBackward,
  kIhBackward,
  kTokenPack
};  // one that is not needed repeats kIhForward

struct Lstm {
  int64_t T, B, I, H;
  int64_t chunk;         // steps whose input projection is made at once
  int64_t panels, ld;    // ld: hidden row stride, H rounded up to whole panels
  int64_t panel_stride;  // floats from panel to panel of the gate buffer
  bool reverse;
  Format format;              // operands of the recurrent product; cell and states are f32 in any case
  Format x_format;            // and of the input projection (a token table is made in f32)
  bool half;                  // format is bf16
  bool keep;                  // the cell state of every step is kept for the backward pass
  const Tensor *x, *h0, *c0;  // x: ids where an embedding was folded in
  const Tensor* table;        // the folded embedding's table, or null
  const Tensor* y;
  float *gates, *cell, *zeros, *bias;
  float *packed_x, *packed_h, *dh, *dc, *blocks;
  // bf16 operands. h16: T + 1 slots of [B][ld], so that h before time t is slot t (reverse: t + 1); g16: dG, two rows to a word.
  uint16_t *x16, *h16;
  uint32_t* g16;
  // int8: codes of x and h in the same slots, and the integer sums of one step [panel][b][64].
  uint8_t *x8, *h8;
  float* x_ranges;  // one per row of x
  int32_t* sums;
  float* token_grad;  // [panel][v][64]: gradient of the pre-activations summed by token

  Lstm(Plan& plan, const Node& node);
  int64_t block_floats() const { return round_up(I > H ? I : H, kRowTile) * 64; }
  int64_t time(int64_t step) const { return reverse ? T - 1 - step : step; }
  int64_t chunk_end(int64_t first) const { return first + chunk < T ? first + chunk : T; }
  int64_t chunk_time(int64_t first) const {
    return reverse ? T - chunk_end(first) : first;
  }  // the earliest of its times
  float* gate_rows(int64_t panel, int64_t t, int64_t b) const {
    const int64_t at = keep ? t : t - chunk_time(time(t) / chunk * chunk);
    return gates + panel * panel_stride + (at * B + b) * 64;
  }
  // h and c before `step`, and the cell after it: [B][ld].
  const float* h_before(int64_t step) const;
  const float* c_before(int64_t step) const;
  float* c_after(int64_t step) const { return cell + (keep ? time(step) * B * ld : 0); }
  int64_t gate_words() const { return (T * B + 1) / 2; }
  int64_t slot_before(int64_t step) const { return time(step) + (reverse ? 1 : 0); }
  int64_t slot_after(int64_t step) const { return time(step) + (reverse ? 0 : 1); }
  uint16_t* h16_before(int64_t step) const { return h16 + slot_before(step) * B * ld; }
  uint16_t* h16_after(int64_t step) const { return h16 + slot_after(step) * B * ld; }
  uint8_t* h8_before(int64_t step) const { return h8 + slot_before(step) * B * ld; }
  uint8_t* h8_after(int64_t step) const { return h8 + slot_after(step) * B * ld; }
  float* h_after(int64_t step) const { return y->data + time(step) * B * ld; }
};

// How a team shares the recurrence: batch rows (no barrier at all) or hidden panels (one barrier per step).
enum class Split { kRows, kPanels };
Split lstm_split(const Lstm& s, int team);
// Threads for a pass of about `flops`: one where a step is too little work for its barrier.
int lstm_team(const Plan& plan, const Lstm& s, double flops);

void lstm_forward(Plan& plan, Node& node);
void lstm_backward(Plan& plan, Node& node);
}  // namespace gatecell
