// lstm_reference.h: one LSTM layer over a whole sequence in plain loops, forward and back, in float or double.
//
// In float it states the determinism rule: each output is one chain of fused multiply-adds in the order written here, and the
// engine equals it bit for bit. In double it is the exact answer that finite differences confirm. Arrays are dense, row-major;
// gate order i, f, g, o (Hochreiter & Schmidhuber 1997, Gers et al. 2000; PyTorch's layout). Not fast, and not meant to be.
#pragma once
#include <cmath>
#include <vector>

#include "../core/store.h"
#include "../kernels/table.h"

namespace gatecell {
namespace reference {

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double tangent(double x) { return std::tanh(x); }
inline float sigmoid(float x) {
  gc_kernels_scalar.sigmoid(&x, &x, 1);
  return x;
}
inline float tangent(float x) {
  gc_kernels_scalar.tanh(&x, &x, 1);
  return x;
}

template <class Real>
struct Lstm {
  int64_t T, B, I, H;
  bool reverse = false;
  std::vector<Real> x, w_ih, w_hh, b_ih, b_hh, h0, c0;  // the last four may be empty: zeros
  std::vector<Real> y, hT, cT;                          // results: [T, B, H], [B, H], [B, H]
  std::vector<Real> gates, cells;                       // kept: activations [T, B, 4, H], cell states [T, B, H]
  std::vector<Real> dy, dhT, dcT;                       // gradients of the results; empty: zeros
  std::vector<Real> dx, dw_ih, dw_hh, db, dh0, dc0;     // gradients; db is that of either bias

  int64_t time(int64_t step) const { return reverse ? T - 1 - step : step; }
  Real at(const std::vector<Real>& v, int64_t i) const { return v.empty() ? 0 : v[static_cast<size_t>(i)]; }
  // State before `step`, from the sequence of states after each time.
  Real before(const std::vector<Real>& states, const std::vector<Real>& start, int64_t step, int64_t b,
              int64_t u) const {
    return step == 0 ? at(start, b * H + u) : at(states, (time(step - 1) * B + b) * H + u);
  }
  // The gate of row `r` of the weights at (t, b).
  size_t gate(int64_t t, int64_t b, int64_t r) const { return static_cast<size_t>((t * B + b) * 4 * H + r); }

  void forward();
  void backward();

 private:
  void cell_forward(int64_t step, int64_t b, int64_t u);
  void cell_backward(int64_t step, int64_t b, int64_t u, std::vector<Real>& dh, std::vector<Real>& dc,
                     std::vector<Real>& dg) const;
  // sum over k of dg[k] W[k][column], k over [panel][gate][16 units] with zeros in the padding.
  Real through(const std::vector<Real>& w, int64_t columns, int64_t column, const Real* dg) const;
  void weights_backward(const std::vector<Real>& dg);
};

// Pre-activation r = bias, then W_ih x, then W_hh h, in order of k.
template <class Real>
void Lstm<Real>::forward() {
  y.assign(static_cast<size_t>(T * B * H), 0);
  cells.assign(static_cast<size_t>(T * B * H), 0);
  gates.assign(static_cast<size_t>(T * B * 4 * H), 0);
  for (int64_t step = 0; step < T; ++step) {
    const int64_t t = time(step);
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t r = 0; r < 4 * H; ++r) {
        Real sum = at(b_ih, r) + at(b_hh, r);
        for (int64_t k = 0; k < I; ++k) sum = std::fma(at(x, (t * B + b) * I + k), at(w_ih, r * I + k), sum);
        for (int64_t k = 0; k < H; ++k) sum = std::fma(before(y, h0, step, b, k), at(w_hh, r * H + k), sum);
        gates[gate(t, b, r)] = sum;
      }
      for (int64_t u = 0; u < H; ++u) cell_forward(step, b, u);
    }
  }
  const auto last = static_cast<std::ptrdiff_t>(time(T - 1) * B * H), size = static_cast<std::ptrdiff_t>(B * H);
  hT.assign(y.begin() + last, y.begin() + last + size);
  cT.assign(cells.begin() + last, cells.begin() + last + size);
}

