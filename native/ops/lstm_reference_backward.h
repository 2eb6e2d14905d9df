// lstm_reference_backward.h: the backward pass of lstm_reference.h, which includes it.
#pragma once
#include "lstm_reference.h"

namespace gatecell {
namespace reference {

template <class Real>
void Lstm<Real>::backward() {
  const int64_t P = width();
  normal.assign(cells.size(), 0);
  Values dg(gates.size()), dgh(gates.size()), dr(y.size()), dh(static_cast<size_t>(B * P)),
      dc(static_cast<size_t>(B * H));
  for (size_t i = 0; i < dh.size(); ++i) dh[i] = at(dhT, static_cast<int64_t>(i));
  for (size_t i = 0; i < dc.size(); ++i) dc[i] = at(dcT, static_cast<int64_t>(i));
  const std::vector<Place> all = places(false);
  for (size_t i = all.size(); i-- > 0;) step_backward(all[i].step, all[i].b, dh, dc, dg, dgh, dr);
  Values dgx = dg;
  for (const auto& [step, b] : all) {
    const size_t row = static_cast<size_t>(time(step, b) * B + b), at = gate(time(step, b), b, 0);
    if (normalises()) gates_backward(norm_x[row], gain_ih, &dg[at], &dgx[at]);
  }
  dh0 = start_gradient(dh, h0, P);
  dc0 = start_gradient(dc, c0, H);
  dx.assign(x.size(), 0);
  for (int64_t row = 0; row < T * B; ++row)
    for (int64_t i = 0; i < I && row / B < length(row % B); ++i)
      dx[static_cast<size_t>(row * I + i)] = through(w_ih, I, i, &dgx[static_cast<size_t>(row * 4 * H)], 0);
  weights_backward(dg, dgx, dgh, dr);
  if (normalises()) norms_backward(dg);
}

// Computes one row of one step: dr, the complete gradient of h; from it, through the projection and the cell, dh and dc of the step before.
template <class Real>
void Lstm<Real>::step_backward(int64_t step, int64_t b, Values& dh, Values& dc, Values& dg, Values& dgh, Values& dr) {
  const int64_t P = width(), row = time(step, b) * B + b;
  for (int64_t p = 0; p < P; ++p)
    dr[static_cast<size_t>(row * P + p)] = dh[static_cast<size_t>(b * P + p)] + at(dy, row * P + p);
  Values h(static_cast<size_t>(H));
  for (int64_t u = 0; u < H; ++u) {
    Real sum = w_hr.empty() ? at(dr, row * P + u) : 0;
    for (int64_t p = 0; p < P && !w_hr.empty(); ++p) sum = std::fma(at(dr, row * P + p), at(w_hr, p * H + u), sum);
    h[static_cast<size_t>(u)] = sum;
  }
  if (normalises()) output_backward(step, b, h, dc, dg);
  for (int64_t u = 0; u < H; ++u) cell_backward(step, b, u, h[static_cast<size_t>(u)], dh, dc, dg);
  const size_t first = gate(time(step, b), b, 0);
  std::copy(&dg[first], &dg[first] + 4 * H, &dgh[first]);
  if (normalises()) gates_backward(norm_h[static_cast<size_t>(row)], gain_hh, &dg[first], &dgh[first]);
  const Real* d = &dgh[first];
  for (int64_t p = 0; p < P; ++p) {
    Real& to = dh[static_cast<size_t>(b * P + p)];
    const Real past = to, product = through(w_hh, P, p, d, mask.empty() && !zone_c.empty() ? past : 0);
    if (mask.empty()) to = product;
    else to = zone_c.empty() ? at(mask, b * P + p) * product : past + at(mask, b * P + p) * product;
  }
}

template <class Real>
void Lstm<Real>::gates_backward(const Norm<Real>& norm, const Values& gain, const Real* dg, Real* to) const {
  Values w(gain);
  for (size_t r = 0; r < w.size(); ++r) w[r] *= dg[r];
  const Values d = norm.backward(w);
  for (size_t r = 0; r < w.size(); ++r) to[r] = norm.rstd * d[r];
}

// Computes, from `h`, which is the gradient of the output, the gradient of gate o, and adds to dc what comes through the normalised cell.
template <class Real>
void Lstm<Real>::output_backward(int64_t step, int64_t b, Values& h, Values& dc, Values& dg) {
  const int64_t t = time(step, b), row = t * B + b;
  const Norm<Real>& norm = norm_c[static_cast<size_t>(row)];
  Values w(h.size());
  for (int64_t u = 0; u < H; ++u) {
    const Real o = gates[gate(t, b, 3 * H + u)], d = at(h, u),
               c = tangent(std::fma(at(gain_c, u), at(norm.hat, u), at(bias_c, u)));
    dg[gate(t, b, 3 * H + u)] = (d * c) * std::fma(-o, o, o);
    const Real through_tanh = std::fma(-(c * c), d * o, d * o);
    normal[static_cast<size_t>(row * H + u)] = through_tanh;
    w[static_cast<size_t>(u)] = at(gain_c, u) * through_tanh;
  }
  const Values rest = norm.backward(w);
  for (int64_t u = 0; u < H; ++u) {
    Real& to = dc[static_cast<size_t>(b * H + u)];
    to = std::fma(norm.rstd, at(rest, u), to);
  }
}

// Sums run over the rows in the order of the engine's buffers.
template <class Real>
void Lstm<Real>::norms_backward(const Values& dg) {
  dgain_ih.assign(gain_ih.size(), 0), dgain_hh.assign(gain_hh.size(), 0);
  dgain_c.assign(gain_c.size(), 0), dbias_c.assign(bias_c.size(), 0);
  for (const auto& [step, b] : places(true)) {
    const int64_t t = time(step, b);
    const size_t row = static_cast<size_t>(t * B + b);
    for (size_t r = 0; r < gain_ih.size(); ++r) {
      const Real d = dg[gate(t, b, static_cast<int64_t>(r))];
      dgain_ih[r] += d * norm_x[row].hat[r];
      dgain_hh[r] += d * norm_h[row].hat[r];
    }
    for (size_t u = 0; u < gain_c.size(); ++u) {
      const Real d = normal[row * gain_c.size() + u];
      dgain_c[u] += d * norm_c[row].hat[u];
      dbias_c[u] += d;
    }
  }
}

// `h` is the gradient of the output of the cell. With zoneout dh becomes the part of it that goes directly to the step before.
template <class Real>
void Lstm<Real>::cell_backward(int64_t step, int64_t b, int64_t u, Real h, Values& dh, Values& dc, Values& dg) const {
  const int64_t t = time(step, b), state = (t * B + b) * H + u;
  const Real i = gates[gate(t, b, u)], f = gates[gate(t, b, H + u)], g = gates[gate(t, b, 2 * H + u)],
             o = gates[gate(t, b, 3 * H + u)];
  const Real before = c_before(step, b, u);
  const auto slope = [&](int64_t r, const gc_activation& a, Real y, Real d) {
    return clipped_slope(form, a, pre[gate(t, b, r + u)], y, d);
  };
  const Real after = zone_c.empty() ? at(cells, state) : std::fma(f, before, i * g), c = activate(form.h, after);
  Real &carried = dc[static_cast<size_t>(b * H + u)], d = carried, past = 0;
  if (!zone_c.empty()) {
    const Real zc = at(zone_c, state), zh = at(zone_h, state);
    dh[static_cast<size_t>(b * H + u)] = zh * h;
    h = (1 - zh) * h;
    past = zc * d;
    d = (1 - zc) * d;
  }
  if (!normalises()) d = d + activation_slope(form.h, after, c, h * o);
  const Real d_o = normalises() ? dg[gate(t, b, 3 * H + u)] : slope(3 * H, form.f, o, h * c);
  if (!peephole.empty()) d = std::fma(at(peephole, 2 * H + u), d_o, d);
  const Real d_i = slope(0, form.f, i, form.coupled ? d * (g - before) : d * g),
             d_f = form.coupled ? 0 : slope(H, form.f, f, d * before);
  dg[gate(t, b, u)] = d_i;
  dg[gate(t, b, H + u)] = d_f;
  dg[gate(t, b, 2 * H + u)] = slope(2 * H, form.g, g, d * i);
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

// Returns the gradient of an initial state: one row for each batch row, or, if the state is learned, their sum.
template <class Real>
typename Lstm<Real>::Values Lstm<Real>::start_gradient(const Values& d, const Values& of, int64_t size) const {
  if (static_cast<int64_t>(of.size()) != size || B == 1) return d;
  Values sum(static_cast<size_t>(size), 0);
  for (int64_t b : sorted())
    for (int64_t u = 0; u < size; ++u) sum[static_cast<size_t>(u)] += at(d, b * size + u);
  return sum;
}

// Each sum is one chain over the rows in the order of the engine's buffers: without lengths in order of time, in both directions.
template <class Real>
void Lstm<Real>::weights_backward(const Values& dg, const Values& dgx, const Values& dgh, const Values& dr) {
  const int64_t P = width();
  dw_ih.assign(w_ih.size(), 0);
  dw_hh.assign(w_hh.size(), 0);
  dw_hr.assign(w_hr.size(), 0);
  dpeephole.assign(peephole.size(), 0);
  db.assign(static_cast<size_t>(4 * H), 0);
  for (const auto& [step, b] : places(true)) {
    const int64_t t = time(step, b), row = t * B + b;
    for (int64_t r = 0; r < 4 * H; ++r) {
      const Real dx_gate = dgx[gate(t, b, r)], dh_gate = dgh[gate(t, b, r)];
      db[static_cast<size_t>(r)] += dg[gate(t, b, r)];
      for (int64_t k = 0; k < I; ++k) {
        Real& to = dw_ih[static_cast<size_t>(r * I + k)];
        to = std::fma(at(x, row * I + k), dx_gate, to);
      }
      for (int64_t k = 0; k < P; ++k) {
        Real& to = dw_hh[static_cast<size_t>(r * P + k)];
        to = std::fma(operand(step, b, k), dh_gate, to);
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
