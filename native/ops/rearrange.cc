// rearrange.cc: permuted dimensions, padding with a constant, and patches of a convolution, as one copy. The gradient of an element of x
// is the sum over the patches that contain it, in the order of the kernels' elements, whatever the number of threads.
#include "../core/rearrange.h"

#include <algorithm>
#include <cmath>

#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
constexpr double kMost = 2147483647;

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, x, "x", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status != GC_OK) return status;
  const double* attributes = node.attributes.data();
  if (std::isnan(attributes[0])) return fail(GC_INVALID_ARGUMENT, "rearrange: expected a number as constant, got NaN");
  bool taken[4] = {};
  int64_t left = out.cols;
  for (int a = 0; a < x.rank; ++a) {
    const double *of = attributes + 1 + 4 * a, target = of[0];
    const bool fits = is_integer(target, 0, x.rank - 1) && !taken[static_cast<int>(target)] &&
                      is_integer(of[1], 0, kMost) && is_integer(of[2], 1, kMost) && is_integer(of[3], 1, kMost);
    if (!fits)
      return fail(GC_INVALID_ARGUMENT, "rearrange: dimension %d of %s has no place, padding, stride and kernel", a,
                  x.shape().c_str());
    taken[static_cast<int>(target)] = true;
    if (target == x.rank - 1 && (of[2] != 1 || of[3] != 1))
      return fail(GC_INVALID_ARGUMENT, "rearrange: expected stride 1 and kernel 1 in the last dimension of the result");
    const int64_t kernel = static_cast<int64_t>(of[3]);
    left = left % kernel == 0 ? left / kernel : 0;
  }
  if (x.rank == out.rank && left > 0) return GC_OK;
  return fail(GC_INVALID_SHAPE, "rearrange: %s does not give %s", x.shape().c_str(), out.shape().c_str());
}

Rearrange places_of(Plan& plan, const Node& node) {
  return Rearrange(*plan.input(node, 0), *plan.output(node, 0), node.attributes.data());
}

void forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  const Rearrange r = places_of(plan, node);
  const int64_t n = r.positions[r.last], shift = r.before[r.last], step = r.x_step[r.last];
  const int64_t begin = std::min(shift, n), end = std::max(begin, std::min(n, shift + r.size[r.last]));
  for_rows(plan, out, 2, [&](int64_t row) {
    for (int64_t patch = 0; patch < r.patches; ++patch) {
      float* to = out.data + row * out.ld + patch * n;
      const int64_t place = r.source(row, patch);
      if (place < 0) {
        std::fill_n(to, n, r.constant);
        continue;
      }
      const float* from = x.data + place;
      std::fill(to, to + begin, r.constant);
      if (step == 1) {
        memcpy(to + begin, from, static_cast<size_t>(end - begin) * 4);
      } else {
        for (int64_t j = begin; j < end; ++j) to[j] = from[(j - begin) * step];
      }
      std::fill(to + end, to + n, r.constant);
    }
  });
}

// Computes the gradient of the elements of x along dimension `last`, at the indices `at` of the others.
void line_gradient(const Rearrange& r, const int64_t* at, const float* dy, float* to, bool accumulate) {
  const int64_t step = r.x_step[r.last], shift = r.before[r.last], n = r.size[r.last];
  const int64_t end = std::min(n, r.positions[r.last] - shift);
  if (!accumulate)
    for (int64_t j = 0; j < n; ++j) to[j * step] = 0;
  for (int64_t patch = 0; patch < r.patches; ++patch) {
    const int64_t place = r.target_of(at, patch);
    if (place < 0) continue;
    const float* from = dy + place + shift;
    if (step == 1) {
      for (int64_t j = 0; j < end; ++j) to[j] += from[j];
    } else {
      for (int64_t j = 0; j < end; ++j) to[j * step] += from[j];
    }
  }
}

void backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  if (!x.grad) return;
  if (!out.grad) return no_gradient(plan, node, 0);
  const Rearrange r = places_of(plan, node);
  const int64_t lines = x.rows * x.cols / r.size[r.last];
  parallel(plan.team(2.0 * static_cast<double>(out.rows * out.cols)), [&](int index, int team) {
    const Range mine = share(lines, index, team);
    for (int64_t line = mine.begin; line < mine.end; ++line) {
      int64_t at[4] = {}, rest = line, place = 0;
      for (int a = r.rank - 1; a >= 0; --a) {
        if (a == r.last) continue;
        at[a] = rest % r.size[a], rest /= r.size[a];
        place += at[a] * r.x_step[a];
      }
      line_gradient(r, at, out.grad, x.grad + place, node.accumulate[0]);
    }
  });
}
}  // namespace

const OpDef op_rearrange = {GC_OP_REARRANGE, "rearrange", 1,     1,       1,       1,        5, false,
                            false,           false,       check, nullptr, forward, backward, 12};
}  // namespace gatecell