template <class Real>
void Lstm<Real>::cell_forward(int64_t step, int64_t b, int64_t u) {
  const int64_t t = time(step);
  const size_t state = static_cast<size_t>((t * B + b) * H + u);
  Real &i = gates[gate(t, b, u)], &f = gates[gate(t, b, H + u)], &g = gates[gate(t, b, 2 * H + u)],
       &o = gates[gate(t, b, 3 * H + u)];
  i = sigmoid(i), f = sigmoid(f), g = tangent(g), o = sigmoid(o);
  cells[state] = std::fma(f, before(cells, c0, step, b, u), i * g);
  y[state] = o * tangent(cells[state]);
}

template <class Real>
void Lstm<Real>::backward() {
  std::vector<Real> dg(gates.size()), dh(static_cast<size_t>(B * H)), dc(dh.size());
  for (size_t i = 0; i < dh.size(); ++i)
    dh[i] = at(dhT, static_cast<int64_t>(i)), dc[i] = at(dcT, static_cast<int64_t>(i));
  for (int64_t step = T - 1; step >= 0; --step) {
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t u = 0; u < H; ++u) cell_backward(step, b, u, dh, dc, dg);
      for (int64_t u = 0; u < H; ++u)
        dh[static_cast<size_t>(b * H + u)] = through(w_hh, H, u, &dg[gate(time(step), b, 0)]);
    }
  }
  dh0 = dh;
  dc0 = dc;
  dx.assign(x.size(), 0);
  for (int64_t row = 0; row < T * B; ++row)
    for (int64_t i = 0; i < I; ++i)
      dx[static_cast<size_t>(row * I + i)] = through(w_ih, I, i, &dg[static_cast<size_t>(row * 4 * H)]);
  weights_backward(dg);
}

template <class Real>
void Lstm<Real>::cell_backward(int64_t step, int64_t b, int64_t u, std::vector<Real>& dh, std::vector<Real>& dc,
                               std::vector<Real>& dg) const {
  const auto sigmoid_slope = [](Real a, Real d) { return d * std::fma(-a, a, a); };
  const auto tanh_slope = [](Real a, Real d) { return std::fma(-(a * a), d, d); };
  const int64_t t = time(step), state = (t * B + b) * H + u;
  const Real i = gates[gate(t, b, u)], f = gates[gate(t, b, H + u)], g = gates[gate(t, b, 2 * H + u)],
             o = gates[gate(t, b, 3 * H + u)];
  const Real c = tangent(at(cells, state)), h = dh[static_cast<size_t>(b * H + u)] + at(dy, state);
  Real& carried = dc[static_cast<size_t>(b * H + u)];
  const Real d = carried + tanh_slope(c, h * o);
  dg[gate(t, b, u)] = sigmoid_slope(i, d * g);
  dg[gate(t, b, H + u)] = sigmoid_slope(f, d * before(cells, c0, step, b, u));
  dg[gate(t, b, 2 * H + u)] = tanh_slope(g, d * i);
  dg[gate(t, b, 3 * H + u)] = sigmoid_slope(o, h * c);
  carried = d * f;
}

template <class Real>
Real Lstm<Real>::through(const std::vector<Real>& w, int64_t columns, int64_t column, const Real* dg) const {
  Real sum = 0;
  for (int64_t j = 0; j < panels_of(H) * 64; ++j) {
    const int64_t r = gate_row(j, H);
    sum = r < 0 ? std::fma(Real(0), Real(0), sum) : std::fma(dg[r], at(w, r * columns + column), sum);
  }
  return sum;
}

// Chains over the rows (t, b) in order of time, whatever the direction of the recurrence.
template <class Real>
void Lstm<Real>::weights_backward(const std::vector<Real>& dg) {
  dw_ih.assign(w_ih.size(), 0);
  dw_hh.assign(w_hh.size(), 0);
  db.assign(static_cast<size_t>(4 * H), 0);
  for (int64_t t = 0; t < T; ++t) {
    const int64_t step = time(t);
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t r = 0; r < 4 * H; ++r) {
        const Real d = dg[gate(t, b, r)];
        db[static_cast<size_t>(r)] += d;
        for (int64_t k = 0; k < I; ++k) {
          Real& to = dw_ih[static_cast<size_t>(r * I + k)];
          to = std::fma(at(x, (t * B + b) * I + k), d, to);
        }
        for (int64_t k = 0; k < H; ++k) {
          Real& to = dw_hh[static_cast<size_t>(r * H + k)];
          to = std::fma(before(y, h0, step, b, k), d, to);
        }
      }
    }
  }
}
}  // namespace reference
}  // namespace gatecell
