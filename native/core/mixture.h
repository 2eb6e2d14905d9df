// mixture.h: the raw outputs of a mixture density layer for pen points (Graves 2013, "Generating sequences with recurrent neural
// networks", equations 15 to 22): one row of 6 M + 1 numbers, by kind:
//   end | pi[M] | mu1[M] | mu2[M] | sigma1[M] | sigma2[M] | rho[M]
// end is the logit of the end of a stroke (the sign is that of a logit, opposite to equation 18), pi are the mixture's logits,
// sigma the logarithms of the deviations, rho the inverse hyperbolic tangents of the correlations. This file also has the formulas of one
// Gaussian, of the end of a stroke and of one draw, in double, for the processor and for the device.
//
// 1 - rho^2 = 4 u / (1 + u)^2 with u = exp(-2 |rho^|), and differences of the two coordinates instead of their products: both keep their
// digits if a Gaussian is nearly a line. Densities are added as logarithms. Any finite input gives a finite loss.
#pragma once
#include <cmath>
#include <cstdint>

#include "philox.h"

namespace gatecell {

struct MixtureRow {
  const float* row;
  int64_t M;
  GC_BOTH_SIDES double end() const { return static_cast<double>(row[0]); }
  GC_BOTH_SIDES double pi(int64_t j) const { return at(0, j); }
  GC_BOTH_SIDES double mu1(int64_t j) const { return at(1, j); }
  GC_BOTH_SIDES double mu2(int64_t j) const { return at(2, j); }
  GC_BOTH_SIDES double sigma1(int64_t j) const { return at(3, j); }
  GC_BOTH_SIDES double sigma2(int64_t j) const { return at(4, j); }
  GC_BOTH_SIDES double rho(int64_t j) const { return at(5, j); }
  GC_BOTH_SIDES double at(int64_t kind, int64_t j) const { return static_cast<double>(row[1 + kind * M + j]); }
};

// Clamps an exponent so that exp and its squares are finite; NaN stays NaN.
GC_BOTH_SIDES inline double within(double x, double bound) { return x > bound ? bound : x < -bound ? -bound : x; }

constexpr double kMostExponent = 300, kMostDistance = 1e100, kMostSlope = 1e300, kMostNats = 1e30;

// One Gaussian at one point: z are the distances in deviations, with the sign of one of them changed if the correlation is negative.
struct Gaussian {
  double inverse1, inverse2;  // of the deviations
  double z1, z2, sign;
  double u;       // exp(-2 |rho^|)
  double sharp;   // 1 / (1 - rho^2)
  double square;  // z1^2 + z2^2 - 2 rho z1 z2 (equation 25)

  GC_BOTH_SIDES Gaussian(const MixtureRow& r, int64_t j, double x1, double x2) {
    inverse1 = std::exp(-within(r.sigma1(j), kMostExponent));
    inverse2 = std::exp(-within(r.sigma2(j), kMostExponent));
    sign = r.rho(j) < 0 ? -1 : 1;
    u = std::exp(-2 * within(std::fabs(r.rho(j)), kMostExponent));
    sharp = (1 + u) * (1 + u) / (4 * u);
    z1 = within((x1 - r.mu1(j)) * inverse1, kMostDistance);
    z2 = within((x2 - r.mu2(j)) * inverse2, kMostDistance) * sign;
    square = (z1 - z2) * (z1 - z2) + 2 * apart() * z1 * z2;
  }
  GC_BOTH_SIDES double apart() const { return 2 * u / (1 + u); }  // 1 - |rho|
  // Returns the logarithm of the density (equation 24).
  GC_BOTH_SIDES double log_density(const MixtureRow& r, int64_t j) const {
    constexpr double log_2pi = 1.8378770664093453;
    return -log_2pi - r.sigma1(j) - r.sigma2(j) + 0.5 * std::log(sharp) - within(0.5 * square * sharp, kMostNats);
  }
  // Gradient of the nats of a point of whose density this Gaussian has `share`, by kind from mu1 on (equations 32 to 37).
  GC_BOTH_SIDES void slopes(double share, double (&to)[5]) const {
    const double first = within(sharp * ((z1 - z2) + apart() * z2), kMostSlope),
                 second = within(sharp * ((z2 - z1) + apart() * z1), kMostSlope);
    to[0] = -share * first * inverse1;
    to[1] = -share * second * inverse2 * sign;
    to[2] = share * (1 - z1 * first);
    to[3] = share * (1 - z2 * second);
    to[4] = -share * sign * (z1 * z2 + (1 - apart()) * (1 - sharp * square));
  }
};

// The end of a stroke, a Bernoulli variable: nats of `end` (0 or 1, or between) under the logit e, and their gradient.
GC_BOTH_SIDES inline double end_nats(double e, double end) {
  return (e > 0 ? e : 0) - e * end + std::log1p(std::exp(-std::fabs(e)));
}
GC_BOTH_SIDES inline double end_slope(double e, double end) {
  const double small = std::exp(-std::fabs(e));
  return (e > 0 ? 1 : small) / (1 + small) - end;
}

// Returns the Gaussian at which the running sum of exp(pi^ (1 + b)) exceeds the share u of the total, or -1 if a logit is not finite.
GC_BOTH_SIDES inline int64_t pick_gaussian(const MixtureRow& y, double bias, double u) {
  double top = -HUGE_VAL, mass = 0, sum = 0;
  for (int64_t j = 0; j < y.M; ++j) top = y.pi(j) > top ? y.pi(j) : top;
  for (int64_t j = 0; j < y.M; ++j) mass += std::exp((y.pi(j) - top) * (1 + bias));
  int64_t last = -1;
  if (!(mass < HUGE_VAL)) return last;
  for (int64_t j = 0; j < y.M; ++j) {
    const double p = std::exp((y.pi(j) - top) * (1 + bias));
    if (!(p > 0)) continue;  // a Gaussian of weight 0 is never drawn
    last = j;
    sum += p;
    if (sum > u * mass) break;
  }
  return last;
}

// Draws one point (dx, dy, end of stroke); dx is NaN if the row does not describe a distribution. A bias b >= 0 makes neat writing: deviations
// become exp(sigma^ - b), mixture logits pi^ (1 + b) (Graves 2013, equations 61 and 62). It takes four uniform numbers: one for the
// Gaussian, one for the end, and two for a pair of normals (Box and Muller 1958).
GC_BOTH_SIDES inline void draw_point(const MixtureRow& y, double bias, const Draws& draws, uint64_t row, float* point) {
  const int64_t j = pick_gaussian(y, bias, draws.uniform(4 * row));
  point[0] = NAN;
  if (j < 0) return;
  const double length = std::sqrt(-2 * std::log(1 - draws.uniform(4 * row + 2))),
               angle = 6.283185307179586 * draws.uniform(4 * row + 3);
  const double n1 = length * std::cos(angle), n2 = length * std::sin(angle), rho = std::tanh(y.rho(j));
  point[0] = static_cast<float>(y.mu1(j) + std::exp(y.sigma1(j) - bias) * n1);
  point[1] = static_cast<float>(y.mu2(j) + std::exp(y.sigma2(j) - bias) * (rho * n1 + n2 / std::cosh(y.rho(j))));
  point[2] = draws.uniform(4 * row + 1) < 1 / (1 + std::exp(-y.end())) ? 1.0f : 0.0f;
}
}  // namespace gatecell
