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

// An element of the result in row-major order.
float* element_of(const Tensor& t, float* data, int64_t element) {
  return data + element / t.cols * t.ld + element % t.cols;
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
      for (int64_t j = 0; j < n; ++j) {
        float& to = most[reduced ? j % kStrip : j];
        to = larger(to, at[j]);
      }
    });
    if (reduced) {
      for (int64_t j = 1; j < kStrip; ++j) most[0] = larger(most[0], most[j]);
      *element_of(out, out.data, row) = most[0];
      return;
    }
    for (int64_t j = 0; j < n; ++j) *element_of(out, out.data, row * r.columns() + begin + j) = most[j];
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
  const bool reduced = r.last_reduced(), is_max = node.attributes[kKind] == kMax, accumulate = node.accumulate[0];
  const float scale = static_cast<float>(node.attributes[kScale]);
  each_strip(plan, r, [&](int64_t row, int64_t begin, int64_t n) {
    float most[kStrip], share_of[kStrip];
    const int64_t targets = reduced ? 1 : n;
    for (int64_t j = 0; j < targets; ++j) {
      const int64_t element = reduced ? row : row * r.columns() + begin + j;
      most[j] = *element_of(out, out.data, element);
      share_of[j] = *element_of(out, out.grad, element) * (is_max ? 1 : scale);
    }
    if (is_max) {
      int64_t ties[kStrip] = {};
      each_row(r, row, [&](int64_t from) {
        const float* at = x.data + from * r.ld + begin;
        for (int64_t j = 0; j < n; ++j) ties[reduced ? 0 : j] += at[j] == most[reduced ? 0 : j];
      });
      for (int64_t j = 0; j < targets; ++j)
        if (ties[j] > 1) share_of[j] /= static_cast<float>(ties[j]);
    }
    each_row(r, row, [&](int64_t from) {
      const float* at = x.data + from * r.ld + begin;
      const int64_t step = reduced ? 0 : 1;
      put(x.grad + from * r.ld + begin, n, accumulate,
          [&](int64_t j) { return !is_max || at[j] == most[j * step] ? share_of[j * step] : 0.0f; });
    });
  });
}
}  // namespace

const OpDef op_reduce = {GC_OP_REDUCE, "reduce", 1, 1, 1, 1, 3, true, true, false, check, prepare, forward, backward};
}  // namespace gatecell
