// forms.h: forms of recurrent cells (clip, coupled gates, activations) and the attributes of the ops that ask for them.
#pragma once
#include "lab.h"
#include "ops/form_reference.h"

namespace lab {
// A form with functions f, g and h by number, which have the parameters a and b, and a clip (0: none).
inline gc_form form_of(int32_t f, int32_t g, int32_t h, float a = 0.2f, float b = 0.5f, float clip = 0,
                       int32_t coupled = 0) {
  return {{f, a, b}, {g, a, b}, {h, a, b}, clip > 0 ? clip : INFINITY, coupled};
}

// Every function in every place, clips of a size that pre-activations reach, and coupled gates.
inline std::vector<gc_form> some_forms() {
  const int32_t sigmoid = GC_ACTIVATION_SIGMOID, tanh = GC_ACTIVATION_TANH, hard = GC_ACTIVATION_HARD_SIGMOID;
  return {form_of(sigmoid, tanh, tanh, 0, 0, 0.6f),
          form_of(sigmoid, tanh, tanh, 0, 0, 0, 1),
          form_of(hard, tanh, tanh, 0.2f, 0.5f, 2.0f, 1),
          form_of(hard, GC_ACTIVATION_SOFTSIGN, GC_ACTIVATION_RELU, 1 / 6.0f),
          form_of(sigmoid, GC_ACTIVATION_AFFINE, GC_ACTIVATION_LEAKY_RELU, 0.3f, 0.1f),
          form_of(tanh, GC_ACTIVATION_SCALED_TANH, GC_ACTIVATION_ELU, 0.7f, 1.2f),
          form_of(GC_ACTIVATION_SOFTSIGN, GC_ACTIVATION_ELU, GC_ACTIVATION_AFFINE, 0.6f, 0.2f, 1.1f),
          form_of(sigmoid, GC_ACTIVATION_THRESHOLDED_RELU, GC_ACTIVATION_SOFTPLUS, 0.1f),
          form_of(sigmoid, GC_ACTIVATION_SOFTPLUS, GC_ACTIVATION_SCALED_TANH, 0.8f, 1.1f),
          form_of(hard, GC_ACTIVATION_LEAKY_RELU, tanh, 0.1f, 0.4f),
          form_of(sigmoid, GC_ACTIVATION_RELU, tanh)};
}

// The attributes from kClip on: `count` functions, of which the first is f, or for one function g.
inline Doubles form_attributes(const gc_form& form, int count, bool second_kind = false) {
  Doubles a = {form.clip < INFINITY ? static_cast<double>(form.clip) : 0, second_kind || form.coupled ? 1.0 : 0.0};
  const gc_activation* functions[] = {&form.f, &form.g, &form.h};
  for (int i = 0; i < 3; ++i) {
    const gc_activation* f = i < count ? functions[count == 1 ? 1 : i] : nullptr;
    a.push_back(f ? f->code : 0);
    for (float v : {f ? f->alpha : 0, f ? f->beta : 0}) a.push_back(static_cast<double>(v));
  }
  return a;
}
}  // namespace lab
