// wide.h: numbers m 2^e with an integer e, for probabilities of paths, which are far below the smallest double. They have the range of
// logarithms, but a sum costs two multiplications instead of exp and log. For CTC, on the processor and on the device.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "both_sides.h"

namespace gatecell {
namespace wide {

constexpr double kLeastLog = -1e9;  // smaller log-probabilities of a step are set to this: no loss is infinite
constexpr int64_t kNever = -(int64_t{1} << 60);  // exponent of zero, below that of any path: 2^20 steps of e^-1e9

// m 2^e, with m in [1, 2) or 0. For a probability of one step, which is only a factor, it suffices that e^-700 < m <= 1.
struct Wide {
  double m;
  int64_t e;
};
GC_BOTH_SIDES constexpr Wide zero() { return {0, kNever}; }

// Returns 2^d for d <= 0, and 0 if that is below the normal doubles.
GC_BOTH_SIDES inline double power_of_two(int64_t d) {
  const uint64_t bits = d < -1022 ? 0 : static_cast<uint64_t>(d + 1023) << 52;
  double x;
  memcpy(&x, &bits, 8);
  return x;
}

GC_BOTH_SIDES inline Wide normal(double m, int64_t e) {
  uint64_t bits;
  memcpy(&bits, &m, 8);
  if (bits == 0) return zero();
  e += static_cast<int64_t>(bits >> 52) - 1023;
  bits = (bits & 0xfffffffffffffu) | 0x3ff0000000000000u;
  memcpy(&m, &bits, 8);
  return {m, e};
}

GC_BOTH_SIDES inline Wide plus(Wide a, Wide b) {
  const int64_t e = a.e > b.e ? a.e : b.e;
  return {a.m * power_of_two(a.e - e) + b.m * power_of_two(b.e - e), e};
}

GC_BOTH_SIDES inline Wide times(Wide a, Wide b) { return normal(a.m * b.m, a.e + b.e); }

GC_BOTH_SIDES inline Wide probability(double log_p) {
  if (log_p < kLeastLog) log_p = kLeastLog;
  if (log_p > -700) return {std::exp(log_p), 0};
  const double e = std::floor(log_p * 1.4426950408889634);
  return {std::exp(log_p - e * 0.6931471805599453), static_cast<int64_t>(e)};
}

GC_BOTH_SIDES inline double log_of(Wide a) { return std::log(a.m) + static_cast<double>(a.e) * 0.6931471805599453; }
}  // namespace wide
}  // namespace gatecell
