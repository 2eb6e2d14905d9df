// probe.inl: small loops that reach the limits of the hardware, with which benchmarks compare, written with the names of vec.h. No result of
// the engine comes from here. Every chain starts from its own value and is hidden from the optimiser once per round: identical chains would
// be merged, and the reported peak would be too high.

#if defined(__AVX512F__)
#define GATECELL_HIDE(x) __asm__ volatile("" : "+v"(x))
constexpr int kProbeChains = 24;
#elif defined(__AVX2__)
#define GATECELL_HIDE(x) __asm__ volatile("" : "+x"(x))
constexpr int kProbeChains = 12;
#elif defined(GATECELL_NEON)
#define GATECELL_HIDE(x) __asm__ volatile("" : "+w"(x))
constexpr int kProbeChains = 24;
#else
#define GATECELL_HIDE(x) __asm__ volatile("" : "+m"(x))
constexpr int kProbeChains = 2;
#endif

template <class T>
static inline void probe_hide(T* values, int count) {
#pragma GCC unroll 24
  for (int i = 0; i < count; ++i) GATECELL_HIDE(values[i]);
}

// Combines all vectors into one, so that the compiler removes none of them.
static inline void probe_sink(const V* values, int count, float* sink) {
  V sum = v_zero();
#pragma GCC unroll 24
  for (int i = 0; i < count; ++i) sum = v_add(sum, values[i]);
  v_store(sink, sum);
}

// Runs independent multiply-adds in registers: 2 * kProbeChains * VL flops per round.
static void probe_fma(int64_t rounds, float* sink) {
  V acc[kProbeChains], a = v_set(0.999999f), b = v_set(1e-6f);  // x -> a x + b stays near 1
#pragma GCC unroll 24
  for (int i = 0; i < kProbeChains; ++i) acc[i] = v_set(1.0f + 0.001f * static_cast<float>(i));
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 24
    for (int i = 0; i < kProbeChains; ++i) acc[i] = v_fma(acc[i], a, b);
    probe_hide(acc, kProbeChains);
  }
  probe_sink(acc, kProbeChains, sink);
}

// Reads `floats` values (a multiple of 64 VL) `rounds` times from the beginning to the end, as one stream.
static void probe_read(const float* data, int64_t floats, int64_t rounds, float* sink) {
  V acc[8], one = v_set(1.0f);
  for (int j = 0; j < 8; ++j) acc[j] = v_set(static_cast<float>(j));
  for (int64_t r = 0; r < rounds; ++r) {
    for (int64_t i = 0; i < floats; i += 8 * VL)
      for (int j = 0; j < 8; ++j) acc[j] = v_fma(v_load(data + i + j * VL), one, acc[j]);
    probe_hide(acc, 8);
  }
  probe_sink(acc, 8, sink);
}

// Reads the same as eight streams at the same time, as tiles of packed weights are read.
static void probe_read_streams(const float* data, int64_t floats, int64_t rounds, float* sink) {
  V acc[8], one = v_set(1.0f);
  const int64_t part = floats / 8;
  for (int j = 0; j < 8; ++j) acc[j] = v_set(static_cast<float>(j));
  for (int64_t r = 0; r < rounds; ++r) {
    for (int64_t i = 0; i < part; i += VL)
      for (int j = 0; j < 8; ++j) acc[j] = v_fma(v_load(data + j * part + i), one, acc[j]);
    probe_hide(acc, 8);
  }
  probe_sink(acc, 8, sink);
}

// 1 / x to nearly float precision, without a division. It differs between vendors, so the engine itself never uses it.
static inline V probe_reciprocal(V x) {
#if defined(__AVX512F__)
  const V y = _mm512_maskz_rcp14_ps(ALL, x);
#elif defined(__AVX2__)
  const V y = _mm256_rcp_ps(x);
#elif defined(GATECELL_NEON)
  const V z = vrecpeq_f32(x), y = vmulq_f32(z, vrecpsq_f32(x, z));  // 8 bits, then 16
#else
  const V y = v_div(v_set(1.0f), x);
#endif
  return v_mul(y, v_fnma(x, y, v_set(2.0f)));
}

