// optimizer.cu: norm, clipping and update on the device. Squares are summed in double, piece by piece and then over the pieces, in an order
// that depends only on the shapes; the updates have the same operations as on the processor (kernels/shared/elementwise.inl).
#include "optimizer.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    square_sums_kernel(const Piece* pieces, const float* grad, double* sums, const Control* control) {
  __shared__ double shared[kThreads / kWarp];
  const Piece piece = pieces[blockIdx.x];
  double sum = 0;
  const bool frozen = control->groups[control->group_of[piece.parameter]].frozen;
  for (int64_t i = threadIdx.x; i < piece.count && !frozen; i += kThreads) {
    const double g = static_cast<double>(grad[piece.offset + i]);
    sum += g * g;
  }
  sum = block_sum(sum, shared);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads) norm_kernel(const double* sums, int64_t count, Control* c) {
  __shared__ double shared[kThreads / kWarp];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) sum += sums[i];
  sum = block_sum(sum, shared);
  if (threadIdx.x != 0) return;
  const double norm = sqrt(sum), value = c->loss;
  c->grad_norm = norm;
  c->scale = static_cast<float>(c->clip_norm > 0 && norm > c->clip_norm ? c->clip_norm / norm : 1.0);
  c->applied = norm - norm == 0 && value - value == 0 && c->failure.fault == 0;
}

// The numbers of an update that all groups of parameters share.
struct Step {
  float beta1, beta2, rest1, rest2, scale;
  int32_t nesterov;
};

struct Moments {
  float *weights, *moment1, *moment2, *moment3;
  const float* grad;
};

// Returns the clipped gradient, plus l2 * weight if l2 is not 0.
__device__ float taken_gradient(const Moments& m, int64_t i, const Step& c, float l2) {
  const float g = v_mul(c.scale, m.grad[i]);
  return l2 != 0 ? v_fma(l2, m.weights[i], g) : g;
}

__device__ void sgd(const Moments& m, int64_t i, const Step& c, float rate, float l2) {
  const float g = taken_gradient(m, i, c, l2);
  const float v = v_fma(c.beta1, m.moment1[i], g);
  m.moment1[i] = v;
  m.weights[i] = v_fnma(rate, c.nesterov ? v_fma(c.beta1, v, g) : v, m.weights[i]);
}

__device__ void rmsprop(const Moments& m, int64_t i, const Step& c, const gc_device_group& u, float l2) {
  const float g = taken_gradient(m, i, c, l2);
  const float square = v_fma(c.beta1, m.moment1[i], v_mul(c.rest1, v_mul(g, g)));
  m.moment1[i] = square;
  m.weights[i] = v_fnma(u.learning_rate, v_div(g, v_add(sqrtf(square), u.epsilon)), m.weights[i]);
}

__device__ void adam(const Moments& m, int64_t i, const Step& c, const gc_device_group& u, float l2, float decay,
                     bool amsgrad) {
  const float g = taken_gradient(m, i, c, l2);
  const float m1 = v_fma(c.beta1, m.moment1[i], v_mul(c.rest1, g));
  const float m2 = v_fma(c.beta2, m.moment2[i], v_mul(c.rest2, v_mul(g, g)));
  m.moment1[i] = m1;
  m.moment2[i] = m2;
  float bound = m2;
  if (amsgrad) m.moment3[i] = bound = v_max(m.moment3[i], m2);
  const float step = v_div(m1, v_add(sqrtf(bound), u.epsilon));
  m.weights[i] = v_fnma(u.learning_rate, step, v_mul(decay, m.weights[i]));
}

__device__ void update(const Moments& m, int64_t i, int32_t optimizer, const Step& c, const gc_device_group& u,
                       float l2, float decay) {
  if (optimizer == GC_SGD) sgd(m, i, c, u.learning_rate, l2);
  else if (optimizer == GC_RMSPROP) rmsprop(m, i, c, u, l2);
  else adam(m, i, c, u, l2, decay, optimizer == GC_AMSGRAD);
}

