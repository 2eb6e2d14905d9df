// mixture_density.cc: minus the log-density of pen points (dx, dy, end of stroke) under a mixture of bivariate Gaussians and a Bernoulli
// variable (Graves 2013, equations 23 to 26), and its gradient (equations 27 to 37), both in one pass over a row in double. mixture.h
// contains the formulas of one Gaussian.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../core/machine.h"
#include "../core/mixture.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
enum { kY, kTargets, kWeights };
enum { kScratch, kNats, kGradient };  // buffers; kNats: the weights' sum, then nats of each row

bool same_rows(const Tensor& y, const Tensor& t, bool without_last) {
  if (without_last && y.rank == 1) return t.rank == 1 && t.dims[0] == 1;
  bool same = t.rank == y.rank - (without_last ? 1 : 0);
  for (int d = 0; d + 1 < y.rank && same; ++d) same = t.dims[d] == y.dims[d];
  return same;
}

gc_status check(Plan& plan, Node& node) {
  const Tensor &y = *plan.input(node, kY), &targets = *plan.input(node, kTargets), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, y, "the outputs", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, targets, "targets", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status == GC_OK) status = expect_shape(plan, node, out, "the result", {2});
  if (status != GC_OK) return status;
  if (y.cols < 7 || y.cols % 6 != 1 || targets.cols != 3 || !same_rows(y, targets, false))
    return fail(GC_INVALID_SHAPE, "mixture_density: expected outputs [..., 6M+1] and targets [..., 3], got %s and %s",
                y.shape().c_str(), targets.shape().c_str());
  if (const Tensor* weights = plan.input(node, kWeights)) {
    status = expect_dtype(node, *weights, "weights", GC_F32);
    if (status != GC_OK) return status;
    if (!same_rows(y, *weights, true))
      return fail(GC_INVALID_SHAPE, "mixture_density: weights %s do not fit outputs %s", weights->shape().c_str(),
                  y.shape().c_str());
  }
  const double clip = node.attributes[0];
  if (!(clip >= 0 && clip <= kMostNats))
    return fail(GC_INVALID_ARGUMENT, "mixture_density: expected a clip from 0 to 1e30, got %g", clip);
  return GC_OK;
}

void prepare(Plan& plan, Node& node) {
  const Tensor& y = *plan.input(node, kY);
  node.buffers.push_back({plan.threads * round_up(y.cols, 8) * 8, Life::kForward});
  node.buffers.push_back({(y.rows + 1) * 8, Life::kSaved});
  if (node.trains) node.buffers.push_back({y.bytes(), Life::kSaved});
  node.why = "density and gradient in one pass over each row, in double";
}

double weight_of(const Tensor* weights, int64_t row) {
  return weights ? static_cast<double>(weights->data[row / weights->cols * weights->ld + row % weights->cols]) : 1;
}

// Returns what a row adds to the sum of nats: 0 if its weight is 0, because its nats may then be NaN.
double share_of_loss(const Tensor* weights, const double* nats, int64_t row) {
  const double w = weight_of(weights, row);
  return w == 0 ? 0 : w * nats[row + 1];
}

struct Row {
  MixtureRow y;
  double x1, x2, end;
};

// Sets share[i] to the share of Gaussian i in the density (equation 28), and returns the nats of the point (equation 26).
double row_nats(const Row& row, double* share) {
  const int64_t M = row.y.M;
  double most = -HUGE_VAL, top = -HUGE_VAL;
  for (int64_t j = 0; j < M; ++j) {
    share[j] = row.y.pi(j) + Gaussian(row.y, j, row.x1, row.x2).log_density(row.y, j);
    most = share[j] > most ? share[j] : most;
    top = row.y.pi(j) > top ? row.y.pi(j) : top;
  }
  double sum = 0, mass = 0;
  for (int64_t j = 0; j < M; ++j) {
    sum += share[j] = std::exp(share[j] - most);
    mass += std::exp(row.y.pi(j) - top);
  }
  for (int64_t j = 0; j < M; ++j) share[j] /= sum;
  return within(std::log(mass) + top - std::log(sum) - most + end_nats(row.y.end(), row.end), kMostNats);
}

void row_gradient(const Row& row, const double* share, double clip, float* to) {
  const int64_t M = row.y.M;
  const double bound = clip > 0 ? clip : kMostNats;
  const auto give = [&](int64_t kind, int64_t j, double d) {
    to[1 + kind * M + j] = static_cast<float>(within(d, bound));
  };
  to[0] = static_cast<float>(within(end_slope(row.y.end(), row.end), bound));
  double top = -HUGE_VAL, mass = 0;
  for (int64_t j = 0; j < M; ++j) top = row.y.pi(j) > top ? row.y.pi(j) : top;
  for (int64_t j = 0; j < M; ++j) mass += std::exp(row.y.pi(j) - top);
  for (int64_t j = 0; j < M; ++j) {
    double slopes[5] = {};
    give(0, j, std::exp(row.y.pi(j) - top) / mass - share[j]);
    if (share[j] != 0) Gaussian(row.y, j, row.x1, row.x2).slopes(share[j], slopes);
    for (int64_t kind = 1; kind < 6; ++kind) give(kind, j, slopes[kind - 1]);
  }
}

