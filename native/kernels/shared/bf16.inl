// bf16.inl: the matrix kernel of gemm.inl on pairs of bf16: every 32-bit word of A and B contains two neighbours in k, sums are f32.
// With AVX512-BF16 or the BF16 of AArch64 (GATECELL_NATIVE_BF16) one instruction multiplies a pair; otherwise a pair is widened and
// multiplied by two FMAs, which saves memory traffic but no arithmetic. The two round differently: bf16 results are the same bits for any
// number of threads, but not across instruction sets. Conversions are plain integer loops, which the compiler vectorises.

struct PairMac {
#if defined(GATECELL_NATIVE_BF16) && defined(__aarch64__)
  GC_INLINE V run(V a, V b, V acc) { return vbfdotq_f32(acc, vreinterpretq_bf16_f32(a), vreinterpretq_bf16_f32(b)); }
#elif defined(GATECELL_NATIVE_BF16)
  GC_INLINE V run(V a, V b, V acc) { return _mm512_dpbf16_ps(acc, (__m512bh)v_bits(a), (__m512bh)v_bits(b)); }
#else
  GC_INLINE V low(V x) { return v_from_bits(vi_shl<16>(v_bits(x))); }
  GC_INLINE V high(V x) { return v_from_bits(vi_and(v_bits(x), vi_set(static_cast<int32_t>(0xffff0000u)))); }
  GC_INLINE V run(V a, V b, V acc) { return v_fma(high(a), high(b), v_fma(low(a), low(b), acc)); }
#endif
};

// Rounds to nearest, ties to even; any NaN becomes the quiet one.
static inline uint16_t narrow_bits(uint32_t bits) {
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

static void narrow_rows(const float* x, int64_t x_row, uint16_t* y, int64_t y_row, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    uint16_t part[64];
    for (int64_t c = 0; c < columns; c += 64) {
      const int64_t n = columns - c < 64 ? columns - c : 64;
      uint32_t bits[64];
      __builtin_memcpy(bits, x + r * x_row + c, static_cast<size_t>(n) * 4);
      for (int64_t i = 0; i < n; ++i) part[i] = narrow_bits(bits[i]);
      __builtin_memcpy(y + r * y_row + c, part, static_cast<size_t>(n) * 2);  // y may overlap x
    }
  }
}

// Sets to[i] to the pair (even[i], odd[i]); if `odd` is null, to (even[i], 0).
static void pair_rows(const uint16_t* even, const uint16_t* odd, uint32_t* to, int64_t n) {
  if (odd) {
    for (int64_t i = 0; i < n; ++i) to[i] = even[i] | (static_cast<uint32_t>(odd[i]) << 16);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = even[i];
  }
}

static void add_bf16(const uint16_t* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = static_cast<uint32_t>(x[i]) << 16;
    float value;
    __builtin_memcpy(&value, &bits, 4);
    y[i] += value;
  }
}
