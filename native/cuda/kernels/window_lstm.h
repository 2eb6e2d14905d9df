// window_lstm.h: an LSTM layer on the device that reads its input and the soft window over the characters, which its own state of the previous
// step has determined (Graves 2013, section 5.1): the layout of its buffers, and the operands and epilogues of its products.
//
//   gates = W_ih [x; w before] + b + W_hh [h before];  the cell;  raw = W_window h + b_window;  w, kappa = window(raw, kappa before)
//
// The part of x is one product over all steps. A forward step is two products, of which the first has the cell as its epilogue, and the window.
// A backward step is the product that computes dw, the window, and one product with the cell of the step before as its epilogue. Chains have
// the same order as on the processor. Gates, cells and the cell itself are those of a plain layer, forward in time (lstm_view.h).
#pragma once
#include "lstm_view.h"
#include "window.h"

namespace gatecell {
namespace cuda {
namespace window_lstm {

enum Input {
  kX,
  kWeightIh,
  kWeightHh,
  kWeightWindow,
  kBiasWindow,
  kChars,
  kLengths,
  kBiasIh,
  kBiasHh,
  kH0,
  kC0,
  kKappa0,
  kWindow0
};
enum Output { kY, kWindow, kHT, kCT, kKappaT, kWindowT, kPhi };
enum Buffer { kGates, kCells, kWindowKept, kWindowBack, kDc, kDw };

// Rows of [T][B], and the row before the first step, which is null for zeros.
struct Before {
  const float *rows, *start;
  int64_t ld, ld_start, B;
  __device__ float at(int64_t row, int64_t j) const {
    if (row >= B) return rows[(row - B) * ld + j];
    return start ? start[row * ld_start + j] : 0.0f;
  }
};

struct WindowLstm {
  const Node& n;
  int64_t T, B, I, H, C, K, columns;
  const Tensor &x, &y, &w, &w_ih, &w_hh, &w_window;
  window::Window window;
  LstmView view;
  float* dw;  // [B][C]

  explicit WindowLstm(const Node& node);
  float* gate_rows(int64_t t) const { return view.gates + t * B * columns; }
  float* draw_rows(int64_t t) const { return window.draw + t * B * 3 * K; }
  Before w_before() const {
    const Tensor* start = n.in(kWindow0);
    return {w.data, start ? start->data : nullptr, w.ld, start ? start->ld : 0, B};
  }
};

// Two operands, one after the other along k.
template <class P, class Q>
struct JoinedA {
  static constexpr bool kAlongK = P::kAlongK;
  P p;
  Q q;
  int64_t split;
  __device__ float operator()(int64_t m, int64_t k) const { return k < split ? p(m, k) : q(m, k - split); }
};
template <class P, class Q>
struct JoinedB {
  static constexpr bool kAlongK = P::kAlongK;
  P p;
  Q q;
  int64_t split;
  __device__ float operator()(int64_t k, int64_t n) const { return k < split ? p(k, n) : q(k - split, n); }
};
template <class P, class Q>
JoinedA<P, Q> join_a(const P& p, const Q& q, int64_t split) {
  return {p, q, split};
}
template <class P, class Q>
JoinedB<P, Q> join_b(const P& p, const Q& q, int64_t split) {
  return {p, q, split};
}

// A(m, k): rows of the step before, beginning with step `first` / B.
struct BeforeRows {
  static constexpr bool kAlongK = true;
  Before of;
  int64_t first;
  __device__ float operator()(int64_t m, int64_t k) const { return of.at(first + m, k); }
};
// B(k, n) of [x; w before], for the gradient of W.
struct InputColumns {
  static constexpr bool kAlongK = false;
  const float* x;
  int64_t ld, I;
  Before w;
  __device__ float operator()(int64_t k, int64_t n) const { return n < I ? x[k * ld + n] : w.at(k, n - I); }
};
// B(k, n) = w[k][n], zero in the padding of n.
struct PaddedColumns {
  static constexpr bool kAlongK = false;
  const float* w;
  int64_t ld;
  __device__ float operator()(int64_t k, int64_t n) const { return n < ld ? w[k * ld + n] : 0.0f; }
};

void backward(const Node& n);  // window_lstm_backward.cu
}  // namespace window_lstm
}  // namespace cuda
}  // namespace gatecell
