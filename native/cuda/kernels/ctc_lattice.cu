// ctc_lattice.cu: softmax of all steps in parallel; the forward variables of a row by one block and the backward variables by
// another, step after step; their products again in parallel. State 2 i is the blank before label i, state 2 i + 1 the label.
#include "ctc.h"
#include "softmax.h"

namespace gatecell {
namespace cuda {
namespace ctc {
namespace {
constexpr int kThreads = 128;

__device__ bool is_finite(double x) { return x - x == 0; }

// Two rows of the lattice, used in turn. Each has two zeros at one end, so that the neighbours of every state exist.
struct Rows {
  Wide* memory;
  int64_t stride, front;  // front: zeros before the states
  __device__ Wide* at(int64_t t) const { return memory + t % 2 * stride + front; }
};

__device__ Rows rows_of(const Job& j, int64_t b, int64_t direction) {
  const int64_t stride = 2 * j.most + 3;
  Wide* memory = j.rows ? j.rows + (b * 2 + direction) * 2 * stride : reinterpret_cast<Wide*>(dynamic_shared());
  for (int64_t i = threadIdx.x; i < 2 * stride; i += kThreads) memory[i] = wide::zero();
  __syncthreads();
  return {memory, stride, direction == 0 ? 2 : 0};
}

// Computes alpha(t, s), the probability of all paths through step t that end in state s (equations 5 to 7); returns that of the labels.
__device__ Wide forward_variables(const Job& j, int64_t b, int64_t steps, int64_t count) {
  const Rows rows = rows_of(j, b, 0);
  const int64_t states = 2 * count + 1;
  for (int64_t t = 0; t < steps; ++t) {
    const Wide *p = j.steps_of(t, b), *before = rows.at(t + 1);
    Wide* to = rows.at(t);
    for (int64_t s = threadIdx.x; s < states; s += kThreads) {
      const int64_t i = s / 2;
      const Wide factor = p[s % 2 ? i : count];
      Wide sum = wide::zero();
      if (t > 0) {
        sum = plus(before[s], before[s - 1]);
        if (s % 2 && j.skips(b, i)) sum = plus(sum, before[s - 2]);
      } else if (s < 2) {
        sum = {1, 0};
      }
      to[s] = times(sum, factor);
      if (j.gradient) j.alpha[j.lattice(t, b) + s] = to[s];
    }
    __syncthreads();
  }
  const Wide* last = rows.at(steps - 1);
  return plus(last[2 * count], last[2 * count - 1]);
}

// Computes beta(t, s), the probability of all ways to finish from state s after step t (equations 10 and 11 without the factor of step t).
__device__ void backward_variables(const Job& j, int64_t b, int64_t steps, int64_t count) {
  const Rows rows = rows_of(j, b, 1);
  const int64_t states = 2 * count + 1;
  for (int64_t t = steps - 1; t >= 0; --t) {
    const Wide *p = j.steps_of(t + 1 < steps ? t + 1 : t, b), *after = rows.at(t + 1);
    Wide* to = rows.at(t);
    for (int64_t s = threadIdx.x; s < states; s += kThreads) {
      const int64_t i = s / 2;
      const auto next = [&](int64_t state) {
        return state < states ? times(after[state], p[state % 2 ? state / 2 : count]) : wide::zero();
      };
      if (t + 1 == steps) {
        to[s] = s + 2 >= states ? Wide{1, 0} : wide::zero();
      } else {
        Wide sum = plus(next(s), next(s + 1));
        if (s % 2 && i + 1 < count && j.skips(b, i + 1)) sum = plus(sum, next(s + 2));
        to[s] = wide::normal(sum.m, sum.e);
      }
      j.beta[j.lattice(t, b) + s] = to[s];
    }
    __syncthreads();
  }
}

// Block (row, direction).
__global__ void __launch_bounds__(kThreads) ctc_lattice_kernel(Job j) {
  __shared__ int bad;
  const int64_t b = blockIdx.x, steps = j.steps(b), count = j.count(b);
  const bool back = blockIdx.y == 1;
  if (threadIdx.x == 0) bad = 0;
  __syncthreads();
  for (int64_t t = threadIdx.x; t < steps; t += kThreads)
    if (!is_finite(j.log_sums[t * j.B + b])) bad = 1;
  __syncthreads();
  if (bad || steps == 0) {
    if (!back && threadIdx.x == 0) j.nats[b + 1] = bad ? static_cast<double>(NAN) : 0;
    return;
  }
  if (back) return backward_variables(j, b, steps, count);
  const double nats = -log_of(forward_variables(j, b, steps, count));
  if (threadIdx.x == 0) j.nats[b + 1] = nats > 0 ? nats : 0;  // rounding may leave a probability above 1
}

// Subtracts the shares of the states at step t, alpha(t, s) beta(t, s) divided by their sum, from the softmax (equation 16), with one warp.
__device__ void subtract_shares(const Job& j, int64_t t, int64_t b, float* to, int lane) {
  const int64_t count = j.count(b), states = 2 * count + 1, at = j.lattice(t, b);
  int64_t most = 2 * wide::kNever;
  for (int64_t s = lane; s < states; s += kWarp) {
    const int64_t e = j.alpha[at + s].e + j.beta[at + s].e;
    most = e > most ? e : most;
  }
  most = warp_max(most);
  const auto share = [&](int64_t s) {
    const Wide a = j.alpha[at + s], z = j.beta[at + s];
    return a.m * z.m * wide::power_of_two(a.e + z.e - most);
  };
  double blanks = 0, labels = 0;
  for (int64_t s = lane; s < states; s += kWarp) (s % 2 ? labels : blanks) += share(s);
  blanks = warp_sum(blanks);
  const double sum = blanks + warp_sum(labels);
  if (lane == 0) to[j.blank] -= static_cast<float>(blanks / sum);
  for (int64_t i = lane; i < count; i += kWarp) {
    const Link* links = j.links + b * j.most;
    if (!links[i].first) continue;
    float* label = to + j.label(b, i);
    for (int64_t k = i; k >= 0; k = links[k].next) *label -= static_cast<float>(share(2 * k + 1) / sum);
  }
}

void link_labels(Queue& queue, const Job& j) {
  each(queue, j.B * j.most, [=] __device__(int64_t place) {
    const int64_t b = place / j.most, i = place % j.most, count = j.count(b);
    if (i >= count) return;
    Link link = {-1, 1};
    for (int64_t k = 0; k < i && link.first; ++k) link.first = j.label(b, k) != j.label(b, i);
    for (int64_t k = i + 1; k < count && link.next < 0; ++k)
      if (j.label(b, k) == j.label(b, i)) link.next = static_cast<int32_t>(k);
    j.links[place] = link;
  });
}
}  // namespace

// One warp per step computes the softmax (into the gradient, if one is wanted) and the probabilities of the row's labels, that of the blank last.
void step_probabilities(Queue& queue, const Job& j) {
  each_row(queue, j.T * j.B, [=] __device__(int64_t row, int lane) {
    const int64_t t = row / j.B, b = row % j.B, count = j.count(b);
    const float* x = j.x + row * j.ld;
    float* p = j.gradient ? j.gradient + row * j.ld : nullptr;
    if (t >= j.steps(b)) {
      for (int64_t k = lane; p && k < j.K; k += kWarp) p[k] = 0.0f;
      return;
    }
    const RowMass mass = softmax_row(x, p, j.K, lane);
    const double log_sum = mass.log_sum + static_cast<double>(mass.most);
    if (lane == 0) j.log_sums[row] = log_sum;
    Wide* to = j.step + (b * j.T + t) * (j.most + 1);
    for (int64_t i = lane; i <= count; i += kWarp)
      to[i] = wide::probability(static_cast<double>(x[i < count ? j.label(b, i) : j.blank]) - log_sum);
  });
}

void lattice(Queue& queue, const Job& j) {
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>(j.B), j.gradient ? 2 : 1);
  shape.block = dim3(kThreads);
  shape.shared = j.rows ? 0 : j.shared_bytes();
  launch(queue, shape, ctc_lattice_kernel, j);
}

void shares(Queue& queue, const Job& j) {
  link_labels(queue, j);
  each_row(queue, j.T * j.B, [=] __device__(int64_t row, int lane) {
    const int64_t t = row / j.B, b = row % j.B;
    float* to = j.gradient + row * j.ld;
    if (t >= j.steps(b)) return;
    if (is_finite(j.nats[b + 1])) return subtract_shares(j, t, b, to, lane);
    for (int64_t k = lane; k < j.K; k += kWarp) to[k] = NAN;
  });
}
}  // namespace ctc
}  // namespace cuda
}  // namespace gatecell
