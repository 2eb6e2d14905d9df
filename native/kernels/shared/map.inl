// map.inl: the functions of a map program, each a loop over the elements of a block that is in the first level of cache.

GC_INLINE V map_load(const float* p, int lanes) { return lanes == VL ? v_load(p) : v_load_n(p, lanes); }
GC_INLINE void map_store(float* p, V v, int lanes) {
  if (lanes == VL) v_store(p, v);
  else v_store_n(p, v, lanes);
}

// Calls body(i, lanes) for whole vectors, then once for the rest: a body of few instructions has no room for a choice in each vector.
template <class F>
static inline void map_lanes(int64_t n, F body) {
  int64_t i = 0;
  for (; i + VL <= n; i += VL) body(i, static_cast<int>(VL));
  if (i < n) body(i, static_cast<int>(n - i));
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

static void map_step(const gc_map_step& s, int64_t n) {
  switch (s.code) {
// clang-format 14 joins these lines into one macro.
// clang-format off
#define GC_MAP_ONE(NAME, value) \
  case GC_MAP_##NAME: return map_one(s, n, [](V a) { return value; });
#define GC_MAP_TWO(NAME, value) \
  case GC_MAP_##NAME: return map_two(s, n, [](V a, V b) { return value; });
#define GC_MAP_THREE(NAME, value) \
  case GC_MAP_##NAME: return map_three(s, n, [](V a, V b, V c) { return value; });
    // clang-format on
    GC_MAP_FUNCTIONS(GC_MAP_ONE, GC_MAP_TWO, GC_MAP_THREE)
#undef GC_MAP_ONE
#undef GC_MAP_TWO
#undef GC_MAP_THREE
    default: return;  // GC_MAP_CONSTANT: a register that is filled once
  }
}

static void map_steps(const gc_map_step* steps, int count, int64_t n) {
  for (int i = 0; i < count; ++i) map_step(steps[i], n);
}
