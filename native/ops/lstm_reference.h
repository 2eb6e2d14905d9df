// lstm_reference.h: one LSTM layer over a whole sequence in plain loops, forward and back, in float or double, with all its variants.
//
// In float it states the determinism rule: each output is one chain of fused multiply-adds in the order written here, and the
// engine equals it bit for bit. In double it is the exact answer that finite differences confirm. Arrays are dense, row-major;
// gate order i, f, g, o (Hochreiter & Schmidhuber 1997, Gers et al. 2000; PyTorch's layout). Not fast, and not meant to be.
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
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
  using Values = std::vector<Real>;
  int64_t T, B, I, H;
  int64_t R = 0;  // width of h where there is a projection; 0: H
  bool reverse = false;
  Values x, w_ih, w_hh, b_ih, b_hh, h0,
      c0;                        // the last four may be empty: zeros; h0 [R] and c0 [H]: learned, for every row
  std::vector<int32_t> lengths;  // empty: T everywhere
  Values peephole;               // [3, H] of i, f, o; empty: none
  Values w_hr;                   // [R, H]; empty: none
  Values mask;                   // [B, R]: factors of h in the recurrent product; empty: 1
  Values zone_c, zone_h;         // [T, B, H]: how much of the step before stays; empty: nothing
  Values y, hT, cT;              // results: [T, B, R], [B, R], [B, H]
  Values gates, cells, outputs;  // kept: activations [T, B, 4, H], cell states and outputs [T, B, H]
  Values dy, dhT, dcT;           // gradients of the results; empty: zeros
  Values dx, dw_ih, dw_hh, db, dh0, dc0, dpeephole, dw_hr;  // gradients; db is that of either bias

  int64_t width() const { return R ? R : H; }
  int64_t length(int64_t b) const { return lengths.empty() ? T : lengths[static_cast<size_t>(b)]; }
  int64_t time(int64_t step, int64_t b) const { return reverse ? length(b) - 1 - step : step; }
  static Real at(const Values& v, int64_t i) { return v.empty() ? 0 : v[static_cast<size_t>(i)]; }
  Real start(const Values& v, int64_t size, int64_t b, int64_t u) const {
    return at(v, static_cast<int64_t>(v.size()) == size && B > 1 ? u : b * size + u);
  }
  // h or c before `step`.
  Real h_before(int64_t step, int64_t b, int64_t u) const {
    return step == 0 ? start(h0, width(), b, u) : at(y, (time(step - 1, b) * B + b) * width() + u);
  }
  Real c_before(int64_t step, int64_t b, int64_t u) const {
    return step == 0 ? start(c0, H, b, u) : at(cells, (time(step - 1, b) * B + b) * H + u);
  }
  // What the recurrent product multiplies.
  Real operand(int64_t step, int64_t b, int64_t u) const {
    const Real h = h_before(step, b, u);
    return mask.empty() ? h : h * at(mask, b * width() + u);
  }
  // The gate of row `r` of the weights at (t, b).
  size_t gate(int64_t t, int64_t b, int64_t r) const { return static_cast<size_t>((t * B + b) * 4 * H + r); }

  void forward();
  void backward();

 private:
  struct Place {
    int64_t step, b;
  };
  // Batch rows longest first, equal ones in their order.
  std::vector<int64_t> sorted() const {
    std::vector<int64_t> rows(static_cast<size_t>(B));
    std::iota(rows.begin(), rows.end(), 0);
    std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
    return rows;
  }
  // Rows in the order of steps; `memory`: as they lie, which without lengths is the order of time.
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
  void step_backward(int64_t step, int64_t b, Values& dh, Values& dc, Values& dg, Values& dr) const;
  // sum over k of dg[k] W[k][column], k over [panel][gate][16 units] with zeros in the padding.
  Real through(const Values& w, int64_t columns, int64_t column, const Real* dg, Real sum) const;
  void weights_backward(const Values& dg, const Values& dr);
  Values start_gradient(const Values& d, const Values& of, int64_t size) const;
};

