// activation.inl: the activation functions of cells with a gc_form and their derivatives, written on the names of vec.h after math.inl,
// special.inl and slopes.inl. The same bits in every instruction set.

// Called instead of inlined: a cell has up to five of them, each with all the functions. NaN gives NaN.
GC_CALLED V activate(const gc_activation* f, V x) {
  const V alpha = v_set(f->alpha), beta = v_set(f->beta), one = v_set(1.0f);
  switch (f->code) {
    case GC_ACTIVATION_TANH: return v_tanh(x);
    case GC_ACTIVATION_RELU: return v_max(v_zero(), x);
    case GC_ACTIVATION_HARD_SIGMOID: return v_min(one, v_max(v_zero(), v_fma(alpha, x, beta)));
    case GC_ACTIVATION_AFFINE: return v_fma(alpha, x, beta);
    case GC_ACTIVATION_LEAKY_RELU: return v_select(v_lt(x, v_zero()), v_mul(alpha, x), x);
    case GC_ACTIVATION_THRESHOLDED_RELU: return v_select(v_le(x, alpha), v_zero(), x);
    case GC_ACTIVATION_SCALED_TANH: return v_mul(alpha, v_tanh(v_mul(beta, x)));
    case GC_ACTIVATION_ELU: return v_select(v_lt(x, v_zero()), v_mul(alpha, v_sub(v_exp(x), one)), x);
    case GC_ACTIVATION_SOFTSIGN: return v_div(x, v_add(one, v_abs(x)));
    case GC_ACTIVATION_SOFTPLUS: return v_add(v_max(v_zero(), x), v_log1p(v_exp(v_negabs(x))));
    default: return v_sigmoid(x);
  }
}

// Returns d times the derivative of the function at x, where its value is y. At a kink it is the derivative from below, as in PyTorch.
GC_CALLED V activation_slope(const gc_activation* f, V x, V y, V d) {
  const V alpha = v_set(f->alpha), beta = v_set(f->beta), one = v_set(1.0f), zero = v_zero();
  const VM below = v_le(x, zero);
  switch (f->code) {
    case GC_ACTIVATION_TANH: return tanh_slope(y, d);
    case GC_ACTIVATION_RELU: return v_select(below, zero, d);
    case GC_ACTIVATION_HARD_SIGMOID:
      return v_select(v_ge(y, one), zero, v_select(v_le(y, zero), zero, v_mul(alpha, d)));
    case GC_ACTIVATION_AFFINE: return v_mul(alpha, d);
    case GC_ACTIVATION_LEAKY_RELU: return v_select(below, v_mul(alpha, d), d);
    case GC_ACTIVATION_THRESHOLDED_RELU: return v_select(v_le(x, alpha), zero, d);
    case GC_ACTIVATION_SCALED_TANH: return tanh_slope(v_tanh(v_mul(beta, x)), v_mul(v_mul(alpha, beta), d));
    case GC_ACTIVATION_ELU: return v_select(below, v_mul(v_add(y, alpha), d), d);
    case GC_ACTIVATION_SOFTSIGN: {
      const V r = v_div(one, v_add(one, v_abs(x)));
      return v_mul(d, v_mul(r, r));
    }
    case GC_ACTIVATION_SOFTPLUS: return v_mul(d, v_sigmoid(x));
    default: return sigmoid_slope(y, d);
  }
}

// v_min and v_max return the second operand where either is NaN.
GC_INLINE V clipped(V x, float clip) { return v_min(v_set(clip), v_max(v_set(-clip), x)); }

// Returns f of a clipped pre-activation, which is stored at `pre` + `at` for the backward pass, if `pre` is not null.
GC_INLINE V activate_clipped(const gc_form* form, const gc_activation* f, V x, float* pre, int at) {
  if (pre) v_store(pre + at, x);
  return activate(f, clipped(x, form->clip));
}

// Returns d times the derivative of the same at the pre-activation x: outside of the clip it is 0.
GC_INLINE V clipped_slope(const gc_form* form, const gc_activation* f, V x, V y, V d) {
  const V slope = activation_slope(f, clipped(x, form->clip), y, d);
  return v_select(v_gt(v_abs(x), v_set(form->clip)), v_zero(), slope);
}
