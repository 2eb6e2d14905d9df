// mixture_density.cu: minus the log-density of pen points under a mixture of bivariate Gaussians and the end of a stroke (Graves 2013,
// equations 23 to 37), in double as on the processor and with the same code for a Gaussian (mixture.h). One warp computes a row. The
// forward pass of a training step also computes the gradient, which the backward pass scales.
#include "../../core/mixture.h"
#include "faults.h"
#include "losses.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace mixture_density {
enum { kY, kTargets, kWeights };
// kNats: the weights' sum, the weighted mean, then nats of each row. kShares: of the density, of each Gaussian, in double.
enum { kNats, kShares, kGradient };

gc_status prepare(const Node& n) {
  const Tensor& y = *n.in(kY);
  n.ask((y.rows + 2) * 8, GC_LIFE_SAVED);
  n.ask(y.rows * (y.cols - 1) / 6 * 8, GC_LIFE_FORWARD);
  n.ask(n.node.trains ? y.rows * y.ld * 4 : 0, GC_LIFE_SAVED);
  n.why("density and gradient in one pass over each row, a warp per row, in double");
  return GC_OK;
}

// The weights of the rows; 1 for every row if the op has no weights.
struct Weights {
  const float* data = nullptr;
  int64_t cols = 1, ld = 1;
  explicit Weights(const Tensor* t) {
    if (t) data = t->data, cols = t->cols, ld = t->ld;
  }
  __device__ double at(int64_t row) const {
    return data ? static_cast<double>(data[row / cols * ld + row % cols]) : 1.0;
  }
};

struct Row {
  MixtureRow y;
  double x1, x2, end;
};

// The normalisation of a row's mixture weights, which every lane of the warp has.
struct Mass {
  double top, sum;  // largest of pi^, sum of exp(pi^ - top)
};

// Sets share[i] to the share of Gaussian i in the density (equation 28), and returns the nats of the point (equation 26).
__device__ double row_nats(const Row& row, double* share, int lane, Mass& pi) {
  const int64_t M = row.y.M;
  double most = -HUGE_VAL;
  pi.top = -HUGE_VAL;
  for (int64_t j = lane; j < M; j += kWarp) {
    share[j] = row.y.pi(j) + Gaussian(row.y, j, row.x1, row.x2).log_density(row.y, j);
    most = share[j] > most ? share[j] : most;
    pi.top = row.y.pi(j) > pi.top ? row.y.pi(j) : pi.top;
  }
  most = warp_max(most), pi.top = warp_max(pi.top);
  double sum = 0;
  pi.sum = 0;
  for (int64_t j = lane; j < M; j += kWarp) {
    sum += share[j] = exp(share[j] - most);
    pi.sum += exp(row.y.pi(j) - pi.top);
  }
  sum = warp_sum(sum), pi.sum = warp_sum(pi.sum);
  for (int64_t j = lane; j < M; j += kWarp) share[j] /= sum;
  return within(log(pi.sum) + pi.top - log(sum) - most + end_nats(row.y.end(), row.end), kMostNats);
}

__device__ void row_gradient(const Row& row, const double* share, const Mass& pi, double bound, float* to, int lane) {
  const int64_t M = row.y.M;
  if (lane == 0) to[0] = static_cast<float>(within(end_slope(row.y.end(), row.end), bound));
  for (int64_t j = lane; j < M; j += kWarp) {
    double slopes[5] = {};
    to[1 + j] = static_cast<float>(within(exp(row.y.pi(j) - pi.top) / pi.sum - share[j], bound));
    if (share[j] != 0) Gaussian(row.y, j, row.x1, row.x2).slopes(share[j], slopes);
    for (int kind = 1; kind < 6; ++kind) to[1 + kind * M + j] = static_cast<float>(within(slopes[kind - 1], bound));
  }
}

void rows(const Node& n, const Weights& weights, bool skips) {
  const Tensor &y = *n.in(kY), &targets = *n.in(kTargets);
  const float *outputs = y.data, *points = targets.data;
  double *nats = n.buffer<double>(kNats) + 2, *shares = n.buffer<double>(kShares);
  float* gradient = n.plan.training && n.node.trains ? n.buffer(kGradient) : nullptr;
  const int64_t ldy = y.ld, ldt = targets.ld, columns = y.cols, M = (y.cols - 1) / 6;
  const double bound = n.attribute(0) > 0 ? n.attribute(0) : kMostNats;
  each_row(n.queue, y.rows, [=] __device__(int64_t i, int lane) {
    float* to = gradient ? gradient + i * ldy : nullptr;
    if (skips && weights.at(i) == 0) {  // even if the row contains NaN
      if (lane == 0) nats[i] = 0;
      for (int64_t j = lane; to && j < columns; j += kWarp) to[j] = 0.0f;
      return;
    }
    const float* x = points + i * ldt;
    const Row row = {
        {outputs + i * ldy, M}, static_cast<double>(x[0]), static_cast<double>(x[1]), static_cast<double>(x[2])};
    Mass pi;
    const double here = row_nats(row, shares + i * M, lane, pi);
    if (lane == 0) nats[i] = here;
    if (to) row_gradient(row, shares + i * M, pi, bound, to, lane);
  });
}

