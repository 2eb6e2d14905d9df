// elementwise.inl: vector loops over contiguous floats: activations, sums and the optimisers' updates.

template <class F>
static inline void map1(const float* x, float* y, int64_t n, F f) {
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, f(v_load(x + i)));
  if (i < n) v_store_n(y + i, f(v_load_n(x + i, static_cast<int>(n - i))), static_cast<int>(n - i));
}

static void sigmoid_array(const float* x, float* y, int64_t n) {
  map1(x, y, n, [](V v) { return v_sigmoid(v); });
}
static void tanh_array(const float* x, float* y, int64_t n) {
  map1(x, y, n, [](V v) { return v_tanh(v); });
}
static void exp_array(const float* x, float* y, int64_t n) {
  map1(x, y, n, [](V v) { return v_exp(v); });
}

static void add_array(const float* x, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, v_add(v_load(y + i), v_load(x + i)));
  for (; i < n; ++i) y[i] += x[i];
}

// Runs body(i, lanes) over whole vectors, then once over the rest.
template <class F>
static inline void for_lanes(int64_t n, F body) {
  int64_t i = 0;
  for (; i + VL <= n; i += VL) body(i, VL);
  if (i < n) body(i, static_cast<int>(n - i));
}

// Whole vectors are loaded and stored without masks: with slow masks (AVX2), masked accesses cost several times as much.
GC_INLINE V load_lanes(const float* p, int lanes) { return lanes == VL ? v_load(p) : v_load_n(p, lanes); }
GC_INLINE void store_lanes(float* p, V v, int lanes) {
  if (lanes == VL) v_store(p, v);
  else v_store_n(p, v, lanes);
}

// Returns the gradient for an optimiser: scaled by the clipping, then, with L2, plus l2 * w (weight decay as in torch.optim).
// L2 is a template argument, because adding 0 * w would change the sign of a zero and turn an infinite weight into NaN.
template <bool L2>
GC_INLINE V taken_gradient(const float* w, const float* g, const gc_update& u, int64_t i, int lanes) {
  const V grad = v_mul(v_set(u.scale), load_lanes(g + i, lanes));
  return L2 ? v_fma(v_set(u.l2), load_lanes(w + i, lanes), grad) : grad;
}

// v = momentum * v + g; w -= lr * v, or with Nesterov's momentum w -= lr * (g + momentum * v) (torch.optim.SGD).
template <bool L2, bool NESTEROV>
static inline void sgd_run(float* w, const float* g, float* velocity, int64_t n, const gc_update& u) {
  for_lanes(n, [=](int64_t i, int lanes) {
    const V grad = taken_gradient<L2>(w, g, u, i, lanes), momentum = v_set(u.beta1);
    const V v = v_fma(momentum, load_lanes(velocity + i, lanes), grad);
    store_lanes(velocity + i, v, lanes);
    const V step = NESTEROV ? v_fma(momentum, v, grad) : v;
    store_lanes(w + i, v_fnma(v_set(u.lr), step, load_lanes(w + i, lanes)), lanes);
  });
}
static void sgd_array(float* w, const float* g, float* velocity, int64_t n, const gc_update* u) {
  const bool l2 = u->l2 != 0;
  if (u->nesterov) return l2 ? sgd_run<true, true>(w, g, velocity, n, *u) : sgd_run<false, true>(w, g, velocity, n, *u);
  return l2 ? sgd_run<true, false>(w, g, velocity, n, *u) : sgd_run<false, false>(w, g, velocity, n, *u);
}

// s = alpha * s + (1 - alpha) * g^2; w -= lr * g / (sqrt(s) + eps) (Hinton's lecture 6e; PyTorch's RMSprop).
template <bool L2>
static inline void rmsprop_run(float* w, const float* g, float* square, int64_t n, const gc_update& u) {
  for_lanes(n, [=](int64_t i, int lanes) {
    const V grad = taken_gradient<L2>(w, g, u, i, lanes);
    const V s = v_fma(v_set(u.beta1), load_lanes(square + i, lanes), v_mul(v_set(u.rest1), v_mul(grad, grad)));
    store_lanes(square + i, s, lanes);
    const V step = v_div(grad, v_add(v_sqrt(s), v_set(u.epsilon)));
    store_lanes(w + i, v_fnma(v_set(u.lr), step, load_lanes(w + i, lanes)), lanes);
  });
}
static void rmsprop_array(float* w, const float* g, float* square, int64_t n, const gc_update* u) {
  return u->l2 != 0 ? rmsprop_run<true>(w, g, square, n, *u) : rmsprop_run<false>(w, g, square, n, *u);
}

// Adam (Kingma & Ba 2015) in the form lr_t * m / (sqrt(v) + eps_t), decoupled decay after Loshchilov & Hutter 2019.
// With AMSGRAD (Reddi et al. 2018) `most` is the largest v so far, which replaces v in the step.
template <bool L2, bool AMSGRAD>
static inline void adam_run(float* w, const float* g, float* m, float* v, float* most, int64_t n, const gc_update& u) {
  for_lanes(n, [=](int64_t i, int lanes) {
    const V grad = taken_gradient<L2>(w, g, u, i, lanes);
    const V m1 = v_fma(v_set(u.beta1), load_lanes(m + i, lanes), v_mul(v_set(u.rest1), grad));
    const V v1 = v_fma(v_set(u.beta2), load_lanes(v + i, lanes), v_mul(v_set(u.rest2), v_mul(grad, grad)));
    store_lanes(m + i, m1, lanes);
    store_lanes(v + i, v1, lanes);
    V bound = v1;
    if (AMSGRAD) {
      bound = v_max(load_lanes(most + i, lanes), v1);
      store_lanes(most + i, bound, lanes);
    }
    const V step = v_div(m1, v_add(v_sqrt(bound), v_set(u.epsilon)));
    store_lanes(w + i, v_fnma(v_set(u.lr), step, v_mul(v_set(u.decay), load_lanes(w + i, lanes))), lanes);
  });
}
static void adam_array(float* w, const float* g, float* m, float* v, float* most, int64_t n, const gc_update* u) {
  const bool l2 = u->l2 != 0;
  if (most) return l2 ? adam_run<true, true>(w, g, m, v, most, n, *u) : adam_run<false, true>(w, g, m, v, most, n, *u);
  return l2 ? adam_run<true, false>(w, g, m, v, most, n, *u) : adam_run<false, false>(w, g, m, v, most, n, *u);
}
