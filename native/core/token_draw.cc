// token_draw.cc: the draw of one token from a row of logits: one pass of exp, and a heap where top-k or top-p ask for an order.
#include "token_draw.h"

#include <algorithm>
#include <cmath>

#include "machine.h"

namespace gatecell {
namespace {
constexpr int kLanes = 16;

// Returns the first of the largest values, or -1 for NaN.
int64_t argmax(const float* x, int64_t n) {
  const float most = maximum(x, n);
  return most != most ? -1 : std::find(x, x + n, most) - x;
}

constexpr int64_t kBlock = 16;

// Returns the sum of up to 16 weights, in four chains: the order is fixed, and the chains hide the latency of additions.
double block_sum(const float* w, int64_t n) {
  double lane[4] = {};
  int64_t j = 0;
  for (; j + 4 <= n; j += 4)
    for (int l = 0; l < 4; ++l) lane[l] += static_cast<double>(w[j + l]);
  for (; j < n; ++j) lane[0] += static_cast<double>(w[j]);
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

double sum_of(const float* w, int64_t n) {
  double total = 0;
  for (int64_t j = 0; j < n; j += kBlock) total += block_sum(w + j, std::min(kBlock, n - j));
  return total;
}

// Returns the first of `count` ids at which the running sum of weights exceeds `at`. Ids of weight 0 are never drawn: if rounding keeps the
// sum below `at`, the last id with a weight is returned.
template <class Id>
int64_t pick(const float* weights, int64_t count, double at, Id id) {
  double sum = 0;
  int64_t last = id(0);
  for (int64_t i = 0; i < count; ++i) {
    const double w = static_cast<double>(weights[id(i)]);
    if (!(w > 0)) continue;
    last = id(i);
    sum += w;
    if (sum > at) break;
  }
  return last;
}

// Does the same for all ids in their own order. The sums of blocks, which are kept in `sums`, serve to skip whole blocks.
int64_t pick_all(const float* weights, int64_t n, double u, double* sums) {
  double total = 0, before = 0;
  for (int64_t j = 0; j < n; j += kBlock) total += sums[j / kBlock] = block_sum(weights + j, std::min(kBlock, n - j));
  const double at = u * total;
  int64_t first = 0;
  double sum = 0;
  for (int64_t j = 0; j < n && sum <= at; j += kBlock) {
    const double block = sums[j / kBlock];
    if (block > 0) first = j, before = sum;
    sum += block;
  }
  return first + pick(weights + first, std::min(kBlock, n - first), at - before, [](int64_t i) { return i; });
}

// Moves the most likely ids to the end of `order`, the most likely last, until top-k or top-p is reached. Returns their number, and sets
// `mass` to their sum of weights.
int64_t select(const float* x, const float* weights, int64_t n, const TokenSettings& s, int32_t* order, double& mass) {
  const auto later = [x](int32_t a, int32_t b) { return x[a] != x[b] ? x[a] < x[b] : a > b; };
  for (int64_t j = 0; j < n; ++j) order[j] = static_cast<int32_t>(j);
  std::make_heap(order, order + n, later);
  const int64_t most = s.top_k > 0 ? s.top_k : n;
  double limit = s.top_k > 0 ? 0 : sum_of(weights, n);
  int64_t kept = 0;
  mass = 0;
  while (kept < most) {
    std::pop_heap(order, order + n - kept, later);
    ++kept;
    mass += static_cast<double>(weights[order[n - kept]]);
    if (s.top_k == 0 && mass >= s.top_p * limit) return kept;
  }
  if (s.top_k == 0 || s.top_p == 1) return kept;
  limit = mass;  // top-p is a share of the mass that is left after top-k
  mass = 0;
  for (kept = 0; kept < most && mass < s.top_p * limit; ++kept)
    mass += static_cast<double>(weights[order[n - 1 - kept]]);
  return kept;
}
}  // namespace

int64_t draw_token(const float* x, int64_t n, const TokenSettings& s, double u, float* weights, int32_t* order) {
  const int64_t top = argmax(x, n);
  if (top < 0 || s.temperature == 0) return top;
  const float most = x[top], inverse = std::min(1 / s.temperature, 3.4e38f);
  if (!(std::fabs(most) <= 3.4e38f)) return -1;
  for (int64_t j = 0; j < n; ++j) weights[j] = (x[j] - most) * inverse;
  kernels().exp(weights, weights, n);
  if (s.min_p > 0)
    for (int64_t j = 0; j < n; ++j) weights[j] = weights[j] < s.min_p ? 0 : weights[j];  // the largest weight is 1
  if (s.top_k == 0 && s.top_p == 1) return pick_all(weights, n, u, reinterpret_cast<double*>(order));
  double mass;
  const int64_t kept = select(x, weights, n, s, order, mass);
  return pick(weights, kept, u * mass, [&](int64_t i) { return order[n - 1 - i]; });
}

double log_sum_exp(const float* x, int64_t n, float* weights) {
  const int64_t top = argmax(x, n);
  if (top < 0 || !(std::fabs(x[top]) <= 3.4e38f)) return NAN;
  const float most = x[top];
  for (int64_t j = 0; j < n; ++j) weights[j] = x[j] - most;
  kernels().exp(weights, weights, n);
  return static_cast<double>(most) + std::log(sum_of(weights, n));
}

// It has lanes, because one chain of comparisons would take most of a draw's time.
float maximum(const float* x, int64_t n) {
  float most[kLanes];
  int32_t bad[kLanes] = {};
  for (int l = 0; l < kLanes; ++l) most[l] = x[0];
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      most[l] = x[j + l] > most[l] ? x[j + l] : most[l];
      bad[l] |= x[j + l] != x[j + l];
    }
  }
  for (; j < n; ++j) {
    most[0] = x[j] > most[0] ? x[j] : most[0];
    bad[0] |= x[j] != x[j];
  }
  for (int l = 1; l < kLanes; ++l) {
    most[0] = most[l] > most[0] ? most[l] : most[0];
    bad[0] |= bad[l];
  }
  return bad[0] ? NAN : most[0];
}

namespace {
// Keeps the `most` largest values in order as they are added by growing id, so that of equal values the first one stays before the others.
struct Kept {
  const float* x;
  int32_t* ids;
  int32_t most, count = 0;

  // Returns whether a value is to be added.
  bool admits(float value) const { return count < most || (most > 0 && value > x[ids[count - 1]]); }
  void add(int64_t id) {
    int32_t at = count < most ? count++ : most - 1;
    for (; at > 0 && x[id] > x[ids[at - 1]]; --at) ids[at] = ids[at - 1];
    ids[at] = static_cast<int32_t>(id);
  }
  // Returns whether none of a strip is to be added. The comparison has no branches; few strips have a value that is kept.
  bool skips(const float* strip) const {
    if (count < most || most == 0) return most == 0;
    const float floor = x[ids[most - 1]];
    int32_t any = 0;
    for (int l = 0; l < kLanes; ++l) any |= strip[l] > floor;
    return !any;
  }
};
}  // namespace

void largest(const float* x, int64_t n, int32_t count, int32_t* ids) {
  Kept kept{x, ids, count};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    if (kept.skips(x + j)) continue;
    for (int64_t l = j; l < j + kLanes; ++l)
      if (kept.admits(x[l])) kept.add(l);
  }
  for (; j < n; ++j)
    if (kept.admits(x[j])) kept.add(j);
  for (; kept.count < count; ++kept.count) ids[kept.count] = -1;
}
}  // namespace gatecell
