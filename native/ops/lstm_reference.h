// lstm_reference.h: one LSTM layer over a whole sequence in plain loops, forward and back, in float or double, with all its variants.
//
// In float it defines the determinism rule: each output is one chain of fused multiply-adds in the order of this code, and the engine's
// results are equal bit for bit. In double it is the reference that is compared with finite differences. Arrays are dense, row-major;
// gate order i, f, g, o (Hochreiter & Schmidhuber 1997, Gers et al. 2000; PyTorch's layout). Clarity matters here, not speed.
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "../core/store.h"
#include "form_reference.h"
#include "norm_reference.h"

namespace gatecell {
namespace reference {

template <class Real>
struct Lstm {
  using Values = std::vector<Real>;
  int64_t T, B, I, H;
  int64_t R = 0;  // width of h with a projection; 0 without one: then it is H
  bool reverse = false;
  gc_form form = own_form();
  Values x, w_ih, w_hh, b_ih, b_hh, h0,
      c0;                        // the last four may be empty: zeros; h0 [R] and c0 [H]: learned, for every row
  std::vector<int32_t> lengths;  // empty: T everywhere
  Values peephole;               // [3, H] of i, f, o; empty: none
  Values w_hr;                   // [R, H]; empty: none
  Values gain_ih, gain_hh, gain_c, bias_c;  // layer normalisation: [4H], [4H], [H], [H]; empty: none
  Values mask;                              // [B, R]: factors of h in the recurrent product; empty: 1
  Values zone_c, zone_h;                    // [T, B, H]: share of the step before that is kept; empty: none
  Values y, hT, cT;                         // results: [T, B, R], [B, R], [B, H]
  Values gates, cells, outputs;             // kept: activations [T, B, 4, H], cell states and outputs [T, B, H]
  Values pre;                               // and pre-activations [T, B, 4, H]
  Values dy, dhT, dcT;                      // gradients of the results; empty: zeros
  Values dx, dw_ih, dw_hh, db, dh0, dc0, dpeephole, dw_hr, dgain_ih, dgain_hh, dgain_c,
      dbias_c;  // gradients; db is that of either bias

  int64_t width() const { return R ? R : H; }
  int64_t length(int64_t b) const { return lengths.empty() ? T : lengths[static_cast<size_t>(b)]; }
  int64_t time(int64_t step, int64_t b) const { return reverse ? length(b) - 1 - step : step; }
  static Real at(const Values& v, int64_t i) { return v.empty() ? 0 : v[static_cast<size_t>(i)]; }
  Real start(const Values& v, int64_t size, int64_t b, int64_t u) const {
    return at(v, static_cast<int64_t>(v.size()) == size && B > 1 ? u : b * size + u);
  }
  // Return h and c before `step`.
  Real h_before(int64_t step, int64_t b, int64_t u) const {
    return step == 0 ? start(h0, width(), b, u) : at(y, (time(step - 1, b) * B + b) * width() + u);
  }
  Real c_before(int64_t step, int64_t b, int64_t u) const {
    return step == 0 ? start(c0, H, b, u) : at(cells, (time(step - 1, b) * B + b) * H + u);
  }
  // Returns the operand of the recurrent product.
  Real operand(int64_t step, int64_t b, int64_t u) const {
    const Real h = h_before(step, b, u);
    return mask.empty() ? h : h * at(mask, b * width() + u);
  }
  // Returns the index of the gate of row `r` of the weights at (t, b).
  size_t gate(int64_t t, int64_t b, int64_t r) const { return static_cast<size_t>((t * B + b) * 4 * H + r); }

  void forward();
  void backward();

