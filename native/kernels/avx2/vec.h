// vec.h (avx2): one register of 8 floats under the short names that every instruction set offers.
//
// Contract of all three vec.h files: the same function gives the same bits in each (a NaN may differ in sign and
// payload, never in being one). Nothing here is approximate: no rcp, no rsqrt. Needs AVX2 and FMA.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define GC_INLINE static inline __attribute__((always_inline))

namespace gc_avx2 {

enum { VL = 8 };     // floats in a vector
typedef __m256 V;    // float lanes
typedef __m256i VI;  // int32 lanes
typedef __m256 VM;   // one truth value per lane: all bits or none

// ---- memory: any alignment ---------------------------------------------------------------------------------------
GC_INLINE V v_load(const float* p) { return _mm256_loadu_ps(p); }
GC_INLINE void v_store(float* p, V a) { _mm256_storeu_ps(p, a); }
GC_INLINE VI vi_load(const int32_t* p) { return _mm256_loadu_si256((const __m256i*)p); }
GC_INLINE void vi_store(int32_t* p, VI a) { _mm256_storeu_si256((__m256i*)p, a); }
GC_INLINE VI first_lanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// The first n lanes, 0 <= n <= VL; the other lanes read as 0, and their memory is not touched.
GC_INLINE V v_load_n(const float* p, int64_t n) { return _mm256_maskload_ps(p, first_lanes(n)); }
GC_INLINE void v_store_n(float* p, V a, int64_t n) { _mm256_maskstore_ps(p, first_lanes(n), a); }
GC_INLINE void v_prefetch(const void* p) { _mm_prefetch((const char*)p, _MM_HINT_T0); }

// ---- arithmetic --------------------------------------------------------------------------------------------------
GC_INLINE V v_set(float x) { return _mm256_set1_ps(x); }
GC_INLINE V v_zero() { return _mm256_setzero_ps(); }
GC_INLINE V v_add(V a, V b) { return _mm256_add_ps(a, b); }
GC_INLINE V v_sub(V a, V b) { return _mm256_sub_ps(a, b); }
GC_INLINE V v_mul(V a, V b) { return _mm256_mul_ps(a, b); }
GC_INLINE V v_div(V a, V b) { return _mm256_div_ps(a, b); }
GC_INLINE V v_sqrt(V a) { return _mm256_sqrt_ps(a); }
GC_INLINE V v_fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }    // a * b + c, one rounding
GC_INLINE V v_fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a * b, one rounding
// a < b ? a : b and a > b ? a : b: the second operand where either is NaN or both are zero.
GC_INLINE V v_min(V a, V b) { return _mm256_min_ps(a, b); }
GC_INLINE V v_max(V a, V b) { return _mm256_max_ps(a, b); }
// To the nearest integer, ties to even; keeps the sign of zero.
GC_INLINE V v_round(V a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

// ---- bits --------------------------------------------------------------------------------------------------------
GC_INLINE VI v_bits(V a) { return _mm256_castps_si256(a); }
GC_INLINE V v_from_bits(VI a) { return _mm256_castsi256_ps(a); }
GC_INLINE VI vi_set(int32_t x) { return _mm256_set1_epi32(x); }
GC_INLINE VI vi_add(VI a, VI b) { return _mm256_add_epi32(a, b); }
GC_INLINE VI vi_sub(VI a, VI b) { return _mm256_sub_epi32(a, b); }
GC_INLINE VI vi_and(VI a, VI b) { return _mm256_and_si256(a, b); }
GC_INLINE VI vi_or(VI a, VI b) { return _mm256_or_si256(a, b); }
GC_INLINE VI vi_xor(VI a, VI b) { return _mm256_xor_si256(a, b); }
template <int count>
GC_INLINE VI vi_shl(VI a) {
  return _mm256_slli_epi32(a, count);
}
// Zeros come in.
template <int count>
GC_INLINE VI vi_shr(VI a) {
  return _mm256_srli_epi32(a, count);
}
// The sign comes in.
template <int count>
GC_INLINE VI vi_sar(VI a) {
  return _mm256_srai_epi32(a, count);
}
// Sums of the two products of 16-bit halves; the even and odd signed bytes of each word as such halves.
GC_INLINE VI vi_mul_pairs(VI a, VI b) { return _mm256_madd_epi16(a, b); }
GC_INLINE VI vi_widen_even(VI a) { return _mm256_srai_epi16(_mm256_slli_epi16(a, 8), 8); }
GC_INLINE VI vi_widen_odd(VI a) { return _mm256_srai_epi16(a, 8); }
GC_INLINE V v_from_int(VI a) { return _mm256_cvtepi32_ps(a); }
// Nearest, ties to even; INT32_MIN for NaN and for what does not fit.
GC_INLINE VI v_to_int(V a) { return _mm256_cvtps_epi32(a); }
GC_INLINE V v_abs(V a) { return _mm256_and_ps(a, v_from_bits(vi_set(0x7fffffff))); }
GC_INLINE V v_neg(V a) { return _mm256_xor_ps(a, v_set(-0.0f)); }
// -|a|
GC_INLINE V v_negabs(V a) { return _mm256_or_ps(a, v_set(-0.0f)); }

// ---- masks: comparisons with NaN are false, v_ne is true -----------------------------------------------------------
GC_INLINE VM v_lt(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
GC_INLINE VM v_le(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
GC_INLINE VM v_gt(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
GC_INLINE VM v_ge(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
GC_INLINE VM v_eq(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
GC_INLINE VM v_ne(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_NEQ_UQ); }
// table[index & 7], lane by lane.
GC_INLINE VI vi_lookup8(const int32_t* table, VI index) {
  return _mm256_permutevar8x32_epi32(_mm256_loadu_si256((const __m256i*)table), index);
}
// Lane by lane: m ? a : b.
GC_INLINE V v_select(VM m, V a, V b) { return _mm256_blendv_ps(b, a, m); }
// The sign bit of x set ? a : b.
GC_INLINE V v_select_negative(V x, V a, V b) { return _mm256_blendv_ps(b, a, x); }

}  // namespace gc_avx2
