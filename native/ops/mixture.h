// mixture.h: the raw outputs of a mixture density layer for pen points (Graves 2013, "Generating sequences with recurrent neural
// networks", equations 15 to 22): one row of 6 M + 1 numbers, by kind:
//   end | pi[M] | mu1[M] | mu2[M] | sigma1[M] | sigma2[M] | rho[M]
// end is the logit of the end of a stroke (the sign is that of a logit, opposite to equation 18), pi are the mixture's logits,
// sigma the logarithms of the deviations, rho the inverse hyperbolic tangents of the correlations.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gatecell {

struct MixtureRow {
  const float* row;
  int64_t M;
  double end() const { return static_cast<double>(row[0]); }
  double pi(int64_t j) const { return at(0, j); }
  double mu1(int64_t j) const { return at(1, j); }
  double mu2(int64_t j) const { return at(2, j); }
  double sigma1(int64_t j) const { return at(3, j); }
  double sigma2(int64_t j) const { return at(4, j); }
  double rho(int64_t j) const { return at(5, j); }
  double at(int64_t kind, int64_t j) const { return static_cast<double>(row[1 + kind * M + j]); }
};

// Keeps an exponent where exp and its squares stay finite; a NaN stays one.
inline double within(double x, double bound) { return x > bound ? bound : x < -bound ? -bound : x; }
}  // namespace gatecell
