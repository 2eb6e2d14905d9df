// reduce.cu: sums and largest values over any dimensions, in the processor's order (native/ops/reduce.cc). The gradient of a largest value
// goes in equal parts to all elements that have it.
#include "ops.h"
#include "sums.h"

namespace gatecell {
namespace cuda {
namespace reduce {
enum { kKind, kScale, kAxes };  // attributes
enum { kSum, kMax };            // kinds
enum {
  kScratch,
  kShares
};  // buffers: sums of rows; for each largest value the part of its gradient that an element gets

Reduction reduction_of(const Node& n) {
  const int mask = static_cast<int>(n.attribute(kAxes));
  bool gone[4];
  for (int d = 0; d < 4; ++d) gone[d] = (mask >> d & 1) != 0;
  return Reduction(*n.in(0), gone, n.in(0)->ld);
}

gc_status prepare(const Node& n) {
  const Reduction r = reduction_of(n);
  const bool is_max = n.attribute(kKind) == kMax;
  n.ask(is_max ? 0 : sum_scratch_bytes(r), GC_LIFE_FORWARD);
  n.ask(is_max && n.node.trains ? r.targets() * 4 : 0, GC_LIFE_BACKWARD);
  n.why("sums in double in the processor's order");
  return GC_OK;
}

// The larger one, NaN if one is NaN.
__device__ __forceinline__ float larger(float a, float b) { return a != a || a > b ? a : b; }

// Elements of the result in row-major order.
struct Elements {
  float* data;
  int64_t columns, ld;
  __device__ float& operator[](int64_t element) const { return data[element / columns * ld + element % columns]; }
};

// Each lane has the largest values of two of the 64 strips into which the processor cuts a row; they are compared in the order of the strips.
__device__ float largest_of_rows(const Reduction& r, const float* x, int64_t target, int lane) {
  const int64_t columns = r.columns();
  float low = -HUGE_VALF, high = -HUGE_VALF;
  in_order(r.source_rows(target), [&](int64_t row) {
    const float* at = x + row * r.ld;
    for (int64_t j = lane; j < columns; j += 2 * kWarp) low = larger(low, at[j]);
    for (int64_t j = lane + kWarp; j < columns; j += 2 * kWarp) high = larger(high, at[j]);
  });
  float most = __shfl_sync(kAllLanes, low, 0);
  for (int i = 1; i < kWarp; ++i) most = larger(most, __shfl_sync(kAllLanes, low, i));
  for (int i = 0; i < kWarp; ++i) most = larger(most, __shfl_sync(kAllLanes, high, i));
  return most;
}

void max_forward(const Node& n, const Reduction& r) {
  const float* x = n.in(0)->data;
  const Elements to = {n.out(0)->data, n.out(0)->cols, n.out(0)->ld};
  if (r.last_reduced()) {
    each_row(n.queue, r.targets(), [=] __device__(int64_t target, int lane) {
      const float most = largest_of_rows(r, x, target, lane);
      if (lane == 0) to[target] = most;
    });
    return;
  }
  const int64_t width = r.columns();
  each(n.queue, r.targets(), [=] __device__(int64_t element) {
    const float* column = x + element % width;
    float most = -HUGE_VALF;
    in_order(r.source_rows(element / width), [&](int64_t row) { most = larger(most, column[row * r.ld]); });
    to[element] = most;
  });
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  const Reduction r = reduction_of(n);
  if (n.attribute(kKind) == kMax) return max_forward(n, r);
  sum_dimensions(n.queue, r, x.data, n.buffer<double>(kScratch), {y.data, y.cols, y.ld, n.attribute(kScale), false});
}

// Sets share[element] to the gradient of a largest value, divided by the number of elements that have it.
void share_out(const Node& n, const Reduction& r, float* share) {
  const float* x = n.in(0)->data;
  const Elements y = {n.out(0)->data, n.out(0)->cols, n.out(0)->ld}, dy = {n.out(0)->grad, y.columns, y.ld};
  const int64_t columns = r.columns();
  if (r.last_reduced()) {
    each_row(n.queue, r.targets(), [=] __device__(int64_t target, int lane) {
      const float most = y[target];
      int64_t ties = 0;
      in_order(r.source_rows(target), [&](int64_t row) {
        for (int64_t j = lane; j < columns; j += kWarp) ties += x[row * r.ld + j] == most;
      });
      ties = warp_sum(ties);
      if (lane == 0) share[target] = ties > 1 ? dy[target] / static_cast<float>(ties) : dy[target];
    });
    return;
  }
  each(n.queue, r.targets(), [=] __device__(int64_t element) {
    const float* column = x + element % columns;
    const float most = y[element];
    int64_t ties = 0;
    in_order(r.source_rows(element / columns), [&](int64_t row) { ties += column[row * r.ld] == most; });
    share[element] = ties > 1 ? dy[element] / static_cast<float>(ties) : dy[element];
  });
}

void backward(const Node& n) {
  const Tensor &x = *n.in(0), &out = *n.out(0);
  if (!x.grad) return;
  if (!out.grad) return no_gradient(n, 0);
  const Reduction r = reduction_of(n);
  const bool is_max = n.attribute(kKind) == kMax, accumulate = n.accumulate(0), reduced = r.last_reduced();
  const float scale = static_cast<float>(n.attribute(kScale));
  float* share = n.buffer(kShares);
  if (is_max) share_out(n, r, share);
  const Elements y = {out.data, out.cols, out.ld}, dy = {out.grad, out.cols, out.ld};
  const float* from = x.data;
  float* to = x.grad;
  const int64_t width = r.width();
  each_element(n.queue, r.rows(), r.columns(), [=] __device__(int64_t row, int64_t j) {
    const int64_t element = r.target_row(row) * width + (reduced ? 0 : j), at = row * r.ld + j;
    const float d = !is_max ? dy[element] * scale : from[at] == y[element] ? share[element] : 0.0f;
    put(to + at, d, accumulate);
  });
}
}  // namespace reduce

const OpDef op_reduce = {GC_OP_REDUCE, "reduce", reduce::prepare, reduce::forward, reduce::backward};
}  // namespace cuda
}  // namespace gatecell
