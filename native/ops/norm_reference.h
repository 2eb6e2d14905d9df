// norm_reference.h: layer normalisation of one row in plain loops, with the order of additions of shared/norm.inl.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "../core/store.h"

namespace gatecell {
namespace reference {
// The normalisation of a row of `slots` times `units` values. Sums run in 16 lanes, unit modulo 16, and then over the lanes.
template <class Real>
struct Norm {
  int64_t slots, units;
  std::vector<Real> hat;
  Real mean, rstd;

  template <class F>
  Real sum(F add) const {
    Real lanes[16] = {}, total = 0;
    for (int64_t p = 0; p < panels_of(units); ++p)
      for (int64_t slot = 0; slot < slots; ++slot)
        for (int64_t u = p * 16; u < std::min(p * 16 + 16, units); ++u)
          add(static_cast<size_t>(slot * units + u), lanes[u % 16]);
    for (Real lane : lanes) total += lane;
    return total;
  }
  void forward(const Real* v) {
    const Real count = static_cast<Real>(slots * units);
    mean = sum([&](size_t i, Real& lane) { lane += v[i]; }) / count;
    const Real squares = sum([&](size_t i, Real& lane) { lane = std::fma(v[i] - mean, v[i] - mean, lane); });
    rstd = 1 / std::sqrt(squares / count + static_cast<Real>(1e-5));
    hat.resize(static_cast<size_t>(slots * units));
    for (size_t i = 0; i < hat.size(); ++i) hat[i] = (v[i] - mean) * rstd;
  }
  // Returns the gradient of v, without its factor rstd, from w, the gradient of hat.
  std::vector<Real> backward(const std::vector<Real>& w) const {
    const Real count = static_cast<Real>(slots * units);
    const Real middle = sum([&](size_t i, Real& lane) { lane += w[i]; }) / count;
    const Real slope = sum([&](size_t i, Real& lane) { lane = std::fma(w[i], hat[i], lane); }) / count;
    std::vector<Real> d(w.size());
    for (size_t i = 0; i < d.size(); ++i) d[i] = std::fma(-hat[i], slope, w[i] - middle);
    return d;
  }
};
}  // namespace reference
}  // namespace gatecell
