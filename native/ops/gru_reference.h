// gru_reference.h: one GRU layer over a whole sequence in plain loops, forward and back, in float (the engine's bits) or double.
// Dense row-major arrays; gate order r, z, n (PyTorch's layout and formula; see gru.cc). Not fast, and not meant to be.
#pragma once
#include "lstm_reference.h"

namespace gatecell {
namespace reference {

template <class Real>
struct Gru {
  using Values = std::vector<Real>;
  int64_t T, B, I, H;
  bool reverse = false;
  Values x, w_ih, w_hh, b_ih, b_hh, h0;  // the last three may be empty: zeros
  std::vector<int32_t> lengths;          // empty: T everywhere
  Values mask;                           // [B, H]: factors of h in the recurrent product; empty: 1
  Values y, hT, gates;                   // gates: r, z, n and n's part of h [T, B, 4, H]
  Values dy, dhT;                        // gradients of the results
  Values dx, dw_ih, dw_hh, db_ih, db_hh, dh0;

  static Real at(const Values& v, int64_t i) { return v.empty() ? 0 : v[static_cast<size_t>(i)]; }
  int64_t length(int64_t b) const { return lengths.empty() ? T : lengths[static_cast<size_t>(b)]; }
  int64_t time(int64_t step, int64_t b) const { return reverse ? length(b) - 1 - step : step; }
  Real before(int64_t step, int64_t b, int64_t u) const {
    return step == 0 ? at(h0, b * H + u) : at(y, (time(step - 1, b) * B + b) * H + u);
  }
  Real operand(int64_t step, int64_t b, int64_t u) const {
    return mask.empty() ? before(step, b, u) : before(step, b, u) * at(mask, b * H + u);
  }
  // Returns the batch rows, longest first, equal ones in their order.
  std::vector<int64_t> sorted() const {
    std::vector<int64_t> rows(static_cast<size_t>(B));
    std::iota(rows.begin(), rows.end(), 0);
    std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
    return rows;
  }

  void forward() {
    y.assign(static_cast<size_t>(T * B * H), 0);
    gates.assign(static_cast<size_t>(T * B * 4 * H), 0);
    hT.assign(static_cast<size_t>(B * H), 0);
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t step = 0; step < length(b); ++step) row_forward(step, b);
      for (int64_t u = 0; u < H; ++u) hT[static_cast<size_t>(b * H + u)] = before(length(b), b, u);
    }
  }

