// vec.h (neon): one register of 4 floats under the short names that every instruction set offers.
//
// Contract of all vec.h files: the same function gives the same bits in each (a NaN may differ in sign and
// payload, never in being one). Nothing here is approximate: no vrecpe, no vrsqrte. Needs AArch64.
#pragma once
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#define GC_INLINE static inline __attribute__((always_inline))

namespace gc_neon {

enum { VL = 4 };        // floats in a vector
typedef float32x4_t V;  // float lanes
typedef int32x4_t VI;   // int32 lanes
typedef uint32x4_t VM;  // one truth value per lane: all bits or none

// ---- memory: any alignment ---------------------------------------------------------------------------------------
GC_INLINE V v_load(const float* p) { return vld1q_f32(p); }
GC_INLINE void v_store(float* p, V a) { vst1q_f32(p, a); }
GC_INLINE VI vi_load(const int32_t* p) { return vld1q_s32(p); }
GC_INLINE void vi_store(int32_t* p, VI a) { vst1q_s32(p, a); }
// The first n lanes, 0 <= n <= VL; the other lanes read as 0, and their memory is not touched.
GC_INLINE V v_load_n(const float* p, int64_t n) {
  if (n >= 4) return vld1q_f32(p);
  V a = vdupq_n_f32(0.0f);
  if (n > 0) a = vld1q_lane_f32(p, a, 0);
  if (n > 1) a = vld1q_lane_f32(p + 1, a, 1);
  if (n > 2) a = vld1q_lane_f32(p + 2, a, 2);
  return a;
}
GC_INLINE void v_store_n(float* p, V a, int64_t n) {
  if (n >= 4) return vst1q_f32(p, a);
  if (n > 0) vst1q_lane_f32(p, a, 0);
  if (n > 1) vst1q_lane_f32(p + 1, a, 1);
  if (n > 2) vst1q_lane_f32(p + 2, a, 2);
}
GC_INLINE void v_prefetch(const void* p) { __builtin_prefetch(p); }

// ---- arithmetic --------------------------------------------------------------------------------------------------
GC_INLINE V v_set(float x) { return vdupq_n_f32(x); }
GC_INLINE V v_zero() { return vdupq_n_f32(0.0f); }
GC_INLINE V v_add(V a, V b) { return vaddq_f32(a, b); }
GC_INLINE V v_sub(V a, V b) { return vsubq_f32(a, b); }
GC_INLINE V v_mul(V a, V b) { return vmulq_f32(a, b); }
GC_INLINE V v_div(V a, V b) { return vdivq_f32(a, b); }
GC_INLINE V v_sqrt(V a) { return vsqrtq_f32(a); }
GC_INLINE V v_fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }   // a * b + c, one rounding
GC_INLINE V v_fnma(V a, V b, V c) { return vfmsq_f32(c, a, b); }  // c - a * b, one rounding
// a < b ? a : b and a > b ? a : b: the second operand where either is NaN or both are zero. (fmin and fmax order zeros, and keep NaN.)
GC_INLINE V v_min(V a, V b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
GC_INLINE V v_max(V a, V b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
// To the nearest integer, ties to even; keeps the sign of zero.
GC_INLINE V v_round(V a) { return vrndnq_f32(a); }

// ---- bits --------------------------------------------------------------------------------------------------------
GC_INLINE VI v_bits(V a) { return vreinterpretq_s32_f32(a); }
GC_INLINE V v_from_bits(VI a) { return vreinterpretq_f32_s32(a); }
GC_INLINE VI vi_set(int32_t x) { return vdupq_n_s32(x); }
GC_INLINE VI vi_add(VI a, VI b) { return vaddq_s32(a, b); }
GC_INLINE VI vi_sub(VI a, VI b) { return vsubq_s32(a, b); }
GC_INLINE VI vi_and(VI a, VI b) { return vandq_s32(a, b); }
GC_INLINE VI vi_or(VI a, VI b) { return vorrq_s32(a, b); }
GC_INLINE VI vi_xor(VI a, VI b) { return veorq_s32(a, b); }
template <int count>
GC_INLINE VI vi_shl(VI a) {
  return vshlq_n_s32(a, count);
}
// Zeros come in.
template <int count>
GC_INLINE VI vi_shr(VI a) {
  return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a), count));
}
// The sign comes in.
template <int count>
GC_INLINE VI vi_sar(VI a) {
  return vshrq_n_s32(a, count);
}
// Sums of the two products of 16-bit halves; the even and odd signed bytes of each word as such halves.
GC_INLINE VI vi_mul_pairs(VI a, VI b) {
  const VI low = vmulq_s32(vi_sar<16>(vi_shl<16>(a)), vi_sar<16>(vi_shl<16>(b)));
  return vmlaq_s32(low, vi_sar<16>(a), vi_sar<16>(b));
}
GC_INLINE VI vi_widen_even(VI a) {
  return vreinterpretq_s32_s16(vshrq_n_s16(vshlq_n_s16(vreinterpretq_s16_s32(a), 8), 8));
}
GC_INLINE VI vi_widen_odd(VI a) { return vreinterpretq_s32_s16(vshrq_n_s16(vreinterpretq_s16_s32(a), 8)); }
GC_INLINE V v_from_int(VI a) { return vcvtq_f32_s32(a); }
// Nearest, ties to even; INT32_MIN for NaN and for what does not fit. (The instruction gives 0 and INT32_MAX.)
GC_INLINE VI v_to_int(V a) {
  const VM fits = vandq_u32(vcgeq_f32(a, vdupq_n_f32(-2147483648.0f)), vcltq_f32(a, vdupq_n_f32(2147483648.0f)));
  return vbslq_s32(fits, vcvtnq_s32_f32(a), vdupq_n_s32(INT32_MIN));
}
GC_INLINE V v_abs(V a) { return vabsq_f32(a); }
GC_INLINE V v_neg(V a) { return vnegq_f32(a); }
// -|a|
GC_INLINE V v_negabs(V a) { return v_from_bits(vi_or(v_bits(a), vi_set(INT32_MIN))); }

