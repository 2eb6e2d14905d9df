// window.h: Graves' soft window on the device (2013, equations 46 to 51), for the op of its own and for the layer that carries it.
// The names are those of the processor's window.h.
#pragma once
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace window {

struct Window {
  int64_t T, B, K, U, C;
  const int32_t* ids;    // [B][U]: each a vector with a single one; null: vectors
  const float* vectors;  // [B][U][ld]
  float* dvectors;       // null: nobody wants it
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

  // Clamped: a run whose data a check refuses goes on, and must stay in its memory.
  __device__ int64_t length(int64_t b) const { return lengths[b] < 0 ? 0 : lengths[b] < U ? lengths[b] : U; }
  __device__ int64_t id(int64_t b, int64_t u) const { return clamp_id(ids[b * U + u], C); }
  __device__ int64_t vector(int64_t b, int64_t u) const { return (b * U + u) * ld; }
  __device__ float kappa_before(int64_t t, int64_t b, int64_t k) const {
    if (t > 0) return kappa[((t - 1) * B + b) * K + k];
    return kappa0 ? kappa0[b * ld_kappa0 + k] : 0.0f;
  }
};

// Lengths and ids of a run.
void check_window(const Node& n, const Window& s);

// Steps [first, last): a block per row of the batch, its steps in turn. Raw rows may lie where the rates go.
void window_forward(Queue& queue, const Window& s, int64_t first, int64_t last, const float* raw, int64_t ld_raw,
                    const Tensor& w);

// Gradients that come to a window: of itself and of phi [T][B], and from the step after [B][C]; null: none.
struct Incoming {
  const float* dw;
  int64_t ld_dw;
  const float* after;
  const float* dphi;
  int64_t ld_dphi;
};
// The last step first; dkappa: in from the step after, out to the step before. Adds to the characters' gradient.
void window_backward(Queue& queue, const Window& s, int64_t first, int64_t last, const Incoming& in);

// The start of dkappa, and what becomes of it.
void begin_dkappa(Queue& queue, const Window& s, const Tensor* kappaT);
void give_dkappa(const Node& n, const Window& s, int32_t input);
// Results that are copies of what is kept.
void give_kappa(Queue& queue, const Window& s, const Tensor* kappaT);
void give_phi(Queue& queue, const Window& s, const Tensor* phi);
}  // namespace window
}  // namespace cuda
}  // namespace gatecell
