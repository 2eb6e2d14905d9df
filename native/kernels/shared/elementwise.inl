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

// Whole vectors take the plain forms: where masks are slow (AVX2), masked ones cost several times as much.
GC_INLINE V load_lanes(const float* p, int lanes) { return lanes == VL ? v_load(p) : v_load_n(p, lanes); }
GC_INLINE void store_lanes(float* p, V v, int lanes) {
  if (lanes == VL) v_store(p, v);
  else v_store_n(p, v, lanes);
}

// v = momentum * v + g; w -= lr * v (PyTorch's SGD).
static void sgd_array(float* w, const float* g, float* velocity, int64_t n, float scale, float lr, float momentum) {
  for_lanes(n, [=](int64_t i, int lanes) {
    const V v = v_fma(v_set(momentum), load_lanes(velocity + i, lanes), v_mul(v_set(scale), load_lanes(g + i, lanes)));
    store_lanes(velocity + i, v, lanes);
    store_lanes(w + i, v_fnma(v_set(lr), v, load_lanes(w + i, lanes)), lanes);
  });
}

// s = alpha * s + (1 - alpha) * g^2; w -= lr * g / (sqrt(s) + eps) (Hinton's lecture 6e; PyTorch's RMSprop).
static void rmsprop_array(float* w, const float* g, float* square, int64_t n, float scale, float lr, float alpha,
                          float epsilon) {
  const float rest = 1.0f - alpha;
  for_lanes(n, [=](int64_t i, int lanes) {
    const V grad = v_mul(v_set(scale), load_lanes(g + i, lanes));
    const V s = v_fma(v_set(alpha), load_lanes(square + i, lanes), v_mul(v_set(rest), v_mul(grad, grad)));
    store_lanes(square + i, s, lanes);
    const V step = v_div(grad, v_add(v_sqrt(s), v_set(epsilon)));
    store_lanes(w + i, v_fnma(v_set(lr), step, load_lanes(w + i, lanes)), lanes);
  });
}

// Adam (Kingma & Ba 2015) in the form lr_t * m / (sqrt(v) + eps_t), decoupled decay after Loshchilov & Hutter 2019.
static void adam_array(float* w, const float* g, float* m, float* v, int64_t n, float scale, float lr_t, float beta1,
                       float beta2, float eps_t, float decay) {
  const float rest1 = 1.0f - beta1, rest2 = 1.0f - beta2;
  for_lanes(n, [=](int64_t i, int lanes) {
    const V grad = v_mul(v_set(scale), load_lanes(g + i, lanes));
    const V m1 = v_fma(v_set(beta1), load_lanes(m + i, lanes), v_mul(v_set(rest1), grad));
    const V v1 = v_fma(v_set(beta2), load_lanes(v + i, lanes), v_mul(v_set(rest2), v_mul(grad, grad)));
    store_lanes(m + i, m1, lanes);
    store_lanes(v + i, v1, lanes);
    const V step = v_div(m1, v_add(v_sqrt(v1), v_set(eps_t)));
    store_lanes(w + i, v_fnma(v_set(lr_t), step, v_mul(v_set(decay), load_lanes(w + i, lanes))), lanes);
  });
}
