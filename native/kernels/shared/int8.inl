// int8.inl: the same matrix kernel on words of four bytes: A holds unsigned bytes (a value's code plus 128), B signed ones, sums
// are exact int32, so every instruction set gives the same integers. One instruction with AVX512-VNNI
// (GATECELL_NATIVE_VNNI); else the bytes are widened to 16 bits and multiplied in pairs, which cannot saturate.
// Accumulators travel through the float registers of gemm.inl as bit patterns.

struct ByteMac {
#if defined(GATECELL_NATIVE_VNNI)
  GC_INLINE V run(V a, V b, V acc) { return v_from_bits(_mm512_dpbusd_epi32(v_bits(acc), v_bits(a), v_bits(b))); }
#else
  GC_INLINE V run(V a, V b, V acc) {
    const VI x = v_bits(a), y = v_bits(b), low = vi_set(0x00ff00ff);
    const VI even = vi_mul_pairs(vi_and(x, low), vi_widen_even(y));
    const VI odd = vi_mul_pairs(vi_and(vi_shr<8>(x), low), vi_widen_odd(y));
    return v_from_bits(vi_add(v_bits(acc), vi_add(even, odd)));
  }
#endif
};

// Codes round(127 x / range) + 128. The range of an LSTM's output is 1 (ranges null); other rows get their own largest magnitude.
static void quantize_rows(const float* x, int64_t x_row, uint8_t* y, int64_t y_row, int64_t rows, int64_t columns,
                          float* ranges) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = x + r * x_row;
    float range = 1.0f;
    if (ranges) {
      range = 0.0f;
      for (int64_t c = 0; c < columns; ++c) {
        const float size = __builtin_fabsf(from[c]);
        range = size > range ? size : range;
      }
      ranges[r] = range;
    }
    const float scale = range > 0.0f ? 127.0f / range : 0.0f;
    for (int64_t c = 0; c < columns; ++c) {
      const float scaled = from[c] * scale;
      const float clamped = scaled > 127.0f ? 127.0f : scaled < -127.0f ? -127.0f : scaled;
      // Adding 1.5 * 2^23 leaves the nearest integer, ties to even, in the low mantissa bits.
      const float shifted = clamped + 12582912.0f;
      uint32_t bits;
      __builtin_memcpy(&bits, &shifted, 4);
      y[r * y_row + c] = static_cast<uint8_t>(bits + 128);
    }
  }
}

// y += range * scale * (sums - correction), rows of 64 columns; correction takes the 128 of the codes out again.
static void dequantize_add(const int32_t* sums, const int32_t* correction, const float* scale, const float* ranges,
                           float* y, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r) {
    const V range = v_set(ranges ? ranges[r] : 1.0f);
    for (int64_t j = 0; j < 64; j += VL) {
      const VI sum = vi_sub(vi_load(sums + r * 64 + j), vi_load(correction + j));
      v_store(y + r * 64 + j, v_fma(v_from_int(sum), v_mul(range, v_load(scale + j)), v_load(y + r * 64 + j)));
    }
  }
}