// Moves a mean by the share `part` of its distance to the value, with the same operations in the same order as on the processor.
__device__ void average(float* mean, float value, float part) {
  *mean = part == 1 ? value : v_add(*mean, v_mul(part, v_sub(value, *mean)));
}

__global__ void __launch_bounds__(kThreads)
    update_kernel(const Piece* pieces, Moments m, int32_t optimizer, const Control* control) {
  if (!control->applied) return;
  const Step c = {control->beta1, control->beta2, control->rest1, control->rest2, control->scale, control->nesterov};
  const Piece piece = pieces[blockIdx.x];
  const gc_device_group u = control->groups[control->group_of[piece.parameter]];
  const float share = control->average_share;
  float* const mean = control->average;
  const bool decays = piece.is_matrix || u.decay_all;
  const float l2 = decays ? u.l2 : 0.0f, decay = decays ? u.decay : 1.0f;
  for (int64_t k = threadIdx.x; k < piece.count; k += kThreads) {
    const int64_t i = piece.offset + k;
    if (!u.frozen) update(m, i, optimizer, c, u, l2, decay);
    if (share != 0) average(&mean[i], m.weights[i], share);
  }
}

// Does the same as accumulate_gradients of the core.
__global__ void count_kernel(const float* loss, int32_t has_count, Control* c) {
  const double before = c->counted, count = has_count ? static_cast<double>(loss[1]) : 1;
  c->counted = before + count;
  c->accumulated_share = static_cast<float>(before == 0 ? 1 : count >= 0 ? count / c->counted : NAN);
}

__global__ void __launch_bounds__(kThreads) accumulate_kernel(const Piece* pieces, float* grad, const Control* c) {
  const Piece piece = pieces[blockIdx.x];
  const float share = c->accumulated_share;
  float* const mean = c->accumulated;
  for (int64_t k = threadIdx.x; k < piece.count; k += kThreads) {
    const int64_t i = piece.offset + k;
    average(&mean[i], grad[i], share);
    grad[i] = mean[i];
  }
}
}  // namespace

std::vector<Piece> trained_pieces(const gc_device_plan_desc& desc) {
  std::vector<Piece> list;
  for (int32_t id = 0; id < desc.tensor_count; ++id) {
    const gc_device_tensor& t = desc.tensors[id];
    if (t.role != GC_PARAMETER || !t.grad) continue;
    const int64_t elements = t.rows * t.cols, offset = t.data - desc.arenas.data;
    for (int64_t at = 0; at < elements; at += kPiece)
      list.push_back({offset + at, elements - at < kPiece ? elements - at : kPiece, t.rank == 2, t.parameter});
  }
  return list;
}

void update_parameters(Plan& plan, const Optimizer& optimizer) {
  Shape pieces, one;
  pieces.grid = dim3(static_cast<unsigned>(optimizer.count));
  pieces.block = one.block = dim3(kThreads);
  one.grid = dim3(1);
  const gc_device_arenas& a = plan.arenas;
  const Moments moments = {a.data, a.moment1, a.moment2, a.moment3, a.grad};
  const float* grad = a.grad;
  launch(plan.queue, pieces, square_sums_kernel, optimizer.pieces, grad, optimizer.sums,
         static_cast<const Control*>(plan.control));
  launch(plan.queue, one, norm_kernel, static_cast<const double*>(optimizer.sums), optimizer.count, plan.control);
  launch(plan.queue, pieces, update_kernel, optimizer.pieces, moments, plan.optimizer,
         static_cast<const Control*>(plan.control));
}

void accumulate_gradients(Plan& plan, const Optimizer& optimizer) {
  Shape pieces, one;
  pieces.grid = dim3(static_cast<unsigned>(optimizer.count));
  pieces.block = dim3(kThreads);
  one.grid = one.block = dim3(1);
  const Tensor& loss = plan.tensors[plan.loss];
  launch(plan.queue, one, count_kernel, static_cast<const float*>(loss.data), loss.rows * loss.cols > 1 ? 1 : 0,
         plan.control);
  launch(plan.queue, pieces, accumulate_kernel, optimizer.pieces, plan.arenas.grad,
         static_cast<const Control*>(plan.control));
}
}  // namespace cuda
}  // namespace gatecell