// Pre-activation r = bias, then W_ih x, then W_hh h, in order of k.
template <class Real>
void Lstm<Real>::forward() {
  const int64_t P = width();
  y.assign(static_cast<size_t>(T * B * P), 0);
  cells.assign(static_cast<size_t>(T * B * H), 0);
  outputs.assign(cells.size(), 0);
  gates.assign(static_cast<size_t>(T * B * 4 * H), 0);
  hT.assign(static_cast<size_t>(B * P), 0);
  cT.assign(static_cast<size_t>(B * H), 0);
  for (const auto& [step, b] : places(false)) {
    const int64_t t = time(step, b), row = t * B + b;
    for (int64_t r = 0; r < 4 * H; ++r) {
      Real sum = at(b_ih, r) + at(b_hh, r);
      for (int64_t k = 0; k < I; ++k) sum = std::fma(at(x, row * I + k), at(w_ih, r * I + k), sum);
      for (int64_t k = 0; k < P; ++k) sum = std::fma(operand(step, b, k), at(w_hh, r * P + k), sum);
      gates[gate(t, b, r)] = sum;
    }
    for (int64_t u = 0; u < H; ++u) cell_forward(step, b, u);
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
void Lstm<Real>::cell_forward(int64_t step, int64_t b, int64_t u) {
  const int64_t t = time(step, b), state = (t * B + b) * H + u;
  Real &i = gates[gate(t, b, u)], &f = gates[gate(t, b, H + u)], &g = gates[gate(t, b, 2 * H + u)],
       &o = gates[gate(t, b, 3 * H + u)];
  const Real before = c_before(step, b, u);
  if (!peephole.empty()) i = std::fma(at(peephole, u), before, i), f = std::fma(at(peephole, H + u), before, f);
  i = sigmoid(i), f = sigmoid(f), g = tangent(g);
  Real c = std::fma(f, before, i * g);
  if (!peephole.empty()) o = std::fma(at(peephole, 2 * H + u), c, o);
  o = sigmoid(o);
  Real h = o * tangent(c);
  if (!zone_c.empty()) {
    const Real zc = at(zone_c, state), zh = at(zone_h, state);
    c = std::fma(zc, before, (1 - zc) * c);
    h = std::fma(zh, h_before(step, b, u), (1 - zh) * h);
  }
  cells[static_cast<size_t>(state)] = c;
  outputs[static_cast<size_t>(state)] = h;
}

template <class Real>
void Lstm<Real>::backward() {
  const int64_t P = width();
  Values dg(gates.size()), dr(y.size()), dh(static_cast<size_t>(B * P)), dc(static_cast<size_t>(B * H));
  for (size_t i = 0; i < dh.size(); ++i) dh[i] = at(dhT, static_cast<int64_t>(i));
  for (size_t i = 0; i < dc.size(); ++i) dc[i] = at(dcT, static_cast<int64_t>(i));
  const std::vector<Place> all = places(false);
  for (size_t i = all.size(); i-- > 0;) step_backward(all[i].step, all[i].b, dh, dc, dg, dr);
  dh0 = start_gradient(dh, h0, P);
  dc0 = start_gradient(dc, c0, H);
  dx.assign(x.size(), 0);
  for (int64_t row = 0; row < T * B; ++row)
    for (int64_t i = 0; i < I && row / B < length(row % B); ++i)
      dx[static_cast<size_t>(row * I + i)] = through(w_ih, I, i, &dg[static_cast<size_t>(row * 4 * H)], 0);
  weights_backward(dg, dr);
}

// One row of one step: dr, the whole gradient of h; through the projection and the cell; dh and dc of the step before.
template <class Real>
void Lstm<Real>::step_backward(int64_t step, int64_t b, Values& dh, Values& dc, Values& dg, Values& dr) const {
  const int64_t P = width(), row = time(step, b) * B + b;
  for (int64_t p = 0; p < P; ++p)
    dr[static_cast<size_t>(row * P + p)] = dh[static_cast<size_t>(b * P + p)] + at(dy, row * P + p);
  for (int64_t u = 0; u < H; ++u) {
    Real sum = w_hr.empty() ? at(dr, row * P + u) : 0;
    for (int64_t p = 0; p < P && !w_hr.empty(); ++p) sum = std::fma(at(dr, row * P + p), at(w_hr, p * H + u), sum);
    cell_backward(step, b, u, sum, dh, dc, dg);
  }
  const Real* d = &dg[gate(time(step, b), b, 0)];
  for (int64_t p = 0; p < P; ++p) {
    Real& to = dh[static_cast<size_t>(b * P + p)];
    const Real past = to, product = through(w_hh, P, p, d, mask.empty() && !zone_c.empty() ? past : 0);
    if (mask.empty()) to = product;
    else to = zone_c.empty() ? at(mask, b * P + p) * product : past + at(mask, b * P + p) * product;
  }
}

// h: the gradient of the cell's output. With zoneout dh becomes what of it goes past the cell.
template <class Real>
void Lstm<Real>::cell_backward(int64_t step, int64_t b, int64_t u, Real h, Values& dh, Values& dc, Values& dg) const {
  const auto sigmoid_slope = [](Real a, Real d) { return d * std::fma(-a, a, a); };
  const auto tanh_slope = [](Real a, Real d) { return std::fma(-(a * a), d, d); };
  const int64_t t = time(step, b), state = (t * B + b) * H + u;
  const Real i = gates[gate(t, b, u)], f = gates[gate(t, b, H + u)], g = gates[gate(t, b, 2 * H + u)],
             o = gates[gate(t, b, 3 * H + u)];
  const Real before = c_before(step, b, u);
  const Real c = tangent(zone_c.empty() ? at(cells, state) : std::fma(f, before, i * g));
  Real &carried = dc[static_cast<size_t>(b * H + u)], d = carried, past = 0;
  if (!zone_c.empty()) {
    const Real zc = at(zone_c, state), zh = at(zone_h, state);
    dh[static_cast<size_t>(b * H + u)] = zh * h;
    h = (1 - zh) * h;
    past = zc * d;
    d = (1 - zc) * d;
  }
  d = d + tanh_slope(c, h * o);
  const Real d_o = sigmoid_slope(o, h * c);
  if (!peephole.empty()) d = std::fma(at(peephole, 2 * H + u), d_o, d);
  const Real d_i = sigmoid_slope(i, d * g), d_f = sigmoid_slope(f, d * before);
  dg[gate(t, b, u)] = d_i;
  dg[gate(t, b, H + u)] = d_f;
  dg[gate(t, b, 2 * H + u)] = tanh_slope(g, d * i);
  dg[gate(t, b, 3 * H + u)] = d_o;
  carried = d * f;
  if (!peephole.empty()) carried = std::fma(at(peephole, u), d_i, std::fma(at(peephole, H + u), d_f, carried));
  if (!zone_c.empty()) carried = past + carried;
}

template <class Real>
Real Lstm<Real>::through(const Values& w, int64_t columns, int64_t column, const Real* dg, Real sum) const {
  for (int64_t j = 0; j < panels_of(H) * 64; ++j) {
    const int64_t r = gate_row(j, H);
    sum = r < 0 ? std::fma(Real(0), Real(0), sum) : std::fma(dg[r], at(w, r * columns + column), sum);
  }
  return sum;
}

// Of an initial state: a row of the batch each, or summed over the rows where it is learned.
template <class Real>
typename Lstm<Real>::Values Lstm<Real>::start_gradient(const Values& d, const Values& of, int64_t size) const {
  if (static_cast<int64_t>(of.size()) != size || B == 1) return d;
  Values sum(static_cast<size_t>(size), 0);
  for (int64_t b : sorted())
    for (int64_t u = 0; u < size; ++u) sum[static_cast<size_t>(u)] += at(d, b * size + u);
  return sum;
}

// Chains over the rows as they lie: without lengths in order of time, whatever the direction of the recurrence.
template <class Real>
void Lstm<Real>::weights_backward(const Values& dg, const Values& dr) {
  const int64_t P = width();
  dw_ih.assign(w_ih.size(), 0);
  dw_hh.assign(w_hh.size(), 0);
  dw_hr.assign(w_hr.size(), 0);
  dpeephole.assign(peephole.size(), 0);
  db.assign(static_cast<size_t>(4 * H), 0);
  for (const auto& [step, b] : places(true)) {
    const int64_t t = time(step, b), row = t * B + b;
    for (int64_t r = 0; r < 4 * H; ++r) {
      const Real d = dg[gate(t, b, r)];
      db[static_cast<size_t>(r)] += d;
      for (int64_t k = 0; k < I; ++k) {
        Real& to = dw_ih[static_cast<size_t>(r * I + k)];
        to = std::fma(at(x, row * I + k), d, to);
      }
      for (int64_t k = 0; k < P; ++k) {
        Real& to = dw_hh[static_cast<size_t>(r * P + k)];
        to = std::fma(operand(step, b, k), d, to);
      }
    }
    for (int64_t p = 0; p < P && !w_hr.empty(); ++p)
      for (int64_t u = 0; u < H; ++u) {
        Real& to = dw_hr[static_cast<size_t>(p * H + u)];
        to = std::fma(at(outputs, row * H + u), at(dr, row * P + p), to);
      }
  }
  for (const auto& [step, b] : places(false)) {
    for (int64_t u = 0; u < H && !peephole.empty(); ++u) {
      const int64_t t = time(step, b);
      const Real before = c_before(step, b, u), after = at(cells, (t * B + b) * H + u);
      dpeephole[static_cast<size_t>(u)] += dg[gate(t, b, u)] * before;
      dpeephole[static_cast<size_t>(H + u)] += dg[gate(t, b, H + u)] * before;
      dpeephole[static_cast<size_t>(2 * H + u)] += dg[gate(t, b, 3 * H + u)] * after;
    }
  }
}
}  // namespace reference
}  // namespace gatecell
