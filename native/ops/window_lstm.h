// window_lstm.h: an LSTM layer over a whole sequence that reads its input and the soft window over the characters, which its own state of the
// previous step has determined (Graves 2013, section 5.1). Forward in window_lstm.cc, backward in window_lstm_backward.cc.
//
//   gates = W_ih [x; w before] + b + W_hh [h before];  the cell;  raw = W_window h + b_window;  w, kappa = window(raw, kappa before)
//
// Layouts are those of lstm.h: the gate buffer is [panel][t][b][64], so that the weights' gradients are one product each after the
// loop. Unrolled into step-sized ops (concat, one-step LSTM, linear, window: 2,147 nodes at T = 300, compiled in 50 ms) each step
// packs and multiplies for its own share of the weights' gradients; a training step at B = 32, K = 10 on one thread took 289 ms at
// H = 256 and 646 ms at H = 400, compared with 214 and 425 ms in this op (and 183 and 430 ms for a plain LSTM of those sizes).
#pragma once
#include "../core/op.h"
#include "../core/packed_product.h"
#include "window.h"

namespace gatecell {

enum WindowLstmInput {
  kWlX,
  kWlWeightIh,
  kWlWeightHh,
  kWlWeightWindow,
  kWlBiasWindow,
  kWlChars,
  kWlLengths,
  kWlBiasIh,
  kWlBiasHh,
  kWlH0,
  kWlC0,
  kWlKappa0,
  kWlWindow0
};
enum WindowLstmOutput { kWlY, kWlWindow, kWlHT, kWlCT, kWlKappaT, kWlWindowT, kWlPhi };
enum WindowLstmPack {
  kWlIhForward,
  kWlHhForward,
  kWlWindowForward,
  kWlBiasPack,
  kWlIhBackward,
  kWlHhBackward,
  kWlWindowBackward
};

struct WindowLstm {
  int64_t T, B, I, H, C, K;
  int64_t panels, ld, panel_stride;  // as in lstm.h
  int64_t in_ld, raw_ld;             // row strides of [x; w] and of the raw window outputs
  const Tensor *x, *y, *w, *h0, *c0, *kappa0, *window0;
  Window window;
  // Kept for the backward pass.
  float *operand, *gates, *cell, *raw, *kappa, *phi;
  const float* bias;  // packed [panel][64]
  float *zeros, *bias_window, *scratch;
  float *dh, *dc, *dkappa, *doperand, *draw, *packed, *blocks;

  WindowLstm(Plan& plan, const Node& node);
  float* gate_rows(int64_t panel, int64_t t, int64_t b) const {
    return gates + panel * panel_stride + (t * B + b) * 64;
  }
  float* operand_row(int64_t t, int64_t b) const { return operand + (t * B + b) * in_ld; }
  float* raw_row(int64_t t, int64_t b) const { return raw + (t * B + b) * raw_ld; }
  const float* h_before(int64_t t) const { return t > 0 ? y->data + (t - 1) * B * ld : h0 ? h0->data : zeros; }
  const float* c_before(int64_t t) const { return t > 0 ? cell + (t - 1) * B * ld : c0 ? c0->data : zeros; }
  const float* kappa_before(int64_t t, int64_t b) const {
    return t > 0 ? kappa + ((t - 1) * B + b) * K : kappa0 ? kappa0->data + b * kappa0->ld : zeros;
  }
  const float* window_before(int64_t t, int64_t b) const {
    return t > 0 ? w->data + ((t - 1) * B + b) * w->ld : window0 ? window0->data + b * window0->ld : zeros;
  }
  double flops() const {
    return 2.0 * static_cast<double>(T * B) * static_cast<double>(4 * H * (I + C + H) + 3 * K * H + 5 * K * window.U);
  }
  int64_t packed_floats() const { return packed_rows_floats(T * B, I + C) + 2 * packed_rows_floats(T * B, H); }
  int64_t block_floats() const { return round_up(I + C > H ? I + C : H, kRowTile) * 64; }
};

void window_lstm_backward(Plan& plan, Node& node);
}  // namespace gatecell
