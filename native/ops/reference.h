// reference.h: the other ops in plain loops, forward and backward, in float or double. Tests compare the engine with them, and them with
// finite differences. Arrays are dense, row-major; dy is the gradient of the result. Clarity matters here, not speed.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "lstm_reference.h"

namespace gatecell {
namespace reference {

template <class Real>
using Array = std::vector<Real>;
using Ids = std::vector<int32_t>;

// ---- y[rows, O] = x[rows, I] W[O, I]^T + b[O] ------------------------------------------------------------------------
template <class Real>
Array<Real> linear(const Array<Real>& x, const Array<Real>& w, const Array<Real>& b, size_t I, size_t O) {
  Array<Real> y(x.size() / I * O);
  for (size_t row = 0; row < x.size() / I; ++row) {
    for (size_t o = 0; o < O; ++o) {
      Real sum = b.empty() ? 0 : b[o];
      for (size_t i = 0; i < I; ++i) sum = std::fma(x[row * I + i], w[o * I + i], sum);
      y[row * O + o] = sum;
    }
  }
  return y;
}

template <class Real>
void linear_backward(const Array<Real>& x, const Array<Real>& w, const Array<Real>& dy, size_t I, size_t O,
                     Array<Real>& dx, Array<Real>& dw, Array<Real>& db) {
  dx.assign(x.size(), 0);
  dw.assign(w.size(), 0);
  db.assign(O, 0);
  for (size_t row = 0; row < x.size() / I; ++row) {
    for (size_t o = 0; o < O; ++o) {
      const Real d = dy[row * O + o];
      db[o] += d;
      for (size_t i = 0; i < I; ++i) {
        dx[row * I + i] = std::fma(d, w[o * I + i], dx[row * I + i]);
        dw[o * I + i] = std::fma(x[row * I + i], d, dw[o * I + i]);
      }
    }
  }
}

// ---- y[rows, E] = table[ids] -----------------------------------------------------------------------------------------
template <class Real>
Array<Real> embedding(const Array<Real>& table, const Ids& ids, size_t E) {
  Array<Real> y;
  for (int32_t id : ids)
    for (size_t e = 0; e < E; ++e) y.push_back(table[static_cast<size_t>(id) * E + e]);
  return y;
}

template <class Real>
Array<Real> embedding_backward(const Array<Real>& table, const Ids& ids, const Array<Real>& dy, size_t E) {
  Array<Real> d(table.size(), 0);
  for (size_t i = 0; i < ids.size(); ++i)
    for (size_t e = 0; e < E; ++e) d[static_cast<size_t>(ids[i]) * E + e] += dy[i * E + e];
  return d;
}

// ---- softmax over the last dimension ---------------------------------------------------------------------------------
template <class Real>
Array<Real> softmax(const Array<Real>& x, size_t V) {
  Array<Real> y(x.size());
  for (size_t row = 0; row < x.size(); row += V) {
    const Real most = *std::max_element(x.begin() + static_cast<std::ptrdiff_t>(row),
                                        x.begin() + static_cast<std::ptrdiff_t>(row + V));
    Real sum = 0;
    for (size_t j = row; j < row + V; ++j) sum += y[j] = std::exp(x[j] - most);
    for (size_t j = row; j < row + V; ++j) y[j] /= sum;
  }
  return y;
}

template <class Real>
Array<Real> softmax_backward(const Array<Real>& y, const Array<Real>& dy, size_t V) {
  Array<Real> dx(y.size());
  for (size_t row = 0; row < y.size(); row += V) {
    Real dot = 0;
    for (size_t j = row; j < row + V; ++j) dot += y[j] * dy[j];
    for (size_t j = row; j < row + V; ++j) dx[j] = y[j] * (dy[j] - dot);
  }
  return dx;
}

// ---- losses: the value, and its gradient -----------------------------------------------------------------------------
// Mean over the targets that are not -1 of -log softmax(x)[target].
// torch.nn.functional.cross_entropy with mean reduction; 0 where no target counts. `weights` and `row_weights`, which multiply the parts of
// the rows in both sums of the mean, may be empty: all are 1.
template <class Real>
struct CrossEntropy {
  size_t V;
  Array<Real> weights = {};
  Real smoothing = 0;
  int32_t ignored = -1;
  Array<Real> row_weights = {};

