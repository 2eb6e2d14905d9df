// reduce.cc: sums and largest values over any dimensions. Sums run in double, in an order that does not depend on threads. The gradient
// of a largest value goes in equal parts to all elements that have it (as torch.amax).
#include <algorithm>
#include <cmath>

#include "ops.h"
#include "rows.h"
#include "sums.h"

namespace gatecell {
namespace {
enum { kKind, kScale, kAxes };  // attributes
enum { kSum, kMax };            // kinds

void read_axes(const Node& node, bool* gone) {
  const int mask = static_cast<int>(node.attributes[kAxes]);
  for (int d = 0; d < 4; ++d) gone[d] = (mask >> d & 1) != 0;
}

Reduction reduction_of(Plan& plan, const Node& node) {
  bool gone[4];
  read_axes(node, gone);
  const Tensor& x = *plan.input(node, 0);
  return Reduction(x, gone, x.ld);
}

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, x, "x", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status != GC_OK) return status;
  const double kind = node.attributes[kKind], axes = node.attributes[kAxes];
  if (kind != kSum && kind != kMax) return fail(GC_INVALID_ARGUMENT, "reduce: unknown kind %g", kind);
  if (!std::isfinite(node.attributes[kScale]))
    return fail(GC_INVALID_ARGUMENT, "reduce: expected a finite scale, got %g", node.attributes[kScale]);
  if (!is_integer(axes, 1, (1 << x.rank) - 1))
    return fail(GC_INVALID_ARGUMENT, "reduce: expected a set of dimensions below %d, got %g", 1 << x.rank, axes);
  bool gone[4];
  read_axes(node, gone);
  std::vector<int64_t> kept, squeezed;
  for (int d = 0; d < x.rank; ++d) {
    kept.push_back(gone[d] ? 1 : x.dims[d]);
    if (!gone[d]) squeezed.push_back(x.dims[d]);
  }
  if (squeezed.empty()) squeezed.push_back(1);
  const std::vector<int64_t> found(out.dims, out.dims + out.rank);
  if (found == kept || found == squeezed) return GC_OK;
  return fail(GC_INVALID_SHAPE, "reduce: %s does not give %s", x.shape().c_str(), out.shape().c_str());
}

void prepare(Plan& plan, Node& node) {
  node.buffers.push_back({sum_scratch(reduction_of(plan, node)) * 8, Life::kForward});
}

// Calls body(pointer, first, n) for the runs of `n` elements of the result in row-major order, from `element` on, that lie in one row.
template <class F>
void each_run(const Tensor& t, float* data, int64_t element, int64_t n, F body) {
  for (int64_t first = 0; first < n;) {
    const int64_t column = (element + first) % t.cols, run = std::min(n - first, t.cols - column);
    body(data + (element + first) / t.cols * t.ld + column, first, run);
    first += run;
  }
}

// The larger one, NaN if one is NaN.
float larger(float a, float b) { return std::isnan(a) || a > b ? a : b; }

void max_forward(Plan& plan, const Reduction& r, const Tensor& x, const Tensor& out) {
  const bool reduced = r.last_reduced();
  each_strip(plan, r, [&](int64_t row, int64_t begin, int64_t n) {
    float most[kStrip];
    std::fill_n(most, kStrip, -HUGE_VALF);
    each_row(r, row, [&](int64_t from) {
      const float* at = x.data + from * r.ld + begin;
      for (int64_t first = 0; first < n; first += kStrip)
        for (int64_t j = 0, run = std::min(kStrip, n - first); j < run; ++j) most[j] = larger(most[j], at[first + j]);
    });
    if (reduced)
      for (int64_t j = 1; j < kStrip; ++j) most[0] = larger(most[0], most[j]);
    each_run(out, out.data, reduced ? row : row * r.columns() + begin, reduced ? 1 : n,
             [&](float* to, int64_t first, int64_t run) { std::copy_n(most + first, run, to); });
  });
}

