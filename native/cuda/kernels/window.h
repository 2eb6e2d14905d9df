// window.h: Graves' soft window on the device (2013, equations 46 to 51), for the window op and for the LSTM layer with a window. The names
// are those of native/ops/window.h.
#pragma once
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace window {

struct Window {
  int64_t T, B, K, U, C;
  const int32_t* ids;    // [B][U]: each stands for a one-hot vector; null if there are vectors
  const float* vectors;  // [B][U][ld]
  float* dvectors;       // null if their gradient is not wanted
  int64_t ld;
  const int32_t* lengths;
  const float* kappa0;  // null: zeros
  int64_t ld_kappa0;
  float *rates, *kappa, *phi;   // kept: exp of the raw rows [T][B][3K], [T][B][K], [T][B][U]
  float *draw, *dkappa, *dphi;  // backward: [T][B][3K], [B][K], [B][U]

  Window(const Tensor& chars, const Tensor& lengths, const Tensor* kappa0, int64_t T, int64_t B, int64_t K, int64_t C);
  int64_t kept_bytes() const { return T * B * (4 * K + U) * 4; }
  int64_t backward_bytes() const { return (T * B * 3 * K + B * (K + U)) * 4; }
  void place(float* kept, float* backward);

  // Return clamped numbers: a run whose data are refused by a check still completes, and must stay in its memory.
  __device__ int64_t length(int64_t b) const { return lengths[b] < 0 ? 0 : lengths[b] < U ? lengths[b] : U; }
  __device__ int64_t id(int64_t b, int64_t u) const { return clamp_id(ids[b * U + u], C); }
  __device__ int64_t vector(int64_t b, int64_t u) const { return (b * U + u) * ld; }
  __device__ float kappa_before(int64_t t, int64_t b, int64_t k) const {
    if (t > 0) return kappa[((t - 1) * B + b) * K + k];
    return kappa0 ? kappa0[b * ld_kappa0 + k] : 0.0f;
  }
};

// Checks lengths and ids of a run.
void check_window(const Node& n, const Window& s);

// Computes steps [first, last), with one block per batch row, which computes its steps in turn. `raw` may be the memory of the rates.
void window_forward(Queue& queue, const Window& s, int64_t first, int64_t last, const float* raw, int64_t ld_raw,
                    const Tensor& w);

// The incoming gradients of a window: its own and that of phi [T][B], and the one from the step after [B][C]; null for zeros.
struct Incoming {
  const float* dw;
  int64_t ld_dw;
  const float* after;
  const float* dphi;
  int64_t ld_dphi;
};
// Computes the gradients, beginning with the last step. dkappa is that of the step after on entry. Adds to the gradient of the characters.
void window_backward(Queue& queue, const Window& s, int64_t first, int64_t last, const Incoming& in);

// Set dkappa to the gradient of the last kappa, and write it as the gradient of the first kappa.
void begin_dkappa(Queue& queue, const Window& s, const Tensor* kappaT);
void give_dkappa(const Node& n, const Window& s, int32_t input);
// Copy kappa and phi, which are kept for the backward pass, to the results of the op.
void give_kappa(Queue& queue, const Window& s, const Tensor* kappaT);
void give_phi(Queue& queue, const Window& s, const Tensor* phi);
}  // namespace window
}  // namespace cuda
}  // namespace gatecell
