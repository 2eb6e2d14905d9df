// math_lab.h: floats by their bits, distance in ulp, the exact functions, and the float bounds that math.inl promises.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/table.h"

namespace lab {

inline float from_bits(uint32_t b) {
  float x;
  memcpy(&x, &b, 4);
  return x;
}

// Same bits, or both NaN.
inline bool same_float(float a, float b) { return std::isnan(a) ? std::isnan(b) : memcmp(&a, &b, 4) == 0; }

// |got - exact| in units of the last place of a float of exact's size.
inline double ulp_error(float got, double exact) {
  const float nearest = static_cast<float>(exact);
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) && std::isnan(got) ? 0 : HUGE_VAL;
  if (std::isinf(nearest) || std::isinf(got)) return got == nearest ? 0 : HUGE_VAL;
  int exponent;
  std::frexp(exact, &exponent);
  return std::fabs(got - exact) / std::ldexp(1.0, exponent - 24 < -149 ? -149 : exponent - 24);
}

struct Function {
  const char* name;
  void (*gc_kernels::*kernel)(const float*, float*, int64_t);
  double (*exact)(double);
  double bound;   // ulp, where the exact result is at least `normal`
  double normal;  // below it: |got - exact| <= normal
};

// The promises of native/kernels/shared/math.inl.
inline const std::vector<Function>& functions() {
  static const std::vector<Function> list = {
      {"exp", &gc_kernels::exp, [](double x) { return std::exp(x); }, 1, 0},
      {"sigmoid", &gc_kernels::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 2, 0x1p-126},
      {"tanh", &gc_kernels::tanh, [](double x) { return std::tanh(x); }, 4, 0},
  };
  return list;
}

struct Worst {
  double ulp = 0, tiny = 0;  // largest error in ulp; largest absolute one where the result is below `normal`
  float at = 0;
  uint64_t broken = 0;  // results outside the bound
  void see(const Function& f, float x, float got) {
    const double exact = f.exact(static_cast<double>(x));
    if (std::fabs(exact) < f.normal) {
      const double error = std::fabs(got - exact);
      tiny = std::fmax(tiny, error);
      broken += !(error <= f.normal);
      return;
    }
    const double error = ulp_error(got, exact);
    broken += !(error <= f.bound);
    if (error > ulp) ulp = error, at = x;
  }
  void merge(const Worst& other) {
    if (other.ulp > ulp) ulp = other.ulp, at = other.at;
    tiny = std::fmax(tiny, other.tiny);
    broken += other.broken;
  }
};

// Calls visit(first bits) for blocks of `block` floats whose bits lie `step` apart, from bits `first` up to `end`.
template <class F>
void for_floats(uint64_t first, uint64_t end, uint64_t step, size_t block, F visit) {
  std::vector<float> x;
  x.reserve(block);
  for (uint64_t b = first; b < end;) {
    x.clear();
    for (; x.size() < block && b < end; b += step) x.push_back(from_bits(static_cast<uint32_t>(b)));
    visit(x);
  }
}
}  // namespace lab
