// vec.h (avx512): one register of 16 floats under the short names that every instruction set offers.
//
// Contract of all three vec.h files: the same function gives the same bits in each (a NaN may differ in sign and
// payload, never in being one). Nothing here is approximate: no rcp, no rsqrt. Needs AVX-512 F and BW.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define GC_INLINE static inline __attribute__((always_inline))

namespace gc_avx512 {

enum { VL = 16 };      // floats in a vector
typedef __m512 V;      // float lanes
typedef __m512i VI;    // int32 lanes
typedef __mmask16 VM;  // one truth value per lane

// GCC 12 warns of uninitialised values in the unmasked form of some intrinsics; with this mask it emits the same code.
enum : __mmask16 { ALL = 0xffff };

// ---- memory: any alignment ---------------------------------------------------------------------------------------
GC_INLINE V v_load(const float* p) { return _mm512_loadu_ps(p); }
GC_INLINE void v_store(float* p, V a) { _mm512_storeu_ps(p, a); }
GC_INLINE VI vi_load(const int32_t* p) { return _mm512_loadu_si512(p); }
GC_INLINE void vi_store(int32_t* p, VI a) { _mm512_storeu_si512(p, a); }
// The first n lanes, 0 <= n <= VL; the other lanes read as 0, and their memory is not touched.
GC_INLINE V v_load_n(const float* p, int64_t n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), p); }
GC_INLINE void v_store_n(float* p, V a, int64_t n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1u), a); }
GC_INLINE void v_prefetch(const void* p) { _mm_prefetch((const char*)p, _MM_HINT_T0); }

// ---- arithmetic --------------------------------------------------------------------------------------------------
GC_INLINE V v_set(float x) { return _mm512_set1_ps(x); }
GC_INLINE V v_zero() { return _mm512_setzero_ps(); }
GC_INLINE V v_add(V a, V b) { return _mm512_add_ps(a, b); }
GC_INLINE V v_sub(V a, V b) { return _mm512_sub_ps(a, b); }
GC_INLINE V v_mul(V a, V b) { return _mm512_mul_ps(a, b); }
GC_INLINE V v_div(V a, V b) { return _mm512_div_ps(a, b); }
GC_INLINE V v_sqrt(V a) { return _mm512_maskz_sqrt_ps(ALL, a); }
GC_INLINE V v_fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }    // a * b + c, one rounding
GC_INLINE V v_fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b, one rounding
// a < b ? a : b and a > b ? a : b: the second operand where either is NaN or both are zero.
GC_INLINE V v_min(V a, V b) { return _mm512_maskz_min_ps(ALL, a, b); }
GC_INLINE V v_max(V a, V b) { return _mm512_maskz_max_ps(ALL, a, b); }
// To the nearest integer, ties to even; keeps the sign of zero.
GC_INLINE V v_round(V a) { return _mm512_maskz_roundscale_ps(ALL, a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

// ---- bits --------------------------------------------------------------------------------------------------------
GC_INLINE VI v_bits(V a) { return _mm512_castps_si512(a); }
GC_INLINE V v_from_bits(VI a) { return _mm512_castsi512_ps(a); }
GC_INLINE VI vi_set(int32_t x) { return _mm512_set1_epi32(x); }
GC_INLINE VI vi_add(VI a, VI b) { return _mm512_add_epi32(a, b); }
GC_INLINE VI vi_sub(VI a, VI b) { return _mm512_sub_epi32(a, b); }
GC_INLINE VI vi_and(VI a, VI b) { return _mm512_and_si512(a, b); }
GC_INLINE VI vi_or(VI a, VI b) { return _mm512_or_si512(a, b); }
GC_INLINE VI vi_xor(VI a, VI b) { return _mm512_xor_si512(a, b); }
template <int count>
GC_INLINE VI vi_shl(VI a) {
  return _mm512_maskz_slli_epi32(ALL, a, count);
}
// Zeros come in.
template <int count>
GC_INLINE VI vi_shr(VI a) {
  return _mm512_maskz_srli_epi32(ALL, a, count);
}
// The sign comes in.
template <int count>
GC_INLINE VI vi_sar(VI a) {
  return _mm512_maskz_srai_epi32(ALL, a, count);
}
// Sums of the two products of 16-bit halves; the even and odd signed bytes of each word as such halves.
GC_INLINE VI vi_mul_pairs(VI a, VI b) { return _mm512_madd_epi16(a, b); }
GC_INLINE VI vi_widen_even(VI a) { return _mm512_srai_epi16(_mm512_slli_epi16(a, 8), 8); }
GC_INLINE VI vi_widen_odd(VI a) { return _mm512_srai_epi16(a, 8); }
GC_INLINE V v_from_int(VI a) { return _mm512_maskz_cvtepi32_ps(ALL, a); }
// Nearest, ties to even; INT32_MIN for NaN and for what does not fit.
GC_INLINE VI v_to_int(V a) { return _mm512_maskz_cvtps_epi32(ALL, a); }
GC_INLINE V v_abs(V a) { return v_from_bits(vi_and(v_bits(a), vi_set(0x7fffffff))); }
GC_INLINE V v_neg(V a) { return v_from_bits(vi_xor(v_bits(a), vi_set(INT32_MIN))); }
// -|a|
GC_INLINE V v_negabs(V a) { return v_from_bits(vi_or(v_bits(a), vi_set(INT32_MIN))); }

// ---- masks: comparisons with NaN are false, v_ne is true -----------------------------------------------------------
GC_INLINE VM v_lt(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
GC_INLINE VM v_le(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
GC_INLINE VM v_gt(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
GC_INLINE VM v_ge(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
GC_INLINE VM v_eq(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
GC_INLINE VM v_ne(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ); }
// table[index & 7], lane by lane.
GC_INLINE VI vi_lookup8(const int32_t* table, VI index) {
  const VI twice = _mm512_maskz_broadcast_i64x4((__mmask8)0xff, _mm256_loadu_si256((const __m256i*)table));
  return _mm512_maskz_permutexvar_epi32(ALL, index, twice);
}
// Lane by lane: m ? a : b.
GC_INLINE V v_select(VM m, V a, V b) { return _mm512_mask_blend_ps(m, b, a); }
// The sign bit of x set ? a : b. (A compare into a mask register and a blend take an FMA's time on Zen 4; these two do not.)
GC_INLINE V v_select_negative(V x, V a, V b) {
  return v_from_bits(_mm512_ternarylogic_epi32(vi_sar<31>(v_bits(x)), v_bits(a), v_bits(b), 0xca));
}

}  // namespace gc_avx512