Row row_of(const Tensor& y, const Tensor& targets, int64_t row) {
  const float* x = targets.data + row * targets.ld;
  return {{y.data + row * y.ld, (y.cols - 1) / 6},
          static_cast<double>(x[0]),
          static_cast<double>(x[1]),
          static_cast<double>(x[2])};
}

void forward(Plan& plan, Node& node) {
  const Tensor &y = *plan.input(node, kY), &targets = *plan.input(node, kTargets),
               *weights = plan.input(node, kWeights), &out = *plan.output(node, 0);
  double* nats = reinterpret_cast<double*>(node.buffers[kNats].data);
  float* gradient = plan.training && node.buffers.size() > kGradient ? node.buffers[kGradient].data : nullptr;
  const bool skips = !weights || !weights->wants_grad;
  double total_weight = 0;
  for (int64_t row = 0; row < y.rows; ++row) {
    const double w = weight_of(weights, row);
    if (!(w >= 0 && w <= 3.4e38)) {
      plan.run_status = fail(GC_OUT_OF_RANGE, "mixture_density: expected weights of 0 or more, got %g in row %lld", w,
                             static_cast<long long>(row));
      return;
    }
    total_weight += w;
  }
  parallel(plan.team(60.0 * static_cast<double>(y.rows * y.cols)), [&](int index, int team) {
    double* share_of = reinterpret_cast<double*>(node.buffers[kScratch].data) + index * round_up(y.cols, 8);
    const Range mine = share(y.rows, index, team);
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      if (skips && weight_of(weights, i) == 0) {  // even if the row contains NaN
        nats[i + 1] = 0;
        if (gradient) memset(gradient + i * y.ld, 0, static_cast<size_t>(y.cols) * 4);
        continue;
      }
      const Row row = row_of(y, targets, i);
      nats[i + 1] = row_nats(row, share_of);
      if (gradient) row_gradient(row, share_of, node.attributes[0], gradient + i * y.ld);
    }
  });
  nats[0] = total_weight;
  double total = 0;
  for (int64_t i = 0; i < y.rows; ++i) total += share_of_loss(weights, nats, i);
  out.data[0] = total_weight > 0 ? static_cast<float>(total / total_weight) : 0.0f;
  out.data[1] = static_cast<float>(total_weight);
}

// The gradient of a point is minus the sum of the gradients of all means; that of its end of stroke is minus the logit.
template <class F>
void target_gradient(Plan& plan, const Node& node, const Tensor& t, F scale_of) {
  const Tensor& y = *plan.input(node, kY);
  const int64_t M = (y.cols - 1) / 6;
  for_rows(plan, t, 10 * static_cast<double>(M), [&](int64_t row) {
    const float* d = node.buffers[kGradient].data + row * y.ld + 1 + M;
    double sums[3] = {0, 0, -static_cast<double>(y.data[row * y.ld])};
    for (int64_t j = 0; j < M; ++j) sums[0] -= static_cast<double>(d[j]), sums[1] -= static_cast<double>(d[M + j]);
    const double scale = scale_of(row);
    put(t.grad + row * t.ld, 3, node.accumulate[kTargets],
        [&](int64_t j) { return scale == 0 ? 0.0f : static_cast<float>(sums[j] * scale); });
  });
}

void backward(Plan& plan, Node& node) {
  const Tensor &y = *plan.input(node, kY), &targets = *plan.input(node, kTargets),
               *weights = plan.input(node, kWeights), &out = *plan.output(node, 0);
  const double* nats = reinterpret_cast<const double*>(node.buffers[kNats].data);
  const double total = nats[0];
  if (!out.grad || !(total > 0)) return no_gradients(plan, node);
  const double loss_grad = static_cast<double>(out.grad[0]);
  const auto scale_of = [&](int64_t row) { return loss_grad * weight_of(weights, row) / total; };
  const float* from = node.buffers[kGradient].data;
  if (y.grad) {
    for_rows(plan, y, 2, [&](int64_t row) {
      const float scale = static_cast<float>(scale_of(row)), *d = from + row * y.ld;
      put(y.grad + row * y.ld, y.cols, node.accumulate[kY], [=](int64_t j) { return flow(scale, d[j]); });
    });
  }
  if (targets.grad) target_gradient(plan, node, targets, scale_of);
  if (!weights || !weights->grad) return;
  double mean = 0;
  for (int64_t row = 0; row < y.rows; ++row) mean += share_of_loss(weights, nats, row) / total;
  for (int64_t r = 0; r < weights->rows; ++r)
    put(weights->grad + r * weights->ld, weights->cols, node.accumulate[kWeights],
        [&](int64_t j) { return static_cast<float>(loss_grad * (nats[r * weights->cols + j + 1] - mean) / total); });
}
}  // namespace

const OpDef op_mixture_density = {
    GC_OP_MIXTURE_DENSITY, "mixture_density", 2, 3, 1, 1, 1, true, false, false, check, prepare, forward, backward};
}  // namespace gatecell
