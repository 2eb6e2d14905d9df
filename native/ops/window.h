// window.h: the soft window over a sequence of characters (Graves 2013, equations 46 to 51), one row of one step at a time, for the window op
// and for the LSTM layer with a window.
//   phi(u) = sum over k of alpha_k exp(-beta_k (kappa_k - u)^2), u = 1 .. length;  w = sum over u of phi(u) c_u
//   alpha = exp(alpha^), beta = exp(beta^), kappa = kappa before + exp(kappa^);  raw row: alpha^[K] | beta^[K] | kappa^[K]
#pragma once
#include "../core/graph.h"
#include "../core/machine.h"

namespace gatecell {

struct Window {
  int64_t K, U, C;
  const Tensor *chars, *lengths;  // chars: f32 [B, U, C], or i32 [B, U], each of which stands for a one-hot vector

  bool one_hot() const { return chars->dtype == GC_I32; }
  int32_t id(int64_t b, int64_t u) const { return chars->ids[b * U + u]; }
  const float* vector(int64_t b, int64_t u) const { return chars->data + (b * U + u) * chars->ld; }
  int64_t length(int64_t b) const { return lengths->ids[b]; }
  // Returns the floats of one thread's scratch.
  int64_t scratch() const { return round_up(2 * U + 3 * K, 16); }

  void forward(int64_t b, const float* raw, const float* kappa_before, float* kappa, float* phi, float* w,
               float* scratch) const;
  // dw, dphi (may be null): gradients of w and phi. dkappa is that of the step after on entry, that of the step before on return. `add_chars`:
  // adds to the gradient of the characters.
  void backward(int64_t b, const float* raw, const float* kappa, const float* phi, const float* dw, const float* dphi,
                float* draw, float* dkappa, bool add_chars, float* scratch) const;
};

// Checks the shapes of chars and lengths for T steps of B rows, K Gaussians and windows of width C.
gc_status check_window(const Plan& plan, const Node& node, const Tensor& chars, const Tensor& lengths, int64_t T,
                       int64_t B, int64_t K, int64_t C);
// Checks lengths and ids of a run.
gc_status check_window_data(const Node& node, const Window& w, int64_t B);
}  // namespace gatecell