// exp by its Taylor series to the sixth power on |r| <= ln2 / 2, scaled through the exponent's bits.
static inline V probe_exp(V x) {
  const V c = v_min(v_set(87.0f), v_max(v_set(-87.0f), x));
  // 1.5 * 2^23 + 127: the sum's low bits are the biased exponent of the nearest power of two.
  const V rounder = v_set(12583039.0f), rounded = v_fma(c, v_set(0x1.715476p+0f), rounder);
  const V r = v_fnma(v_sub(rounded, rounder), v_set(0x1.62e43p-1f), c);
  V p = v_fma(v_set(1.0f / 720), r, v_set(1.0f / 120));
  p = v_fma(p, r, v_set(1.0f / 24));
  p = v_fma(p, r, v_set(1.0f / 6));
  p = v_fma(p, r, v_set(0.5f));
  p = v_fma(p, r, v_set(1.0f));
  p = v_fma(p, r, v_set(1.0f));
  return v_mul(p, v_from_bits(vi_shl<23>(v_bits(rounded))));
}

static inline V probe_sigmoid(V x) { return probe_reciprocal(v_add(v_set(1.0f), probe_exp(v_neg(x)))); }
static inline V probe_tanh(V x) {
  return v_fnma(v_set(2.0f), probe_reciprocal(v_add(v_set(1.0f), probe_exp(v_add(x, x)))), v_set(1.0f));
}

// A cell with approximate reciprocals, not accurate for large arguments and with other bits on other CPUs: gates as in gc_cell, c in and out.
static void probe_cell(const float* gates, float* c, float* h, int64_t rows) {
  for (int64_t row = 0; row < rows; ++row, gates += 64, c += 16, h += 16) {
    for (int u = 0; u < 16; u += VL) {
      const V i = probe_sigmoid(v_load(gates + u)), f = probe_sigmoid(v_load(gates + 16 + u));
      const V g = probe_tanh(v_load(gates + 32 + u)), o = probe_sigmoid(v_load(gates + 48 + u));
      const V state = v_fma(f, v_load(c + u), v_mul(i, g));
      v_store(c + u, state);
      v_store(h + u, v_mul(o, probe_tanh(state)));
    }
  }
}

#if defined(__AVX512F__)
// The dot products of AVX512-BF16 and AVX512-VNNI, written as instructions because this file is compiled without them;
// the core calls these only if the CPU has them. 2 * 24 * 32 flops and 2 * 24 * 64 operations per round.
static void probe_dot_bf16(int64_t rounds, float* sink) {
  V acc[kProbeChains];
  const V a = v_from_bits(vi_set(0x3f003f00)), b = v_from_bits(vi_set(0x2f802f80));  // pairs of 0.5 and of 2^-32
#pragma GCC unroll 24
  for (int i = 0; i < kProbeChains; ++i) acc[i] = v_set(static_cast<float>(i));
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 24
    for (int i = 0; i < kProbeChains; ++i) __asm__ volatile("vdpbf16ps %1, %2, %0" : "+v"(acc[i]) : "v"(a), "v"(b));
  }
  probe_sink(acc, kProbeChains, sink);
}

static void probe_dot_int8(int64_t rounds, float* sink) {
  VI acc[kProbeChains], a = vi_set(0x01010101), b = vi_set(0x0100ff00);
#pragma GCC unroll 24
  for (int i = 0; i < kProbeChains; ++i) acc[i] = vi_set(i);
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 24
    for (int i = 0; i < kProbeChains; ++i) __asm__ volatile("vpdpbusd %1, %2, %0" : "+v"(acc[i]) : "v"(a), "v"(b));
  }
  VI sum = vi_set(0);
#pragma GCC unroll 24
  for (int i = 0; i < kProbeChains; ++i) sum = vi_add(sum, acc[i]);
  vi_store(reinterpret_cast<int32_t*>(sink), sum);
}
#endif
