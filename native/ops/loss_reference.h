// loss_reference.h: the sequence losses in plain loops, in double, with logarithms of probabilities as in the papers. Tests compare the
// engine with them, and them with finite differences. Arrays are dense, row-major. Clarity matters here, not speed.
#pragma once
#include "reference.h"

namespace gatecell {
namespace reference {

inline double log_add(double a, double b) {
  const double most = std::max(a, b);
  return most == -HUGE_VAL ? most : most + std::log(std::exp(a - most) + std::exp(b - most));
}

// ---- CTC (Graves et al. 2006): losses of the rows and their gradients, logits [T, B, K], targets [B, L] -------------------
struct Ctc {
  size_t T, B, K, L;
  Ids targets, input_lengths, target_lengths;
  size_t blank = 0;

  size_t at(size_t t, size_t b, size_t k) const { return (t * B + b) * K + k; }
  // Returns the labels of row b with a blank before, between and after them.
  Ids states(size_t b) const {
    Ids list = {static_cast<int32_t>(blank)};
    for (int32_t i = 0; i < target_lengths[b]; ++i) {
      list.push_back(targets[b * L + static_cast<size_t>(i)]);
      list.push_back(static_cast<int32_t>(blank));
    }
    return list;
  }
  bool skip(const Ids& l, size_t s) const { return s >= 2 && l[s] != static_cast<int32_t>(blank) && l[s] != l[s - 2]; }

  // Returns the loss of row b, and adds scale * its gradient to dx if that is given.
  double row(const Array<double>& x, size_t b, double scale, Array<double>* dx) const {
    const size_t steps = static_cast<size_t>(input_lengths[b]);
    if (steps == 0) return 0;
    const Ids l = states(b);
    const size_t S = l.size();
    std::vector<Array<double>> y(steps), alpha(steps, Array<double>(S, -HUGE_VAL)), beta = alpha;
    for (size_t t = 0; t < steps; ++t) {
      const auto from = x.begin() + static_cast<std::ptrdiff_t>(at(t, b, 0));
      y[t].assign(from, from + static_cast<std::ptrdiff_t>(K));
      double sum = -HUGE_VAL;
      for (double v : y[t]) sum = log_add(sum, v);
      for (double& v : y[t]) v -= sum;
    }
    const auto log_p = [&](size_t t, size_t s) { return y[t][static_cast<size_t>(l[s])]; };
    for (size_t t = 0; t < steps; ++t) {
      for (size_t s = 0; s < S; ++s) {
        double sum = t == 0 ? (s < 2 ? 0 : -HUGE_VAL) : alpha[t - 1][s];
        if (t > 0 && s > 0) sum = log_add(sum, alpha[t - 1][s - 1]);
        if (t > 0 && skip(l, s)) sum = log_add(sum, alpha[t - 1][s - 2]);
        alpha[t][s] = sum + log_p(t, s);
      }
    }
    for (size_t t = steps; t-- > 0;) {
      for (size_t s = 0; s < S; ++s) {
        const auto next = [&](size_t to) { return beta[t + 1][to] + log_p(t + 1, to); };
        if (t + 1 == steps) {
          beta[t][s] = s + 2 >= S ? 0 : -HUGE_VAL;
          continue;
        }
        double sum = next(s);
        if (s + 1 < S) sum = log_add(sum, next(s + 1));
        if (s + 2 < S && skip(l, s + 2)) sum = log_add(sum, next(s + 2));
        beta[t][s] = sum;
      }
    }
    double total = alpha[steps - 1][S - 1];
    if (S > 1) total = log_add(total, alpha[steps - 1][S - 2]);
    for (size_t t = 0; dx && t < steps; ++t) {
      for (size_t k = 0; k < K; ++k) (*dx)[at(t, b, k)] += scale * std::exp(y[t][k]);
      for (size_t s = 0; s < S; ++s)
        (*dx)[at(t, b, static_cast<size_t>(l[s]))] -= scale * std::exp(alpha[t][s] + beta[t][s] - total);
    }
    return -total;
  }
  double count() const {
    return static_cast<double>(
        std::count_if(input_lengths.begin(), input_lengths.end(), [](int32_t n) { return n > 0; }));
  }
  double mean(const Array<double>& x) const {
    double sum = 0;
    for (size_t b = 0; b < B; ++b) sum += row(x, b, 0, nullptr);
    return sum / count();
  }
  Array<double> mean_backward(const Array<double>& x) const {
    Array<double> dx(x.size(), 0);
    for (size_t b = 0; b < B; ++b) row(x, b, 1 / count(), &dx);
    return dx;
  }
};

// ---- mixture density (Graves 2013, equations 18 to 37): y [rows, 6M+1] by kind as in mixture.h, x [rows, 3], weights [rows] or
// empty: weighted mean of the rows' nats, and its gradients -----------------------------------------------------------------
struct Mixture {
  size_t M;