 private:
  std::vector<Norm<Real>> norm_x, norm_h, norm_c;  // [T, B]
  Values normal;                                   // [T, B, H]: gradient of the normalised cell
  bool normalises() const { return !gain_ih.empty(); }
  void gates_forward(int64_t step, int64_t b);
  void output_forward(int64_t row, int64_t b, int64_t t);
  void output_backward(int64_t step, int64_t b, Values& h, Values& dc, Values& dg);
  // Computes the gradient of W x or U h of one row from dG, back through the normalisation.
  void gates_backward(const Norm<Real>& norm, const Values& gain, const Real* dg, Real* to) const;
  struct Place {
    int64_t step, b;
  };
  // Returns the batch rows, longest first, equal ones in their order.
  std::vector<int64_t> sorted() const {
    std::vector<int64_t> rows(static_cast<size_t>(B));
    std::iota(rows.begin(), rows.end(), 0);
    std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
    return rows;
  }
  // Returns the rows in the order of steps; with `memory` in the order of the engine's buffers, which without lengths is that of time.
  std::vector<Place> places(bool memory) const {
    std::vector<Place> list;
    for (int64_t i = 0; i < T; ++i) {
      const int64_t step = memory && lengths.empty() && reverse ? T - 1 - i : i;
      for (int64_t b : sorted())
        if (step < length(b)) list.push_back({step, b});
    }
    return list;
  }
  void cell_forward(int64_t step, int64_t b, int64_t u);
  void cell_backward(int64_t step, int64_t b, int64_t u, Real h, Values& dh, Values& dc, Values& dg) const;
  void step_backward(int64_t step, int64_t b, Values& dh, Values& dc, Values& dg, Values& dgh, Values& dr);
  // Returns the sum over k of dg[k] W[k][column], with k over [panel][gate][16 units] and zeros in the padding.
  Real through(const Values& w, int64_t columns, int64_t column, const Real* dg, Real sum) const;
  void weights_backward(const Values& dg, const Values& dgx, const Values& dgh, const Values& dr);
  void norms_backward(const Values& dg);
  Values start_gradient(const Values& d, const Values& of, int64_t size) const;
};

// Each pre-activation is a chain that begins with the bias, then W_ih x, then W_hh h, in order of k.
template <class Real>
void Lstm<Real>::forward() {
  const int64_t P = width();
  norm_x.assign(static_cast<size_t>(T * B), {4, H, {}, 0, 0});
  norm_h = norm_x;
  norm_c.assign(norm_x.size(), {1, H, {}, 0, 0});
  y.assign(static_cast<size_t>(T * B * P), 0);
  cells.assign(static_cast<size_t>(T * B * H), 0);
  outputs.assign(cells.size(), 0);
  gates.assign(static_cast<size_t>(T * B * 4 * H), 0);
  pre = gates;
  hT.assign(static_cast<size_t>(B * P), 0);
  cT.assign(static_cast<size_t>(B * H), 0);
  for (const auto& [step, b] : places(false)) {
    const int64_t t = time(step, b), row = t * B + b;
    gates_forward(step, b);
    for (int64_t u = 0; u < H; ++u) cell_forward(step, b, u);
    if (normalises()) output_forward(row, b, t);
    for (int64_t p = 0; p < P; ++p) {
      Real sum = w_hr.empty() ? at(outputs, row * H + p) : 0;
      for (int64_t k = 0; k < H && !w_hr.empty(); ++k)
        sum = std::fma(at(outputs, row * H + k), at(w_hr, p * H + k), sum);
      y[static_cast<size_t>(row * P + p)] = sum;
    }
  }
  for (int64_t b = 0; b < B; ++b) {
    for (int64_t u = 0; u < P; ++u) hT[static_cast<size_t>(b * P + u)] = h_before(length(b), b, u);
    for (int64_t u = 0; u < H; ++u) cT[static_cast<size_t>(b * H + u)] = c_before(length(b), b, u);
  }
}

template <class Real>
void Lstm<Real>::gates_forward(int64_t step, int64_t b) {
  const int64_t t = time(step, b), row = t * B + b, P = width();
  Values input(static_cast<size_t>(4 * H)), recurrent(input.size());
  for (int64_t r = 0; r < 4 * H; ++r) {
    Real sum = normalises() ? 0 : at(b_ih, r) + at(b_hh, r);
    for (int64_t k = 0; k < I; ++k) sum = std::fma(at(x, row * I + k), at(w_ih, r * I + k), sum);
    input[static_cast<size_t>(r)] = sum;
    if (normalises()) sum = 0;
    for (int64_t k = 0; k < P; ++k) sum = std::fma(operand(step, b, k), at(w_hh, r * P + k), sum);
    recurrent[static_cast<size_t>(r)] = gates[gate(t, b, r)] = sum;
  }
  if (!normalises()) return;
  Norm<Real>&nx = norm_x[static_cast<size_t>(row)], &nh = norm_h[static_cast<size_t>(row)];
  nx.forward(input.data());
  nh.forward(recurrent.data());
  for (int64_t r = 0; r < 4 * H; ++r)
    gates[gate(t, b, r)] =
        std::fma(at(gain_hh, r), at(nh.hat, r), std::fma(at(gain_ih, r), at(nx.hat, r), at(b_ih, r) + at(b_hh, r)));
}

template <class Real>
void Lstm<Real>::output_forward(int64_t row, int64_t b, int64_t t) {
  Norm<Real>& norm = norm_c[static_cast<size_t>(row)];
  norm.forward(&cells[static_cast<size_t>(row * H)]);
  for (int64_t u = 0; u < H; ++u)
    outputs[static_cast<size_t>(row * H + u)] =
        gates[gate(t, b, 3 * H + u)] * tangent(std::fma(at(gain_c, u), at(norm.hat, u), at(bias_c, u)));
}

template <class Real>
void Lstm<Real>::cell_forward(int64_t step, int64_t b, int64_t u) {
  const int64_t t = time(step, b), state = (t * B + b) * H + u;
  Real &i = gates[gate(t, b, u)], &f = gates[gate(t, b, H + u)], &g = gates[gate(t, b, 2 * H + u)],
       &o = gates[gate(t, b, 3 * H + u)];
  const Real before = c_before(step, b, u);
  if (!peephole.empty()) i = std::fma(at(peephole, u), before, i), f = std::fma(at(peephole, H + u), before, f);
  const auto turn = [&](Real& v, int64_t r, const gc_activation& a) {
    pre[gate(t, b, r + u)] = v;
    v = activate_clipped(form, a, v);
  };
  turn(i, 0, form.f), turn(f, H, form.f), turn(g, 2 * H, form.g);
  if (form.coupled) f = 1 - i;
  Real c = std::fma(f, before, i * g);
  if (!peephole.empty()) o = std::fma(at(peephole, 2 * H + u), c, o);
  turn(o, 3 * H, form.f);
  Real h = o * activate(form.h, c);
  if (!zone_c.empty()) {
    const Real zc = at(zone_c, state), zh = at(zone_h, state);
    c = std::fma(zc, before, (1 - zc) * c);
    h = std::fma(zh, h_before(step, b, u), (1 - zh) * h);
  }
  cells[static_cast<size_t>(state)] = c;
  outputs[static_cast<size_t>(state)] = h;
}
}  // namespace reference
}  // namespace gatecell

#include "lstm_reference_backward.h"
