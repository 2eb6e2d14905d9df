// gru_reference.h: one GRU layer over a whole sequence in plain loops, forward and back, in float (the engine's bits) or double.
// Dense row-major arrays; gate order r, z, n (PyTorch's layout; see gru.cc for both formulas). Not fast, and not meant to be.
#pragma once
#include "sequence_reference.h"

namespace gatecell {
namespace reference {

template <class Real>
struct Gru : Sequence<Real> {
  using Base = Sequence<Real>;
  using Values = std::vector<Real>;
  using Base::T, Base::B, Base::I, Base::H, Base::at, Base::time, Base::operand, Base::before;
  bool reset_first = false;  // the reset gate scales h before the product of n
  Values gates;              // r, z, n and n's part of h, or without it what r scales, [T, B, 4, H]
  Values pre;                // pre-activations of r, z, n [T, B, 4, H]

  void forward() {
    gates.assign(static_cast<size_t>(T * B * 4 * H), 0);
    pre = gates;
    this->all_forward([&](int64_t step, int64_t b) { row_forward(step, b); });
  }

  void backward() {
    Values dg(gates.size());
    this->all_backward(
        3, [&](int64_t step, int64_t b) { row_backward(step, b, dg); },
        [&](int64_t step, int64_t b) { weights_backward(step, b, dg); });
  }

 private:
  size_t gate(int64_t t, int64_t b, int64_t place, int64_t u) const {
    return static_cast<size_t>(((t * B + b) * 4 + place) * H + u);
  }
  // Returns the gate slot that a row of W_ih or W_hh fills.
  int64_t place(int64_t r, bool state) const { return r / H == 2 && state && !reset_first ? 3 : r / H; }
  Real input(int64_t row, int64_t p, int64_t u, Real sum) const {
    for (int64_t k = 0; k < I; ++k) sum = std::fma(at(this->x, row * I + k), at(this->w_ih, (p * H + u) * I + k), sum);
    return sum;
  }
  Real state(int64_t step, int64_t b, int64_t p, int64_t u, Real sum) const {
    for (int64_t k = 0; k < H; ++k) sum = std::fma(operand(step, b, k), at(this->w_hh, (p * H + u) * H + k), sum);
    return sum;
  }
  Real bias(int64_t p, int64_t u) const { return at(this->b_ih, p * H + u) + at(this->b_hh, p * H + u); }

  void row_forward(int64_t step, int64_t b) {
    const int64_t t = time(step, b), row = t * B + b;
    const gc_form& form = this->form;
    for (int64_t u = 0; u < H; ++u) {
      for (int64_t p : {0, 1}) {
        const Real sum = state(step, b, p, u, input(row, p, u, bias(p, u)));
        pre[gate(t, b, p, u)] = sum;
        gates[gate(t, b, p, u)] = activate_clipped(form, form.f, sum);
      }
      gates[gate(t, b, 3, u)] =
          reset_first ? gates[gate(t, b, 0, u)] * operand(step, b, u) : state(step, b, 2, u, at(this->b_hh, 2 * H + u));
    }
    for (int64_t u = 0; u < H; ++u) {
      const Real z = gates[gate(t, b, 1, u)], sum = new_sum(t, b, row, u), n = activate_clipped(form, form.g, sum);
      pre[gate(t, b, 2, u)] = sum;
      gates[gate(t, b, 2, u)] = n;
      this->y[static_cast<size_t>(row * H + u)] = std::fma(z, before(step, b, u), (1 - z) * n);
    }
  }
  // Returns the pre-activation of n.
  Real new_sum(int64_t t, int64_t b, int64_t row, int64_t u) const {
    if (!reset_first)
      return std::fma(gates[gate(t, b, 0, u)], gates[gate(t, b, 3, u)], input(row, 2, u, at(this->b_ih, 2 * H + u)));
    Real product = 0;
    for (int64_t k = 0; k < H; ++k)
      product = std::fma(gates[gate(t, b, 3, k)], at(this->w_hh, (2 * H + u) * H + k), product);
    return input(row, 2, u, bias(2, u)) + product;
  }

