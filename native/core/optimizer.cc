// optimizer.cc: global norm, clipping and the update, once per step over the whole parameter arena.
#include <algorithm>
#include <cmath>
#include <mutex>

#include "machine.h"
#include "op.h"

namespace gatecell {
namespace {
constexpr int64_t kChunk = 1 << 14;  // floats per partial sum: constant, so that the norm does not depend on threads

double square_sum(const float* x, int64_t n) {
  double lanes[16] = {};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int l = 0; l < 16; ++l) lanes[l] += static_cast<double>(x[i + l]) * static_cast<double>(x[i + l]);
  for (; i < n; ++i) lanes[i % 16] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  for (int step = 8; step > 0; step /= 2)
    for (int l = 0; l < step; ++l) lanes[l] += lanes[l + step];
  return lanes[0];
}

double global_norm(Plan& plan) {
  const std::vector<Piece>& list = plan.pieces;
  std::vector<double>& sums = plan.square_sums;
  parallel(plan.team(4.0 * kChunk * static_cast<double>(list.size())), [&](int index, int team) {
    const Range mine = share(static_cast<int64_t>(list.size()), index, team);
    for (int64_t i = mine.begin; i < mine.end; ++i)
      sums[i] = plan.store->groups[plan.store->group_of[list[i].parameter]].frozen
                    ? 0
                    : square_sum(plan.store->grad + list[i].offset, list[i].count);
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return std::sqrt(total);
}

void apply(const Store& s, int optimizer, const Piece& p, const Update& u, float scale) {
  const gc_kernels& table = kernels();
  const bool decays = p.is_matrix || u.decay_all;
  const gc_update update = {
      scale,     u.lr, u.beta1, u.beta2, u.rest1, u.rest2, u.epsilon, decays ? u.decay : 1.0f, decays ? u.l2 : 0.0f,
      u.nesterov};
  float *w = s.data + p.offset, *m = s.moment1 + p.offset;
  const float* g = s.grad + p.offset;
  switch (optimizer) {
    case GC_SGD: return table.sgd(w, g, m, p.count, &update);
    case GC_RMSPROP: return table.rmsprop(w, g, m, p.count, &update);
    default: {
      float* most = optimizer == GC_AMSGRAD ? s.moment3 + p.offset : nullptr;
      return table.adam(w, g, m, s.moment2 + p.offset, most, p.count, &update);
    }
  }
}

// Moves a mean of `count` values by the share `part` of its distance to the values x; 1 copies the values. optimizer.cu does the same
// operations in the same order, so that results are equal to the bit.
void average(const float* x, float* mean, int64_t count, float part) {
  if (part == 1) std::copy(x, x + count, mean);
  else
    for (int64_t i = 0; i < count; ++i) mean[i] += part * (x[i] - mean[i]);
}
}  // namespace

Update read_update(const Plan& plan, const gc_group& group) {
  const double* c = plan.control;
  Update u;
  double lr = c[GC_C_LEARNING_RATE] * group.rate, epsilon = c[GC_C_EPSILON];
  u.decay = plan.optimizer == GC_ADAMW || plan.optimizer == GC_AMSGRAD
                ? static_cast<float>(1 - lr * (group.own_decay ? group.weight_decay : c[GC_C_WEIGHT_DECAY]))
                : 1.0f;
  if (plan.optimizer >= GC_ADAM) {
    // m / (1-b1^t) / (sqrt(v / (1-b2^t)) + eps) = k * m / (sqrt(v) + eps * sqrt(1-b2^t)), k = sqrt(1-b2^t) / (1-b1^t)
    const double t = c[GC_C_STEP] + 1 - group.skipped, root = std::sqrt(1 - std::pow(c[GC_C_BETA2], t));
    lr *= root / (1 - std::pow(c[GC_C_BETA1], t));
    epsilon *= root;
  }
  u.lr = static_cast<float>(lr);
  u.beta1 = static_cast<float>(c[GC_C_BETA1]);
  u.beta2 = static_cast<float>(c[GC_C_BETA2]);
  u.rest1 = static_cast<float>(1 - c[GC_C_BETA1]);
  u.rest2 = static_cast<float>(1 - c[GC_C_BETA2]);
  u.epsilon = static_cast<float>(epsilon);
  u.l2 = static_cast<float>(group.own_decay ? group.l2 : c[GC_C_L2]);
  u.frozen = group.frozen != 0;
  u.nesterov = c[GC_C_NESTEROV] != 0;
  u.decay_all = group.own_decay || c[GC_C_DECAY_ALL] != 0;
  u.average = static_cast<float>(c[GC_C_AVERAGE]);
  return u;
}

void prepare_update(Plan& plan) {
  if (!plan.optimizer) return;
  const Store& store = *plan.store;
  std::vector<bool> trained(store.params.size(), false);
  for (const Tensor& t : plan.tensors)
    if (t.role == GC_PARAMETER && t.grad) trained[t.slot] = true;
  for (size_t i = 0; i < store.params.size(); ++i) {
    const gc_param& p = store.params[i];
    if (!trained[i]) continue;
    const int64_t elements = int64_t{p.dims[0]} * (p.rank == 2 ? p.dims[1] : 1);
    for (int64_t at = 0; at < elements; at += kChunk)
      plan.pieces.push_back({p.offset + at, std::min(kChunk, elements - at), p.rank == 2, static_cast<int32_t>(i)});
  }
  plan.square_sums.resize(plan.pieces.size());
}

// A count that is negative or NaN makes the mean NaN, which the update refuses.
void accumulate_gradients(Plan& plan) {
  const Store& store = *plan.store;
  const Tensor& loss = plan.tensors[plan.loss];
  const double before = plan.control[GC_C_COUNTED];
  const double count = loss.rows * loss.cols > 1 ? static_cast<double>(loss.data[1]) : 1;
  const double counted = before + count;
  const float part = static_cast<float>(before == 0 ? 1 : count >= 0 ? count / counted : NAN);
  plan.control[GC_C_COUNTED] = counted;
  const std::vector<Piece>& list = plan.pieces;
  parallel(plan.team(4.0 * kChunk * static_cast<double>(list.size())), [&](int index, int team) {
    const Range mine = share(static_cast<int64_t>(list.size()), index, team);
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      float *grad = store.grad + list[i].offset, *mean = store.accumulated + list[i].offset;
      average(grad, mean, list[i].count, part);
      std::copy(mean, mean + list[i].count, grad);
    }
  });
}

void update_parameters(Plan& plan) {
  Store& store = *plan.store;
  const std::vector<Piece>& list = plan.pieces;
  std::unique_lock<std::shared_mutex> lock(store.mutex);
  const double norm = global_norm(plan);
  plan.control[GC_C_GRAD_NORM] = norm;
  const bool finite = std::isfinite(norm) && std::isfinite(plan.control[GC_C_LOSS]);
  plan.control[GC_C_APPLIED] = finite ? 1 : 0;
  if (!finite) return;
  Update updates[GC_MAX_GROUPS];
  for (size_t i = 0; i < store.groups.size(); ++i) updates[i] = read_update(plan, store.groups[i]);
  const double clip = plan.control[GC_C_CLIP_NORM];
  const float scale = static_cast<float>(clip > 0 && norm > clip ? clip / norm : 1.0);
  parallel(plan.team(10.0 * kChunk * static_cast<double>(list.size())), [&](int index, int team) {
    const Range mine = share(static_cast<int64_t>(list.size()), index, team);
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      const Update& update = updates[store.group_of[list[i].parameter]];
      if (!update.frozen) apply(store, plan.optimizer, list[i], update, scale);
      if (update.average != 0)
        average(store.data + list[i].offset, store.average + list[i].offset, list[i].count, update.average);
    }
  });
  ++store.version;
}
}  // namespace gatecell
