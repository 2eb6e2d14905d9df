// window_rows.cu: the kernels of window.h. A block computes the steps of one batch row in turn.
#include "../math.h"
#include "window.h"

namespace gatecell {
namespace cuda {
namespace window {
namespace {
constexpr int kThreads = 256, kWarps = kThreads / kWarp;

struct Forward {
  Window s;
  int64_t first, last;
  const float* raw;
  int64_t ld_raw;
  float* w;
  int64_t ld_w;
};

// phi(u) = sum over k of alpha_k exp(-beta_k (kappa_k - u)^2), characters counted from 1.
__device__ float phi_at(const float* rates, const float* kappa, int64_t K, int64_t u) {
  float sum = 0;
  for (int64_t k = 0; k < K; ++k) {
    const float away = kappa[k] - static_cast<float>(u + 1);
    sum += rates[k] * v_exp(-rates[K + k] * (away * away));
  }
  return sum;
}

// Element c of w = sum over u of phi(u) c_u.
__device__ float window_at(const Window& s, int64_t b, const float* phi, int64_t c) {
  const int64_t length = s.length(b);
  float sum = 0;
  for (int64_t u = 0; u < length; ++u) {
    if (!s.ids) sum += phi[u] * s.vectors[s.vector(b, u) + c];
    else if (s.id(b, u) == c) sum += phi[u];
  }
  return sum;
}

__global__ void __launch_bounds__(kThreads) window_forward_kernel(Forward j) {
  const Window& s = j.s;
  const int64_t b = blockIdx.x, length = s.length(b);
  for (int64_t t = j.first; t < j.last; ++t) {
    const int64_t row = t * s.B + b;
    float *rates = s.rates + row * 3 * s.K, *kappa = s.kappa + row * s.K, *phi = s.phi + row * s.U;
    for (int64_t k = threadIdx.x; k < 3 * s.K; k += kThreads) rates[k] = v_exp(j.raw[row * j.ld_raw + k]);
    __syncthreads();
    for (int64_t k = threadIdx.x; k < s.K; k += kThreads) kappa[k] = s.kappa_before(t, b, k) + rates[2 * s.K + k];
    __syncthreads();
    for (int64_t u = threadIdx.x; u < s.U; u += kThreads) phi[u] = u < length ? phi_at(rates, kappa, s.K, u) : 0.0f;
    __syncthreads();
    for (int64_t c = threadIdx.x; c < s.C; c += kThreads) j.w[row * j.ld_w + c] = window_at(s, b, phi, c);
  }
}

struct Backward {
  Window s;
  int64_t first, last;
  Incoming in;

  __device__ float dw(int64_t row, int64_t c) const {
    const float after = in.after ? in.after[row % s.B * s.C + c] : 0.0f;
    return in.dw ? after + in.dw[row * in.ld_dw + c] : after;
  }
};

// Computes the gradient of phi(u), with one warp for each u, because a vector may be wide.
__device__ void phi_gradients(const Backward& j, int64_t row, int64_t b, int warp, int lane) {
  const Window& s = j.s;
  for (int64_t u = warp; u < s.length(b); u += kWarps) {
    double sum = 0;
    for (int64_t c = lane; c < s.C && !s.ids; c += kWarp)
      sum += static_cast<double>(j.dw(row, c)) * static_cast<double>(s.vectors[s.vector(b, u) + c]);
    sum = warp_sum(sum);
    if (s.ids) sum = static_cast<double>(j.dw(row, s.id(b, u)));
    if (j.in.dphi) sum += static_cast<double>(j.in.dphi[row * j.in.ld_dphi + u]);
    if (lane == 0) s.dphi[b * s.U + u] = static_cast<float>(sum);
  }
}

// Computes the raw gradients of Gaussian k from the moments of dphi e about kappa, with one warp for each k.
__device__ void gaussian_gradient(const Window& s, int64_t row, int64_t b, int64_t k, int lane) {
  const float *rates = s.rates + row * 3 * s.K, *d = s.dphi + b * s.U;
  const float beta = rates[s.K + k], at = s.kappa[row * s.K + k];
  double mass = 0, first = 0, second = 0;
  for (int64_t u = lane; u < s.length(b); u += kWarp) {
    const float short_away = at - static_cast<float>(u + 1);
    const double away = static_cast<double>(at) - static_cast<double>(u + 1),
                 part = static_cast<double>(d[u]) * static_cast<double>(v_exp(-beta * (short_away * short_away)));
    mass += part;
    first += part * away;
    second += part * away * away;
  }
  mass = warp_sum(mass), first = warp_sum(first), second = warp_sum(second);
  if (lane != 0) return;
  float *draw = s.draw + row * 3 * s.K, *dkappa = s.dkappa + b * s.K;
  const double a = static_cast<double>(rates[k]), ab = a * static_cast<double>(beta);
  draw[k] = static_cast<float>(a * mass);
  draw[s.K + k] = static_cast<float>(-ab * second);
  dkappa[k] += static_cast<float>(-2 * ab * first);
  draw[2 * s.K + k] = rates[2 * s.K + k] * dkappa[k];
}

__global__ void __launch_bounds__(kThreads) window_backward_kernel(Backward j) {
  const Window& s = j.s;
  const int64_t b = blockIdx.x;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(lane_id());
  for (int64_t t = j.last - 1; t >= j.first; --t) {
    const int64_t row = t * s.B + b, elements = s.dvectors ? s.length(b) * s.C : 0;
    phi_gradients(j, row, b, warp, lane);
    for (int64_t e = threadIdx.x; e < elements; e += kThreads) {
      const int64_t u = e / s.C, c = e % s.C;
      s.dvectors[s.vector(b, u) + c] += s.phi[row * s.U + u] * j.dw(row, c);
    }
    __syncthreads();
    for (int64_t k = warp; k < s.K; k += kWarps) gaussian_gradient(s, row, b, k, lane);
    __syncthreads();  // before the next step overwrites dphi
  }
}

Shape block_per_row(const Window& s) {
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>(s.B));
  shape.block = dim3(kThreads);
  return shape;
}
}  // namespace

void window_forward(Queue& queue, const Window& s, int64_t first, int64_t last, const float* raw, int64_t ld_raw,
                    const Tensor& w) {
  const Forward job = {s, first, last, raw, ld_raw, w.data, w.ld};
  launch(queue, block_per_row(s), window_forward_kernel, job);
}

void window_backward(Queue& queue, const Window& s, int64_t first, int64_t last, const Incoming& in) {
  const Backward job = {s, first, last, in};
  launch(queue, block_per_row(s), window_backward_kernel, job);
}
}  // namespace window
}  // namespace cuda
}  // namespace gatecell
