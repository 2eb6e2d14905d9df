// map.inl: the functions of a map program, each a loop over the elements of a block that is in the first level of cache.

GC_INLINE V map_load(const float* p, int lanes) { return lanes == VL ? v_load(p) : v_load_n(p, lanes); }
GC_INLINE void map_store(float* p, V v, int lanes) {
  if (lanes == VL) v_store(p, v);
  else v_store_n(p, v, lanes);
}

// Calls body(i, lanes) for whole vectors and the rest. The body is compiled only once, because there are many functions.
template <class F>
static inline void map_lanes(int64_t n, F body) {
  for (int64_t i = 0; i < n; i += VL) body(i, n - i < VL ? static_cast<int>(n - i) : static_cast<int>(VL));
}
template <class F>
static inline void map_one(const gc_map_step& s, int64_t n, F f) {
  map_lanes(n, [=](int64_t i, int lanes) { map_store(s.out + i, f(map_load(s.a + i, lanes)), lanes); });
}
template <class F>
static inline void map_two(const gc_map_step& s, int64_t n, F f) {
  map_lanes(n, [=](int64_t i, int lanes) {
    map_store(s.out + i, f(map_load(s.a + i, lanes), map_load(s.b + i, lanes)), lanes);
  });
}
template <class F>
static inline void map_three(const gc_map_step& s, int64_t n, F f) {
  map_lanes(n, [=](int64_t i, int lanes) {
    map_store(s.out + i, f(map_load(s.a + i, lanes), map_load(s.b + i, lanes), map_load(s.c + i, lanes)), lanes);
  });
}

GC_INLINE V truth(VM m) { return v_select(m, v_set(1.0f), v_zero()); }
// v_min and v_max return the second operand where either is NaN.
GC_INLINE V map_min(V a, V b) { return v_select(v_ne(a, a), a, v_min(a, b)); }
GC_INLINE V map_max(V a, V b) { return v_select(v_ne(a, a), a, v_max(a, b)); }
GC_INLINE V map_flow(V d, V slope) { return v_select(v_eq(d, v_zero()), v_zero(), v_mul(d, slope)); }
GC_INLINE V map_sign(V x) {
  const V up = v_select(v_gt(x, v_zero()), v_set(1.0f), x);
  return v_select(v_lt(x, v_zero()), v_set(-1.0f), up);
}

static void map_step(const gc_map_step& s, int64_t n) {
  switch (s.code) {
    case GC_MAP_ADD: return map_two(s, n, [](V a, V b) { return v_add(a, b); });
    case GC_MAP_SUB: return map_two(s, n, [](V a, V b) { return v_sub(a, b); });
    case GC_MAP_MUL: return map_two(s, n, [](V a, V b) { return v_mul(a, b); });
    case GC_MAP_DIV: return map_two(s, n, [](V a, V b) { return v_div(a, b); });
    case GC_MAP_MIN: return map_two(s, n, [](V a, V b) { return map_min(a, b); });
    case GC_MAP_MAX: return map_two(s, n, [](V a, V b) { return map_max(a, b); });
    case GC_MAP_FLOW: return map_two(s, n, [](V a, V b) { return map_flow(a, b); });
    case GC_MAP_LESS: return map_two(s, n, [](V a, V b) { return truth(v_lt(a, b)); });
    case GC_MAP_LESS_EQUAL: return map_two(s, n, [](V a, V b) { return truth(v_le(a, b)); });
    case GC_MAP_EQUAL: return map_two(s, n, [](V a, V b) { return truth(v_eq(a, b)); });
    case GC_MAP_SELECT: return map_three(s, n, [](V c, V a, V b) { return v_select(v_ne(c, v_zero()), a, b); });
    case GC_MAP_NEG: return map_one(s, n, [](V a) { return v_neg(a); });
    case GC_MAP_ABS: return map_one(s, n, [](V a) { return v_abs(a); });
    case GC_MAP_SIGN: return map_one(s, n, [](V a) { return map_sign(a); });
    case GC_MAP_EXP: return map_one(s, n, [](V a) { return v_exp(a); });
    case GC_MAP_LOG: return map_one(s, n, [](V a) { return v_log(a); });
    case GC_MAP_LOG1P: return map_one(s, n, [](V a) { return v_log1p(a); });
    case GC_MAP_SQRT: return map_one(s, n, [](V a) { return v_sqrt(a); });
    case GC_MAP_SIGMOID: return map_one(s, n, [](V a) { return v_sigmoid(a); });
    case GC_MAP_TANH: return map_one(s, n, [](V a) { return v_tanh(a); });
    case GC_MAP_ERF: return map_one(s, n, [](V a) { return v_erf(a); });
    case GC_MAP_LGAMMA: return map_one(s, n, [](V a) { return v_lgamma(a); });
    case GC_MAP_DIGAMMA: return map_one(s, n, [](V a) { return v_digamma(a); });
    default: return;  // GC_MAP_CONSTANT: a register that is filled once
  }
}

static void map_steps(const gc_map_step* steps, int count, int64_t n) {
  for (int i = 0; i < count; ++i) map_step(steps[i], n);
}