// ---- masks: comparisons with NaN are false, v_ne is true -----------------------------------------------------------
GC_INLINE VM v_lt(V a, V b) { return vcltq_f32(a, b); }
GC_INLINE VM v_le(V a, V b) { return vcleq_f32(a, b); }
GC_INLINE VM v_gt(V a, V b) { return vcgtq_f32(a, b); }
GC_INLINE VM v_ge(V a, V b) { return vcgeq_f32(a, b); }
GC_INLINE VM v_eq(V a, V b) { return vceqq_f32(a, b); }
GC_INLINE VM v_ne(V a, V b) { return vmvnq_u32(vceqq_f32(a, b)); }
// table[index & 7], lane by lane: the index as those of its four bytes.
GC_INLINE VI vi_lookup8(const int32_t* table, VI index) {
  const uint8x16x2_t bytes = {{vreinterpretq_u8_s32(vld1q_s32(table)), vreinterpretq_u8_s32(vld1q_s32(table + 4))}};
  const VI first = vmulq_n_s32(vi_and(index, vi_set(7)), 0x04040404);
  const VI at = vi_add(first, vi_set(0x03020100));
  return vreinterpretq_s32_u8(vqtbl2q_u8(bytes, vreinterpretq_u8_s32(at)));
}
// Lane by lane: m ? a : b.
GC_INLINE V v_select(VM m, V a, V b) { return vbslq_f32(m, a, b); }
// The sign bit of x set ? a : b.
GC_INLINE V v_select_negative(V x, V a, V b) { return vbslq_f32(vreinterpretq_u32_s32(vi_sar<31>(v_bits(x))), a, b); }

}  // namespace gc_neon
