// sequence_reference.h: the common part of the plain loops of layers without a cell state (GRU, RNN): inputs, the order of steps and rows.
#pragma once
#include <algorithm>
#include <numeric>
#include <vector>

#include "../core/store.h"
#include "form_reference.h"

namespace gatecell {
namespace reference {

template <class Real>
struct Sequence {
  using Values = std::vector<Real>;
  int64_t T, B, I, H;
  bool reverse = false;
  gc_form form = own_form();
  Values x, w_ih, w_hh, b_ih, b_hh, h0;  // the last three may be empty: zeros
  std::vector<int32_t> lengths;          // empty: T everywhere
  Values mask;                           // [B, H]: factors of h in the recurrent product; empty: 1
  Values y, hT;
  Values dy, dhT;  // gradients of the results
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
  // Calls row(step, b) for all rows, and sets the results.
  template <class Row>
  void all_forward(Row row) {
    y.assign(static_cast<size_t>(T * B * H), 0);
    hT.assign(static_cast<size_t>(B * H), 0);
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t step = 0; step < length(b); ++step) row(step, b);
      for (int64_t u = 0; u < H; ++u) hT[static_cast<size_t>(b * H + u)] = before(length(b), b, u);
    }
  }
  // Calls row(step, b) back in time, with dh0 as dh of the row, which is carried from step to step; then weights(step, b), whose sums are chains
  // over the rows in the order of the engine's buffers: without lengths in order of time.
  template <class Row, class Weights>
  void all_backward(int64_t gates, Row row, Weights weights) {
    dx.assign(x.size(), 0), dw_ih.assign(w_ih.size(), 0), dw_hh.assign(w_hh.size(), 0);
    db_ih.assign(static_cast<size_t>(gates * H), 0), db_hh.assign(static_cast<size_t>(gates * H), 0);
    dh0.assign(static_cast<size_t>(B * H), 0);
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t u = 0; u < H; ++u) dh0[static_cast<size_t>(b * H + u)] = at(dhT, b * H + u);
      for (int64_t step = length(b) - 1; step >= 0; --step) row(step, b);
    }
    for (int64_t i = 0; i < T; ++i) {
      const int64_t step = lengths.empty() && reverse ? T - 1 - i : i;
      for (int64_t b : sorted())
        if (step < length(b)) weights(step, b);
    }
  }
  // Adds `d` times a row to row `r` of a gradient with `columns` columns; element(k) is that of the operand.
  template <class Element>
  static void add_row(Values& grad, int64_t r, int64_t columns, Real d, Element element) {
    for (int64_t k = 0; k < columns; ++k) {
      Real& to = grad[static_cast<size_t>(r * columns + k)];
      to = std::fma(element(k), d, to);
    }
  }
};
}  // namespace reference
}  // namespace gatecell