// The gradient of the elements of one largest value, which is in the last dimension: n elements of each row.
void give_share(const Reduction& r, const Tensor& x, int64_t row, int64_t n, float most, float dy, bool accumulate) {
  int64_t ties = 0;
  each_row(r, row, [&](int64_t from) {
    const float* at = x.data + from * r.ld;
    for (int64_t j = 0; j < n; ++j) ties += at[j] == most;
  });
  const float part = dy / static_cast<float>(std::max<int64_t>(ties, 1));
  each_row(r, row, [&](int64_t from) {
    const float* at = x.data + from * r.ld;
    put(x.grad + from * r.ld, n, accumulate, [&](int64_t j) { return at[j] == most ? part : 0.0f; });
  });
}

void max_backward(Plan& plan, const Reduction& r, const Tensor& x, const Tensor& out, bool accumulate) {
  each_strip(plan, r, [&](int64_t row, int64_t begin, int64_t n) {
    float most[kStrip], part[kStrip], ties[kStrip] = {};
    const bool reduced = r.last_reduced();
    const int64_t element = reduced ? row : row * r.columns() + begin, targets = reduced ? 1 : n;
    const auto read = [&](float* data, float* to) {
      each_run(out, data, element, targets,
               [&](const float* from, int64_t first, int64_t run) { std::copy_n(from, run, to + first); });
    };
    read(out.data, most), read(out.grad, part);
    if (reduced) return give_share(r, x, row, n, most[0], part[0], accumulate);
    each_row(r, row, [&](int64_t from) {
      const float* at = x.data + from * r.ld + begin;
      for (int64_t j = 0; j < n; ++j) ties[j] += at[j] == most[j] ? 1.0f : 0.0f;
    });
    for (int64_t j = 0; j < n; ++j) part[j] /= std::max(ties[j], 1.0f);
    each_row(r, row, [&](int64_t from) {
      const float* at = x.data + from * r.ld + begin;
      put(x.grad + from * r.ld + begin, n, accumulate, [&](int64_t j) { return at[j] == most[j] ? part[j] : 0.0f; });
    });
  });
}

// The gradient of a sum: dy times the scale, for all its elements.
void sum_backward(Plan& plan, const Reduction& r, const Tensor& x, const Tensor& out, float scale, bool accumulate) {
  each_strip(plan, r, [&](int64_t row, int64_t begin, int64_t n) {
    float part[kStrip];
    const bool reduced = r.last_reduced();
    each_run(out, out.grad, reduced ? row : row * r.columns() + begin, reduced ? 1 : n,
             [&](const float* from, int64_t first, int64_t run) {
               for (int64_t j = 0; j < run; ++j) part[first + j] = from[j] * scale;
             });
    each_row(r, row, [&](int64_t from) {
      float* to = x.grad + from * r.ld + begin;
      if (reduced) return put(to, n, accumulate, [&](int64_t) { return part[0]; });
      put(to, n, accumulate, [&](int64_t j) { return part[j]; });
    });
  });
}

void forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  const Reduction r = reduction_of(plan, node);
  if (node.attributes[kKind] == kMax) return max_forward(plan, r, x, out);
  sum_rows(plan, r, x.data, reinterpret_cast<double*>(node.buffers[0].data), out.data, out.cols, out.ld,
           node.attributes[kScale], false);
}

void backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  if (!x.grad) return;
  if (!out.grad) return no_gradient(plan, node, 0);
  const Reduction r = reduction_of(plan, node);
  const bool accumulate = node.accumulate[0];
  if (node.attributes[kKind] == kMax) return max_backward(plan, r, x, out, accumulate);
  sum_backward(plan, r, x, out, static_cast<float>(node.attributes[kScale]), accumulate);
}
}  // namespace

const OpDef op_reduce = {GC_OP_REDUCE, "reduce", 1, 1, 1, 1, 3, true, true, false, check, prepare, forward, backward};
}  // namespace gatecell
