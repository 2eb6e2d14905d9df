// sums.cc: sums over dimensions. If the last dimension is kept, each thread adds rows in order for some of the columns. If it is reduced,
// each row is summed in eight lanes, and the sums of rows are added in order.
#include "sums.h"

namespace gatecell {
namespace {
constexpr int64_t kLanes = 8;

double row_sum(const float* x, int64_t n) {
  double lane[kLanes] = {};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    for (int64_t k = 0; k < kLanes; ++k) lane[k] += static_cast<double>(x[j + k]);
  for (int64_t k = 0; j < n; ++j, ++k) lane[k] += static_cast<double>(x[j]);
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

struct Target {
  float* to;
  int64_t columns, ld;
  double scale;
  bool accumulate;
  void put(int64_t element, double sum) const {
    float& at = to[element / columns * ld + element % columns];
    at = static_cast<float>(accumulate ? static_cast<double>(at) + scale * sum : scale * sum);
  }
};

void sum_columns(Plan& plan, const Reduction& r, const float* source, const Target& target) {
  each_strip(plan, r, [&](int64_t row, int64_t begin, int64_t n) {
    double sum[kStrip] = {};
    each_row(r, row, [&](int64_t from) {
      const float* x = source + from * r.ld + begin;
      for (int64_t j = 0; j < n; ++j) sum[j] += static_cast<double>(x[j]);
    });
    for (int64_t j = 0; j < n; ++j) target.put(row * r.columns() + begin + j, sum[j]);
  });
}
}  // namespace

int64_t sum_scratch(const Reduction& r) { return r.last_reduced() ? r.rows() : 0; }

void sum_rows(Plan& plan, const Reduction& r, const float* source, double* scratch, float* to, int64_t columns,
              int64_t to_ld, double scale, bool accumulate) {
  const Target target = {to, columns, to_ld, scale, accumulate};
  if (!r.last_reduced()) return sum_columns(plan, r, source, target);
  const double cost = static_cast<double>(r.rows() * r.columns());
  parallel(plan.team(cost), [&](int index, int team) {
    const Range mine = share(r.rows(), index, team);
    for (int64_t row = mine.begin; row < mine.end; ++row) scratch[row] = row_sum(source + row * r.ld, r.columns());
  });
  const int64_t targets = r.targets();
  for (int64_t element = 0; element < targets; ++element) {
    double sum = 0;
    each_row(r, element, [&](int64_t row) { sum += scratch[row]; });
    target.put(element, sum);
  }
}
}  // namespace gatecell
