// sample.cc: one id per row of logits, drawn from softmax(logits / temperature) after top-k and then top-p (the smallest set of
// most likely ids that has that share of the mass; Holtzman et al. 2020). Temperature 0 takes the first of the largest. draws.h explains on
// which numbers a draw depends. The op has no gradient, and refuses NaN and rows without a finite mass.
#include <algorithm>
#include <cmath>

#include "../core/machine.h"
#include "../core/philox.h"
#include "draws.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
enum { kWeights, kOrder };  // buffers: exp of one row; its ids

gc_status check(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, 0), &out = *plan.output(node, 0);
  const gc_status status = check_draw(plan, node, "logits", GC_I32);
  if (status != GC_OK) return status;
  bool fits = out.rank == std::max(1, logits.rank - 1) && out.rows * out.cols == logits.rows;
  for (int d = 0; d + 1 < logits.rank && fits; ++d) fits = out.dims[d] == logits.dims[d];
  return fits ? GC_OK
              : fail(GC_INVALID_SHAPE, "sample: logits %s do not give %s", logits.shape().c_str(), out.shape().c_str());
}

void prepare(Plan& plan, Node& node) {
  const int64_t bytes = plan.input(node, 0)->ld * 4;
  node.buffers.push_back({bytes, Life::kForward});
  node.buffers.push_back({bytes, Life::kForward});
  node.why = "one pass of exp; a heap where top-k or top-p ask for an order";
}

struct Settings {
  float temperature = 1;
  int64_t top_k = 0;  // 0: all
  double top_p = 1;   // 1: all
};

gc_status read_settings(const float* control, int64_t vocabulary, Settings& s) {
  const float temperature = control[0], k = control[1], p = control[2];
  if (!(temperature >= 0 && temperature <= 3.4e38f))
    return fail(GC_INVALID_ARGUMENT, "sample: expected a temperature of 0 or more, got %g",
                static_cast<double>(temperature));
  if (!is_integer(static_cast<double>(k), 0, HUGE_VAL))
    return fail(GC_INVALID_ARGUMENT, "sample: expected an integer top-k of 0 or more, got %g", static_cast<double>(k));
  if (!(p >= 0))
    return fail(GC_INVALID_ARGUMENT, "sample: expected a top-p of 0 or more, got %g", static_cast<double>(p));
  s.temperature = temperature;
  s.top_k = k < static_cast<float>(vocabulary) ? static_cast<int64_t>(k) : 0;
  s.top_p = p > 0 && p < 1 ? static_cast<double>(p) : 1;
  return GC_OK;
}

// Returns the first of the largest values, or -1 for NaN. It has lanes, because one chain of comparisons would take most of a draw's time.
int64_t argmax(const float* x, int64_t n) {
  constexpr int lanes = 16;
  float most[lanes];
  int32_t bad[lanes] = {};
  for (int l = 0; l < lanes; ++l) most[l] = x[0];
  int64_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    for (int l = 0; l < lanes; ++l) {
      most[l] = x[j + l] > most[l] ? x[j + l] : most[l];
      bad[l] |= x[j + l] != x[j + l];
    }
  }
  for (; j < n; ++j) {
    most[0] = x[j] > most[0] ? x[j] : most[0];
    bad[0] |= x[j] != x[j];
  }
  for (int l = 1; l < lanes; ++l) {
    most[0] = most[l] > most[0] ? most[l] : most[0];
    bad[0] |= bad[l];
  }
  return bad[0] ? -1 : std::find(x, x + n, most[0]) - x;
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
int64_t select(const float* x, const float* weights, int64_t n, const Settings& s, int32_t* order, double& mass) {
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

int64_t draw(const float* x, int64_t n, const Settings& s, double u, float* weights, int32_t* order) {
  const int64_t top = argmax(x, n);
  if (top < 0 || s.temperature == 0) return top;
  const float most = x[top], inverse = std::min(1 / s.temperature, 3.4e38f);
  if (!(std::fabs(most) <= 3.4e38f)) return -1;
  for (int64_t j = 0; j < n; ++j) weights[j] = (x[j] - most) * inverse;
  kernels().exp(weights, weights, n);
  if (s.top_k == 0 && s.top_p == 1) return pick_all(weights, n, u, reinterpret_cast<double*>(order));
  double mass;
  const int64_t kept = select(x, weights, n, s, order, mass);
  return pick(weights, kept, u * mass, [&](int64_t i) { return order[n - 1 - i]; });
}

// Computes the rows one after the other on the calling thread: the error message of a refused row belongs to that thread, and rows are few.
void forward(Plan& plan, Node& node) {
  const Tensor &logits = *plan.input(node, 0), &control = *plan.input(node, 1), &out = *plan.output(node, 0);
  float* weights = node.buffers[kWeights].data;
  int32_t* order = reinterpret_cast<int32_t*>(node.buffers[kOrder].data);
  for (int64_t row = 0; row < logits.rows; ++row) {
    Settings settings;
    plan.run_status = read_settings(settings_of(control, row), logits.cols, settings);
    if (plan.run_status != GC_OK) return;
    const RowDraws own(plan, node, row);
    const double u = own.draws.uniform(own.row);
    const int64_t id = draw(logits.data + row * logits.ld, logits.cols, settings, u, weights, order);
    if (id < 0) {
      plan.run_status =
          fail(GC_OUT_OF_RANGE,
               "sample: expected finite logits, but row %lld has a NaN or no finite maximum: check the weights",
               static_cast<long long>(row));
      return;
    }
    out.ids[row] = static_cast<int32_t>(id);
  }
}
}  // namespace

const OpDef op_sample = {GC_OP_SAMPLE, "sample", 2, 3, 1, 1, 1, false, false, false, check, prepare, forward, nullptr};
}  // namespace gatecell