void forward(const Node& n) {
  const Tensor* given = n.in(kWeights);
  const Weights weights(given);
  const int64_t count = n.in(kY)->rows;
  if (given)
    check_each(n, count, [=] __device__(int64_t row) {
      const double w = weights.at(row);
      return w >= 0 && w <= 3.4e38 ? fault_at() : fault_at(Fault::kWeight, row, w);
    });
  rows(n, weights, !given || !given->grad);
  double *head = n.buffer<double>(kNats), *nats = head + 2;
  float* loss = n.out(0)->data;
  sum_rows(
      n.queue, count, [=] __device__(int64_t row) { return weights.at(row) > 0 ? weights.at(row) * nats[row] : 0.0; },
      [=] __device__(int64_t row) { return weights.at(row); },
      [=] __device__(double total, double weight) {
        head[0] = weight;
        head[1] = weight > 0 ? total / weight : 0;
        loss[0] = static_cast<float>(head[1]);
        loss[1] = static_cast<float>(weight);
      });
}

// The scale of a row's gradient; zero if all weights are zero.
struct Scale {
  const double* head;
  const float* dloss;
  Weights weights;
  __device__ double at(int64_t row) const {
    return head[0] > 0 ? static_cast<double>(dloss[0]) * weights.at(row) / head[0] : 0;
  }
};

// The gradient of a point is minus the sum of the gradients of all means; that of its end of stroke is minus the logit.
void target_gradient(const Node& n, const Scale& scale) {
  const Tensor &y = *n.in(kY), &t = *n.in(kTargets);
  const float *outputs = y.data, *from = n.buffer(kGradient);
  float* to = t.grad;
  const int64_t ldy = y.ld, ldt = t.ld, M = (y.cols - 1) / 6;
  const bool accumulate = n.accumulate(kTargets);
  each_row(n.queue, t.rows, [=] __device__(int64_t row, int lane) {
    const float* d = from + row * ldy + 1 + M;
    double sum1 = 0, sum2 = 0;
    for (int64_t j = lane; j < M; j += kWarp) sum1 -= static_cast<double>(d[j]), sum2 -= static_cast<double>(d[M + j]);
    sum1 = warp_sum(sum1), sum2 = warp_sum(sum2);
    if (lane != 0) return;
    const double sums[3] = {sum1, sum2, -static_cast<double>(outputs[row * ldy])}, factor = scale.at(row);
    for (int j = 0; j < 3; ++j)
      put(to + row * ldt + j, factor == 0 ? 0.0f : static_cast<float>(sums[j] * factor), accumulate);
  });
}

void weight_gradient(const Node& n, const float* dloss) {
  const Tensor& t = *n.in(kWeights);
  const double *head = n.buffer<double>(kNats), *nats = head + 2;
  float* to = t.grad;
  const int64_t ld = t.ld, columns = t.cols;
  const bool accumulate = n.accumulate(kWeights);
  each_element(n.queue, t.rows, t.cols, [=] __device__(int64_t row, int64_t j) {
    const double d = static_cast<double>(dloss[0]) * (nats[row * columns + j] - head[1]) / head[0];
    put(to + row * ld + j, head[0] > 0 ? static_cast<float>(d) : 0.0f, accumulate);
  });
}

void backward(const Node& n) {
  const Tensor &y = *n.in(kY), &out = *n.out(0);
  if (!out.grad) return no_gradients(n);
  const Scale scale = {n.buffer<double>(kNats), out.grad, Weights(n.in(kWeights))};
  if (y.grad) {
    const float* from = n.buffer(kGradient);
    float* to = y.grad;
    const int64_t ld = y.ld;
    const bool accumulate = n.accumulate(kY);
    each_element(n.queue, y.rows, y.cols, [=] __device__(int64_t row, int64_t j) {
      const float factor = static_cast<float>(scale.at(row));
      put(to + row * ld + j, flow(factor, from[row * ld + j]), accumulate);
    });
  }
  if (n.in(kTargets)->grad) target_gradient(n, scale);
  if (n.in(kWeights) && n.in(kWeights)->grad) weight_gradient(n, out.grad);
}
}  // namespace mixture_density

const OpDef op_mixture_density = {GC_OP_MIXTURE_DENSITY, "mixture_density", mixture_density::prepare,
                                  mixture_density::forward, mixture_density::backward};
}  // namespace cuda
}  // namespace gatecell