  void backward() {
    dx.assign(x.size(), 0), dw_ih.assign(w_ih.size(), 0), dw_hh.assign(w_hh.size(), 0);
    db_ih.assign(static_cast<size_t>(3 * H), 0), db_hh.assign(static_cast<size_t>(3 * H), 0);
    dh0.assign(static_cast<size_t>(B * H), 0);
    Values dg(gates.size());
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t u = 0; u < H; ++u) dh0[static_cast<size_t>(b * H + u)] = at(dhT, b * H + u);
      for (int64_t step = length(b) - 1; step >= 0; --step) row_backward(step, b, dg);
    }
    // Each sum is one chain over the rows in the order of the engine's buffers: without lengths in order of time.
    for (int64_t i = 0; i < T; ++i) {
      const int64_t step = lengths.empty() && reverse ? T - 1 - i : i;
      for (int64_t b : sorted())
        if (step < length(b)) weights_backward(step, b, dg);
    }
  }

 private:
  size_t gate(int64_t t, int64_t b, int64_t place, int64_t u) const {
    return static_cast<size_t>(((t * B + b) * 4 + place) * H + u);
  }
  // Returns the gate slot that a row of W_ih or W_hh fills.
  int64_t place(int64_t r, bool state) const { return r / H == 2 && state ? 3 : r / H; }

  void row_forward(int64_t step, int64_t b) {
    const int64_t t = time(step, b), row = t * B + b;
    for (int64_t u = 0; u < H; ++u) {
      Real sums[4] = {at(b_ih, u) + at(b_hh, u), at(b_ih, H + u) + at(b_hh, H + u), at(b_ih, 2 * H + u),
                      at(b_hh, 2 * H + u)};
      for (int64_t p = 0; p < 3; ++p)
        for (int64_t k = 0; k < I; ++k) sums[p] = std::fma(at(x, row * I + k), at(w_ih, (p * H + u) * I + k), sums[p]);
      for (int64_t p = 0; p < 3; ++p) {
        Real& sum = sums[p == 2 ? 3 : p];
        for (int64_t k = 0; k < H; ++k) sum = std::fma(operand(step, b, k), at(w_hh, (p * H + u) * H + k), sum);
      }
      const Real r = sigmoid(sums[0]), z = sigmoid(sums[1]), n = tangent(std::fma(r, sums[3], sums[2]));
      gates[gate(t, b, 0, u)] = r, gates[gate(t, b, 1, u)] = z, gates[gate(t, b, 2, u)] = n;
      gates[gate(t, b, 3, u)] = sums[3];
    }
    for (int64_t u = 0; u < H; ++u) {
      const Real z = gates[gate(t, b, 1, u)];
      y[static_cast<size_t>(row * H + u)] = std::fma(z, before(step, b, u), (1 - z) * gates[gate(t, b, 2, u)]);
    }
  }

  // dh0 is dh of its row, carried from step to step.
  void row_backward(int64_t step, int64_t b, Values& dg) {
    const int64_t t = time(step, b), row = t * B + b;
    Values past(static_cast<size_t>(H));
    for (int64_t u = 0; u < H; ++u) {
      const Real r = gates[gate(t, b, 0, u)], z = gates[gate(t, b, 1, u)], n = gates[gate(t, b, 2, u)],
                 m = gates[gate(t, b, 3, u)], d = at(dh0, b * H + u) + at(dy, row * H + u);
      const Real back = d * (1 - z), dn = std::fma(-(n * n), back, back);
      past[static_cast<size_t>(u)] = d * z;
      dg[gate(t, b, 0, u)] = dn * m * std::fma(-r, r, r);
      dg[gate(t, b, 1, u)] = d * (before(step, b, u) - n) * std::fma(-z, z, z);
      dg[gate(t, b, 2, u)] = dn;
      dg[gate(t, b, 3, u)] = dn * r;
    }
    for (int64_t k = 0; k < H; ++k) {
      const Real start = mask.empty() ? at(past, k) : 0,
                 product = through(w_hh, H, k, &dg[gate(t, b, 0, 0)], true, start);
      dh0[static_cast<size_t>(b * H + k)] = mask.empty() ? product : at(past, k) + at(mask, b * H + k) * product;
    }
    for (int64_t k = 0; k < I; ++k)
      dx[static_cast<size_t>(row * I + k)] = through(w_ih, I, k, &dg[gate(t, b, 0, 0)], false, 0);
  }

  // Returns the sum of dG W over panels, slots and units, with zeros in slots that W does not fill.
  Real through(const Values& w, int64_t columns, int64_t column, const Real* dg, bool state, Real sum) const {
    const Gates gates_of_w = state ? Gates::kGruState : Gates::kGruInput;
    for (int64_t j = 0; j < panels_of(H) * 64; ++j) {
      const int64_t r = gate_row(j, H, gates_of_w);
      if (r >= 0) sum = std::fma(dg[place(r, state) * H + r % H], at(w, r * columns + column), sum);
      else sum = std::fma(Real(0), Real(0), sum);
    }
    return sum;
  }

  void weights_backward(int64_t step, int64_t b, const Values& dg) {
    const int64_t t = time(step, b), row = t * B + b;
    for (int64_t r = 0; r < 3 * H; ++r) {
      const Real input = dg[gate(t, b, place(r, false), r % H)], state = dg[gate(t, b, place(r, true), r % H)];
      db_ih[static_cast<size_t>(r)] += input, db_hh[static_cast<size_t>(r)] += state;
      for (int64_t k = 0; k < I; ++k) {
        Real& to = dw_ih[static_cast<size_t>(r * I + k)];
        to = std::fma(at(x, row * I + k), input, to);
      }
      for (int64_t k = 0; k < H; ++k) {
        Real& to = dw_hh[static_cast<size_t>(r * H + k)];
        to = std::fma(operand(step, b, k), state, to);
      }
    }
  }
};
}  // namespace reference
}  // namespace gatecell
