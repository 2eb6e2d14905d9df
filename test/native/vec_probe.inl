// vec_probe.inl: one array result per operation of vec.h; included inside the namespace of each instruction set.

struct Probe {
  const char* name;
  bool floats;  // results are floats (any NaN equals any NaN), else integers
  // n elements, a multiple of 16, from three arrays.
  void (*run)(const float* a, const float* b, const float* c, int32_t* out, int64_t n);
};

static const int64_t kLanes = VL;
static const int32_t probe_table[8] = {7, -3, 1000, 0, INT32_MIN, INT32_MAX, 5, 12};

// Operations with float results, and with integers.
#define GC_FLOAT_PROBES(X)                       \
  X(add, v_add(a, b))                            \
  X(sub, v_sub(a, b))                            \
  X(mul, v_mul(a, b))                            \
  X(div, v_div(a, b))                            \
  X(sqrt, v_sqrt(a))                             \
  X(fma, v_fma(a, b, c))                         \
  X(fnma, v_fnma(a, b, c))                       \
  X(min, v_min(a, b))                            \
  X(max, v_max(a, b))                            \
  X(round, v_round(a))                           \
  X(abs, v_abs(a))                               \
  X(neg, v_neg(a))                               \
  X(negabs, v_negabs(a))                         \
  X(lt, v_select(v_lt(a, b), c, v_zero()))       \
  X(le, v_select(v_le(a, b), c, v_zero()))       \
  X(gt, v_select(v_gt(a, b), c, v_zero()))       \
  X(ge, v_select(v_ge(a, b), c, v_zero()))       \
  X(eq, v_select(v_eq(a, b), c, v_zero()))       \
  X(ne, v_select(v_ne(a, b), c, v_zero()))       \
  X(select_negative, v_select_negative(a, b, c)) \
  X(from_int, v_from_int(v_bits(a)))             \
  X(from_bits, v_from_bits(v_bits(a)))
#define GC_INT_PROBES(X)                \
  X(to_int, v_to_int(a))                \
  X(set, vi_set(-17))                   \
  X(iadd, vi_add(v_bits(a), v_bits(b))) \
  X(isub, vi_sub(v_bits(a), v_bits(b))) \
  X(and, vi_and(v_bits(a), v_bits(b)))  \
  X(or, vi_or(v_bits(a), v_bits(b)))    \
  X(xor, vi_xor(v_bits(a), v_bits(b)))  \
  X(shl, vi_shl<20>(v_bits(a)))         \
  X(shr, vi_shr<9>(v_bits(a)))          \
  X(sar, vi_sar<9>(v_bits(a)))          \
  X(lookup8, vi_lookup8(probe_table, v_bits(a)))

#define GC_BITS_OF(name, result) GC_LOOP(name, v_bits(result))
#define GC_LOOP(name, result)                                                                          \
  static void run_##name(const float* pa, const float* pb, const float* pc, int32_t* out, int64_t n) { \
    for (int64_t i = 0; i < n; i += VL) {                                                              \
      const V a = v_load(pa + i), b = v_load(pb + i), c = v_load(pc + i);                              \
      (void)a, (void)b, (void)c;                                                                       \
      vi_store(out + i, result);                                                                       \
    }                                                                                                  \
  }
GC_FLOAT_PROBES(GC_BITS_OF)
GC_INT_PROBES(GC_LOOP)

// Stores only the first lanes, with every count in turn; the values after them must not change.
static void partial(const float* a, const float*, const float* c, int32_t* out, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) {
    float to[16];
    for (int64_t at = 0; at < 16; at += VL) v_store(to + at, v_load(c + i + at));
    const int64_t count = i / 16 % 17;
    for (int64_t at = 0; at < 16; at += VL) {
      const int64_t lanes = count - at < 0 ? 0 : count - at < kLanes ? count - at : kLanes;
      v_store_n(to + at, v_add(v_load_n(a + i + at, lanes), v_set(1.0f)), lanes);
    }
    for (int64_t at = 0; at < 16; at += VL) vi_store(out + i + at, v_bits(v_load(to + at)));
  }
}
// Loads only the first lanes; the others must be 0.
static void zero_beyond(const float* a, const float*, const float*, int32_t* out, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) {
    const int64_t count = i / 16 % 17;
    for (int64_t at = 0; at < 16; at += VL) {
      const int64_t lanes = count - at < 0 ? 0 : count - at < kLanes ? count - at : kLanes;
      vi_store(out + i + at, v_bits(v_load_n(a + i + at, lanes)));
    }
  }
}

#define GC_FLOAT_ROW(name, result) {#name, true, run_##name},
#define GC_INT_ROW(name, result) {#name, false, run_##name},
static const Probe probes[] = {
    GC_FLOAT_PROBES(GC_FLOAT_ROW) GC_INT_PROBES(GC_INT_ROW){"partial", true, partial},
    {"zero_beyond", false, zero_beyond},
};
static const int probe_count = sizeof probes / sizeof probes[0];

#undef GC_FLOAT_PROBES
#undef GC_INT_PROBES
#undef GC_BITS_OF
#undef GC_LOOP
#undef GC_FLOAT_ROW
#undef GC_INT_ROW