  // dh0 is dh of its row, carried from step to step.
  void row_backward(int64_t step, int64_t b, Values& dg) {
    const int64_t t = time(step, b), row = t * B + b;
    const gc_form& form = this->form;
    Values past(static_cast<size_t>(H)), start(past.size(), 0);
    for (int64_t u = 0; u < H; ++u) {
      const Real r = gates[gate(t, b, 0, u)], z = gates[gate(t, b, 1, u)], n = gates[gate(t, b, 2, u)],
                 d = at(this->dh0, b * H + u) + at(this->dy, row * H + u);
      const Real dn = clipped_slope(form, form.g, pre[gate(t, b, 2, u)], n, d * (1 - z));
      past[static_cast<size_t>(u)] = d * z;
      dg[gate(t, b, 1, u)] = clipped_slope(form, form.f, pre[gate(t, b, 1, u)], z, d * (before(step, b, u) - n));
      dg[gate(t, b, 2, u)] = dn;
      if (reset_first) continue;
      dg[gate(t, b, 0, u)] = clipped_slope(form, form.f, pre[gate(t, b, 0, u)], r, dn * gates[gate(t, b, 3, u)]);
      dg[gate(t, b, 3, u)] = dn * r;
    }
    if (reset_first) reset_backward(step, b, dg, past, start);
    else if (this->mask.empty()) start = past;
    for (int64_t k = 0; k < H; ++k) {
      const Real product = through(this->w_hh, H, k, &dg[gate(t, b, 0, 0)], true, at(start, k));
      this->dh0[static_cast<size_t>(b * H + k)] =
          this->mask.empty() ? product : at(past, k) + at(this->mask, b * H + k) * product;
    }
    for (int64_t k = 0; k < I; ++k)
      this->dx[static_cast<size_t>(row * I + k)] = through(this->w_ih, I, k, &dg[gate(t, b, 0, 0)], false, 0);
  }
  // Computes the gradient of r from that of r * h, and the start of the chain of the operand's gradient.
  void reset_backward(int64_t step, int64_t b, Values& dg, const Values& past, Values& start) const {
    const int64_t t = time(step, b);
    for (int64_t k = 0; k < H; ++k) {
      Real d = 0;
      for (int64_t u = 0; u < H; ++u) d = std::fma(dg[gate(t, b, 2, u)], at(this->w_hh, (2 * H + u) * H + k), d);
      const Real r = gates[gate(t, b, 0, k)];
      dg[gate(t, b, 0, k)] = clipped_slope(this->form, this->form.f, pre[gate(t, b, 0, k)], r, d * operand(step, b, k));
      start[static_cast<size_t>(k)] = this->mask.empty() ? std::fma(r, d, at(past, k)) : r * d;
    }
  }

  // Returns the sum of dG W over panels, slots and units, with zeros in slots that W does not fill.
  Real through(const Values& w, int64_t columns, int64_t column, const Real* dg, bool of_state, Real sum) const {
    const Gates order = !of_state ? Gates::kGruInput : reset_first ? Gates::kGruReset : Gates::kGruState;
    for (int64_t j = 0; j < panels_of(H) * 64; ++j) {
      const int64_t r = gate_row(j, H, order);
      if (r >= 0) sum = std::fma(dg[place(r, of_state) * H + r % H], at(w, r * columns + column), sum);
      else sum = std::fma(Real(0), Real(0), sum);
    }
    return sum;
  }

  void weights_backward(int64_t step, int64_t b, const Values& dg) {
    const int64_t t = time(step, b), row = t * B + b;
    for (int64_t r = 0; r < 3 * H; ++r) {
      const Real of_input = dg[gate(t, b, place(r, false), r % H)], of_state = dg[gate(t, b, place(r, true), r % H)];
      this->db_ih[static_cast<size_t>(r)] += of_input, this->db_hh[static_cast<size_t>(r)] += of_state;
      this->add_row(this->dw_ih, r, I, of_input, [&](int64_t k) { return at(this->x, row * I + k); });
      this->add_row(this->dw_hh, r, H, of_state, [&](int64_t k) {
        return reset_first && r >= 2 * H ? gates[gate(t, b, 3, k)] : operand(step, b, k);
      });
    }
  }
};
}  // namespace reference
}  // namespace gatecell
