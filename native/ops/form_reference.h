// form_reference.h: the activation functions of recurrent cells and their derivatives for the plain loops, in float (the engine's bits) or double.
#pragma once
#include <cmath>

#include "../kernels/table.h"

namespace gatecell {
namespace reference {

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double tangent(double x) { return std::tanh(x); }
inline double exponential(double x) { return std::exp(x); }
inline double log_of_one_plus(double x) { return std::log1p(x); }
inline float sigmoid(float x) {
  gc_kernels_scalar.sigmoid(&x, &x, 1);
  return x;
}
inline float tangent(float x) {
  gc_kernels_scalar.tanh(&x, &x, 1);
  return x;
}
inline float exponential(float x) {
  gc_kernels_scalar.exp(&x, &x, 1);
  return x;
}
inline float log_of_one_plus(float x) {
  const gc_map_step step = {GC_MAP_LOG1P, &x, &x, nullptr, nullptr};
  gc_kernels_scalar.map(&step, 1, 1);
  return x;
}

template <class Real>
Real sigmoid_slope(Real y, Real d) {
  return d * std::fma(-y, y, y);
}
template <class Real>
Real tanh_slope(Real y, Real d) {
  return std::fma(-(y * y), d, d);
}

// The form of a cell without clip and coupled gates, with the functions that it has by itself.
inline gc_form own_form() {
  return {{GC_ACTIVATION_SIGMOID, 0, 0}, {GC_ACTIVATION_TANH, 0, 0}, {GC_ACTIVATION_TANH, 0, 0}, INFINITY, 0};
}

template <class Real>
Real activate(const gc_activation& f, Real x) {
  const Real a = f.alpha, b = f.beta;
  switch (f.code) {
    case GC_ACTIVATION_SIGMOID: return sigmoid(x);
    case GC_ACTIVATION_TANH: return tangent(x);
    case GC_ACTIVATION_RELU: return x > 0 ? x : 0;
    case GC_ACTIVATION_HARD_SIGMOID: {
      const Real y = std::fma(a, x, b);
      return y < 0 ? 0 : y > 1 ? 1 : y;
    }
    case GC_ACTIVATION_AFFINE: return std::fma(a, x, b);
    case GC_ACTIVATION_LEAKY_RELU: return x < 0 ? a * x : x;
    case GC_ACTIVATION_THRESHOLDED_RELU: return x > a ? x : 0;
    case GC_ACTIVATION_SCALED_TANH: return a * tangent(b * x);
    case GC_ACTIVATION_ELU: return x < 0 ? a * (exponential(x) - 1) : x;
    case GC_ACTIVATION_SOFTSIGN: return x / (1 + std::fabs(x));
    default: return (x > 0 ? x : 0) + log_of_one_plus(exponential(-std::fabs(x)));  // softplus
  }
}

// Returns d times the derivative of the function at x, where its value is y.
template <class Real>
Real activation_slope(const gc_activation& f, Real x, Real y, Real d) {
  const Real a = f.alpha, b = f.beta;
  switch (f.code) {
    case GC_ACTIVATION_SIGMOID: return sigmoid_slope(y, d);
    case GC_ACTIVATION_TANH: return tanh_slope(y, d);
    case GC_ACTIVATION_RELU: return x > 0 ? d : 0;
    case GC_ACTIVATION_HARD_SIGMOID: return y > 0 && y < 1 ? a * d : 0;
    case GC_ACTIVATION_AFFINE: return a * d;
    case GC_ACTIVATION_LEAKY_RELU: return x > 0 ? d : a * d;
    case GC_ACTIVATION_THRESHOLDED_RELU: return x > a ? d : 0;
    case GC_ACTIVATION_SCALED_TANH: return tanh_slope(tangent(b * x), a * b * d);
    case GC_ACTIVATION_ELU: return x > 0 ? d : (y + a) * d;
    case GC_ACTIVATION_SOFTSIGN: {
      const Real r = 1 / (1 + std::fabs(x));
      return d * (r * r);
    }
    default: return d * sigmoid(x);  // softplus
  }
}

template <class Real>
Real clipped(const gc_form& form, Real x) {
  const Real clip = form.clip;
  return x > clip ? clip : x < -clip ? -clip : x;
}
template <class Real>
Real activate_clipped(const gc_form& form, const gc_activation& f, Real x) {
  return activate(f, clipped(form, x));
}
// Returns d times the derivative of the same at the pre-activation x: outside of the clip it is 0.
template <class Real>
Real clipped_slope(const gc_form& form, const gc_activation& f, Real x, Real y, Real d) {
  return std::fabs(x) > form.clip ? 0 : activation_slope(f, clipped(form, x), y, d);
}
}  // namespace reference
}  // namespace gatecell
