// rnn_reference.h: one plain recurrent layer over a whole sequence in plain loops, forward and back, in float (the engine's bits) or double.
// Dense row-major arrays (PyTorch's layout; see rnn.cc). Not fast, and not meant to be.
#pragma once
#include "sequence_reference.h"

namespace gatecell {
namespace reference {

template <class Real>
struct Rnn : Sequence<Real> {
  using Base = Sequence<Real>;
  using Values = std::vector<Real>;
  using Base::T, Base::B, Base::I, Base::H, Base::at, Base::time, Base::operand;
  Values sums;  // pre-activations [T, B, H]

  void forward() {
    sums.assign(static_cast<size_t>(T * B * H), 0);
    this->all_forward([&](int64_t step, int64_t b) {
      const int64_t row = time(step, b) * B + b;
      for (int64_t u = 0; u < H; ++u) {
        Real sum = at(this->b_ih, u) + at(this->b_hh, u);
        for (int64_t k = 0; k < I; ++k) sum = std::fma(at(this->x, row * I + k), at(this->w_ih, u * I + k), sum);
        for (int64_t k = 0; k < H; ++k) sum = std::fma(operand(step, b, k), at(this->w_hh, u * H + k), sum);
        sums[static_cast<size_t>(row * H + u)] = sum;
      }
      for (int64_t u = 0; u < H; ++u)
        this->y[static_cast<size_t>(row * H + u)] =
            activate_clipped(this->form, this->form.g, sums[static_cast<size_t>(row * H + u)]);
    });
  }

  void backward() {
    Values d(sums.size());
    const auto row_backward = [&](int64_t step, int64_t b) {
      const int64_t row = time(step, b) * B + b;
      for (int64_t u = 0; u < H; ++u) {
        const Real dh = at(this->dh0, b * H + u) + at(this->dy, row * H + u);
        d[static_cast<size_t>(row * H + u)] =
            clipped_slope(this->form, this->form.g, at(sums, row * H + u), at(this->y, row * H + u), dh);
      }
      for (int64_t k = 0; k < H; ++k) {
        const Real product = through(this->w_hh, H, k, &d[static_cast<size_t>(row * H)]);
        this->dh0[static_cast<size_t>(b * H + k)] = this->mask.empty() ? product : at(this->mask, b * H + k) * product;
      }
      for (int64_t k = 0; k < I; ++k)
        this->dx[static_cast<size_t>(row * I + k)] = through(this->w_ih, I, k, &d[static_cast<size_t>(row * H)]);
    };
    this->all_backward(1, row_backward, [&](int64_t step, int64_t b) {
      const int64_t row = time(step, b) * B + b;
      for (int64_t u = 0; u < H; ++u) {
        const Real du = at(d, row * H + u);
        this->db_ih[static_cast<size_t>(u)] += du, this->db_hh[static_cast<size_t>(u)] += du;
        this->add_row(this->dw_ih, u, I, du, [&](int64_t k) { return at(this->x, row * I + k); });
        this->add_row(this->dw_hh, u, H, du, [&](int64_t k) { return operand(step, b, k); });
      }
    });
  }

 private:
  Real through(const Values& w, int64_t columns, int64_t column, const Real* d) const {
    Real sum = 0;
    for (int64_t u = 0; u < H; ++u) sum = std::fma(d[u], at(w, u * columns + column), sum);
    return sum;
  }
};
}  // namespace reference
}  // namespace gatecell
