// int8.inl: the matrix kernel of gemm.inl on words of four bytes: A contains unsigned bytes (the code of a value plus 128), B signed ones.
// Sums are exact int32, so every instruction set gives the same integers. With AVX512-VNNI (GATECELL_NATIVE_VNNI) or the I8MM of AArch64
// (GATECELL_NATIVE_USDOT) one instruction multiplies a word. With DotProd (GATECELL_NATIVE_SDOT), whose bytes are all signed, a code loses
// its 128, and the product of 128 is added as two of 64. Otherwise the bytes are widened to 16 bits and multiplied in pairs, which cannot
// saturate. Accumulators travel through the float registers of gemm.inl as bit patterns.

struct ByteMac {
#if defined(GATECELL_NATIVE_VNNI)
  GC_INLINE V run(V a, V b, V acc) { return v_from_bits(_mm512_dpbusd_epi32(v_bits(acc), v_bits(a), v_bits(b))); }
#elif defined(GATECELL_NATIVE_USDOT)
  GC_INLINE V run(V a, V b, V acc) {
    return v_from_bits(vusdotq_s32(v_bits(acc), vreinterpretq_u8_f32(a), vreinterpretq_s8_f32(b)));
  }
#elif defined(GATECELL_NATIVE_SDOT)
  GC_INLINE V run(V a, V b, V acc) {
    const int8x16_t y = vreinterpretq_s8_f32(b), half = vdupq_n_s8(64);
    const int8x16_t x = vreinterpretq_s8_s32(vi_xor(v_bits(a), vi_set(static_cast<int32_t>(0x80808080u))));
    return v_from_bits(vdotq_s32(vdotq_s32(vdotq_s32(v_bits(acc), x, y), half, y), half, y));
  }
#else
  GC_INLINE V run(V a, V b, V acc) {
    const VI x = v_bits(a), y = v_bits(b), low = vi_set(0x00ff00ff);
    const VI even = vi_mul_pairs(vi_and(x, low), vi_widen_even(y));
    const VI odd = vi_mul_pairs(vi_and(vi_shr<8>(x), low), vi_widen_odd(y));
    return v_from_bits(vi_add(v_bits(acc), vi_add(even, odd)));
  }
#endif
};

// Returns the largest magnitude of x, or NaN if a value is NaN or infinite. Magnitudes are compared as bits, which have the same order as the
// values and need no comparison with NaN.
GC_INLINE float largest_magnitude(const float* x, int64_t n) {
  uint32_t most = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, x + i, 4);
    bits &= 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  float range;
  __builtin_memcpy(&range, &most, 4);
  return most < 0x7f800000u ? range : __builtin_nanf("");
}

// Computes the codes round(127 x / range) + 128 of values of at most `range` in magnitude; the codes of other values are arbitrary.
GC_INLINE void quantize_row(const float* x, uint8_t* y, int64_t columns, float range) {
  const float scale = range > 0.0f ? 127.0f / range : 0.0f;
  for (int64_t c = 0; c < columns; ++c) {
    const float scaled = x[c] * scale;
    const float clamped = scaled > 127.0f ? 127.0f : scaled < -127.0f ? -127.0f : scaled;
    // Adding 1.5 * 2^23 leaves the nearest integer, ties to even, in the low mantissa bits.
    const float shifted = clamped + 12582912.0f;
    uint32_t bits;
    __builtin_memcpy(&bits, &shifted, 4);
    y[c] = static_cast<uint8_t>(bits + 128);
  }
}

// Computes codes with the largest magnitude of each row as its range, which is NaN if a value is not finite.
static void quantize_rows(const float* x, int64_t x_row, uint8_t* y, int64_t y_row, int64_t rows, int64_t columns,
                          float* ranges) {
  for (int64_t r = 0; r < rows; ++r) {
    ranges[r] = largest_magnitude(x + r * x_row, columns);
    quantize_row(x + r * x_row, y + r * y_row, columns, ranges[r]);
  }
}

// Computes codes with given ranges. A row with a value that is not finite gets the range NaN; several threads, each with some of the columns,
// may write it.
static void quantize_within(const float* x, int64_t x_row, uint8_t* y, int64_t y_row, int64_t rows, int64_t columns,
                            const float* given, float* ranges) {
  for (int64_t r = 0; r < rows; ++r) {
    const float most = largest_magnitude(x + r * x_row, columns), none = __builtin_nanf("");
    if (most != most) __atomic_store(ranges + r, &none, __ATOMIC_RELAXED);
    quantize_row(x + r * x_row, y + r * y_row, columns, given[r]);
  }
}

// Computes y += range * scale * (sums - correction) for rows of 64 columns; `correction` is the part of the sums from the 128 in the codes.
static void dequantize_add(const int32_t* sums, const int32_t* correction, const float* scale, const float* ranges,
                           float* y, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r) {
    const V range = v_set(ranges[r]);
    for (int64_t j = 0; j < 64; j += VL) {
      const VI sum = vi_sub(vi_load(sums + r * 64 + j), vi_load(correction + j));
      v_store(y + r * 64 + j, v_fma(v_from_int(sum), v_mul(range, v_load(scale + j)), v_load(y + r * 64 + j)));
    }
  }
}