  Real row_weight(size_t row) const { return row_weights.empty() ? Real(1) : row_weights[row]; }
  Real weight(size_t j) const { return weights.empty() ? Real(1) : weights[j]; }
  // The sum of the counted targets' weights.
  Real count(const Ids& targets) const {
    Real sum = 0;
    for (size_t i = 0; i < targets.size(); ++i)
      if (targets[i] != ignored) sum += row_weight(i) * weight(static_cast<size_t>(targets[i]));
    return sum;
  }
  // The share of class j in the target distribution of a row with target y, times its weight.
  Real share(size_t j, int32_t y) const {
    const Real hit = static_cast<int32_t>(j) == y ? 1 - smoothing : Real(0);
    return weight(j) * (hit + smoothing / static_cast<Real>(V));
  }
  Real mean(const Array<Real>& x, const Ids& targets) const {
    Real sum = 0;
    for (size_t i = 0; i < targets.size(); ++i) {
      if (targets[i] == ignored || row_weight(i) == 0) continue;
      const auto row = x.begin() + static_cast<std::ptrdiff_t>(i * V);
      const Real most = *std::max_element(row, row + static_cast<std::ptrdiff_t>(V));
      Real mass = 0;
      for (size_t j = 0; j < V; ++j) mass += std::exp(x[i * V + j] - most);
      for (size_t j = 0; j < V; ++j)
        sum += row_weight(i) * share(j, targets[i]) * (std::log(mass) + most - x[i * V + j]);
    }
    return count(targets) > 0 ? sum / count(targets) : 0;
  }
  Array<Real> backward(const Array<Real>& x, const Ids& targets) const {
    const Array<Real> p = softmax(x, V);
    Array<Real> dx(x.size(), 0);
    for (size_t i = 0; i < targets.size(); ++i) {
      if (targets[i] == ignored || count(targets) == 0) continue;
      Real whole = 0;
      for (size_t j = 0; j < V; ++j) whole += share(j, targets[i]);
      for (size_t j = 0; j < V; ++j)
        dx[i * V + j] = row_weight(i) * (whole * p[i * V + j] - share(j, targets[i])) / count(targets);
    }
    return dx;
  }
};

template <class Real>
Real mean_square(const Array<Real>& x, const Array<Real>& y) {
  Real sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
  return sum / static_cast<Real>(x.size());
}

// With respect to x; that of y is its negative.
template <class Real>
Array<Real> mean_square_backward(const Array<Real>& x, const Array<Real>& y) {
  Array<Real> dx(x.size());
  for (size_t i = 0; i < x.size(); ++i) dx[i] = 2 * (x[i] - y[i]) / static_cast<Real>(x.size());
  return dx;
}

// Mean over rows of the sum over K of -t log p - (1 - t) log(1 - p), p = sigmoid(x).
template <class Real>
Real sigmoid_cross_entropy(const Array<Real>& x, const Array<Real>& t, size_t K) {
  Real sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += std::max(x[i], Real(0)) - x[i] * t[i] + std::log1p(std::exp(-std::fabs(x[i])));
  return sum / static_cast<Real>(x.size() / K);
}

template <class Real>
void sigmoid_cross_entropy_backward(const Array<Real>& x, const Array<Real>& t, size_t K, Array<Real>& dx,
                                    Array<Real>& dt) {
  const auto rows = static_cast<Real>(x.size() / K);
  dx.resize(x.size());
  dt.resize(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    dx[i] = (sigmoid(x[i]) - t[i]) / rows;
    dt[i] = -x[i] / rows;
  }
}

// ---- element by element: y = f(a, b), b of a's size or one row of it ---------------------------------------------------
template <class Real, class F>
Array<Real> binary(const Array<Real>& a, const Array<Real>& b, F f) {
  Array<Real> y(a.size());
  for (size_t i = 0; i < a.size(); ++i) y[i] = f(a[i], b[i % b.size()]);
  return y;
}

// slope_a(a, b) and slope_b(a, b): the partial derivatives.
template <class Real, class FA, class FB>
void binary_backward(const Array<Real>& a, const Array<Real>& b, const Array<Real>& dy, FA slope_a, FB slope_b,
                     Array<Real>& da, Array<Real>& db) {
  da.assign(a.size(), 0);
  db.assign(b.size(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    da[i] = dy[i] * slope_a(a[i], b[i % b.size()]);
    db[i % b.size()] += dy[i] * slope_b(a[i], b[i % b.size()]);
  }
}

template <class Real, class F>
Array<Real> unary(const Array<Real>& x, F f) {
  Array<Real> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = f(x[i]);
  return y;
}

// ---- moves: element i of the result is element source[i] of the inputs joined end to end, or a constant ------------------
constexpr size_t kNowhere = static_cast<size_t>(-1);

template <class Real>
Array<Real> gather(const Array<Real>& x, const std::vector<size_t>& source, Real constant = 0) {
  Array<Real> y;
  for (size_t at : source) y.push_back(at == kNowhere ? constant : x[at]);
  return y;
}

template <class Real>
Array<Real> gather_backward(size_t size, const std::vector<size_t>& source, const Array<Real>& dy) {
  Array<Real> dx(size, 0);
  for (size_t i = 0; i < source.size(); ++i)
    if (source[i] != kNowhere) dx[source[i]] += dy[i];
  return dx;
}

// ---- sum (scaled) or largest value over the dimensions that `gone` names ------------------------------------------------------
struct Reduced {
  std::vector<size_t> dims;
  std::vector<bool> gone;
  bool largest;
  double scale;

  // The element of the result that element `at` belongs to.
  size_t target(size_t at) const {
    size_t element = 0, stride = 1;
    for (size_t d = dims.size(); d-- > 0; at /= dims[d])
      if (!gone[d]) element += at % dims[d] * stride, stride *= dims[d];
    return element;
  }
  size_t targets() const {
    size_t n = 1;
    for (size_t d = 0; d < dims.size(); ++d) n *= gone[d] ? 1 : dims[d];
    return n;
  }
  template <class Real>
  Array<Real> forward(const Array<Real>& x) const {
    Array<Real> y(targets(), largest ? -HUGE_VAL : 0);
    for (size_t i = 0; i < x.size(); ++i) {
      Real& to = y[target(i)];
      to = largest ? std::max(to, x[i]) : to + x[i];
    }
    for (Real& v : y) v *= largest ? 1 : static_cast<Real>(scale);
    return y;
  }
  template <class Real>
  Array<Real> backward(const Array<Real>& x, const Array<Real>& dy) const {
    const Array<Real> y = forward(x);
    Array<Real> ties(y.size(), 0), dx(x.size(), 0);
    for (size_t i = 0; i < x.size(); ++i) ties[target(i)] += x[i] == y[target(i)];
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t at = target(i);
      if (!largest) dx[i] = dy[at] * static_cast<Real>(scale);
      else if (x[i] == y[at]) dx[i] = dy[at] / ties[at];
    }
    return dx;
  }
};
}  // namespace reference
}  // namespace gatecell