  struct Gradients {
    Array<double> y, x, weights;
  };

  double row(const double* y, const double* x, double* dy, double* dx) const {
    const auto raw = [&](size_t kind, size_t j) { return y[1 + kind * M + j]; };
    double mass = 0, density = -HUGE_VAL;  // a logarithm, as `part`: far from all means a density underflows
    Array<double> pi(M), part(M);
    for (size_t j = 0; j < M; ++j) mass += pi[j] = std::exp(raw(0, j));
    for (size_t j = 0; j < M; ++j) {
      const double s1 = std::exp(raw(3, j)), s2 = std::exp(raw(4, j)), rho = std::tanh(raw(5, j));
      const double a = (x[0] - raw(1, j)) / s1, b = (x[1] - raw(2, j)) / s2, rest = 1 - rho * rho;
      pi[j] /= mass;
      part[j] = std::log(pi[j]) - (a * a + b * b - 2 * rho * a * b) / (2 * rest) -
                std::log(2 * 3.141592653589793 * s1 * s2 * std::sqrt(rest));
      density = log_add(density, part[j]);
    }
    const double e = sigmoid(y[0]);
    if (dy) {
      dy[0] = e - x[2];
      dx[0] = dx[1] = 0;
      dx[2] = -y[0];
      for (size_t j = 0; j < M; ++j) {
        const double s1 = std::exp(raw(3, j)), s2 = std::exp(raw(4, j)), rho = std::tanh(raw(5, j));
        const double a = (x[0] - raw(1, j)) / s1, b = (x[1] - raw(2, j)) / s2, c = 1 / (1 - rho * rho);
        const double share = std::exp(part[j] - density), z = a * a + b * b - 2 * rho * a * b;
        double* d = dy + 1 + j;
        d[0] = pi[j] - share;
        d[M] = -share * c / s1 * (a - rho * b);
        d[2 * M] = -share * c / s2 * (b - rho * a);
        d[3 * M] = -share * (c * a * (a - rho * b) - 1);
        d[4 * M] = -share * (c * b * (b - rho * a) - 1);
        d[5 * M] = -share * (a * b + rho * (1 - c * z));
        dx[0] -= d[M];
        dx[1] -= d[2 * M];
      }
    }
    return -density - x[2] * std::log(e) - (1 - x[2]) * std::log(1 - e);
  }
  double mean(const Array<double>& y, const Array<double>& x, const Array<double>& weights, double* total) const {
    double sum = 0;
    *total = 0;
    for (size_t r = 0; r < x.size() / 3; ++r) {
      const double w = weights.empty() ? 1 : weights[r];
      sum += w * row(&y[r * (6 * M + 1)], &x[r * 3], nullptr, nullptr);
      *total += w;
    }
    return sum / *total;
  }
  Gradients backward(const Array<double>& y, const Array<double>& x, const Array<double>& weights) const {
    Gradients d = {Array<double>(y.size()), Array<double>(x.size()), Array<double>(weights.size())};
    double total;
    const double loss = mean(y, x, weights, &total);
    for (size_t r = 0; r < x.size() / 3; ++r) {
      const size_t width = 6 * M + 1;
      const double nats = row(&y[r * width], &x[r * 3], &d.y[r * width], &d.x[r * 3]);
      const double w = (weights.empty() ? 1 : weights[r]) / total;
      for (size_t i = 0; i < width; ++i) d.y[r * width + i] *= w;
      for (size_t i = 0; i < 3; ++i) d.x[r * 3 + i] *= w;
      if (!weights.empty()) d.weights[r] = (nats - loss) / total;
    }
    return d;
  }
};
}  // namespace reference
}  // namespace gatecell
