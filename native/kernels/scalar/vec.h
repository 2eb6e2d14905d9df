// vec.h (scalar): 16 floats in plain C++, the reference for the other two and the path for every other CPU.
//
// Contract of all three vec.h files: the same function gives the same bits in each (a NaN may differ in sign and
// payload, never in being one). Uses no intrinsics; fused multiply-add is fmaf, exact even where the CPU has none.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define GC_INLINE static inline __attribute__((always_inline))

namespace gc_scalar {

enum { VL = 16 };  // floats in a vector
struct V {         // float lanes
  float x[16];
};
struct VI {  // int32 lanes
  int32_t x[16];
};
struct VM {  // one truth value per lane
  bool x[16];
};

// r.x[k] = expression of k, for all lanes.
#define GC_LANES(Type, expression)                     \
  do {                                                 \
    Type r_;                                           \
    for (int k = 0; k < 16; ++k) r_.x[k] = expression; \
    return r_;                                         \
  } while (0)

GC_INLINE float as_float(int32_t a) {
  float r;
  __builtin_memcpy(&r, &a, 4);
  return r;
}
GC_INLINE int32_t as_int(float a) {
  int32_t r;
  __builtin_memcpy(&r, &a, 4);
  return r;
}

// ---- memory: any alignment ---------------------------------------------------------------------------------------
GC_INLINE V v_load(const float* p) { GC_LANES(V, p[k]); }
GC_INLINE void v_store(float* p, V a) { __builtin_memcpy(p, a.x, sizeof a.x); }
GC_INLINE VI vi_load(const int32_t* p) { GC_LANES(VI, p[k]); }
GC_INLINE void vi_store(int32_t* p, VI a) { __builtin_memcpy(p, a.x, sizeof a.x); }
// The first n lanes, 0 <= n <= VL; the other lanes read as 0, and their memory is not touched.
GC_INLINE V v_load_n(const float* p, int64_t n) { GC_LANES(V, k < n ? p[k] : 0.0f); }
GC_INLINE void v_store_n(float* p, V a, int64_t n) {
  for (int64_t k = 0; k < n; ++k) p[k] = a.x[k];
}
GC_INLINE void v_prefetch(const void* p) { __builtin_prefetch(p); }

// ---- arithmetic --------------------------------------------------------------------------------------------------
// Adding and taking away 2^23 rounds to an integer, ties to even; larger values are integers, and NaN stays NaN.
GC_INLINE float round_even(float a) {
  const float m = __builtin_fabsf(a);
  return __builtin_copysignf(m < 8388608.0f ? (m + 8388608.0f) - 8388608.0f : m, a);
}
GC_INLINE V v_set(float x) { GC_LANES(V, x); }
GC_INLINE V v_zero() { GC_LANES(V, 0.0f); }
GC_INLINE V v_add(V a, V b) { GC_LANES(V, a.x[k] + b.x[k]); }
GC_INLINE V v_sub(V a, V b) { GC_LANES(V, a.x[k] - b.x[k]); }
GC_INLINE V v_mul(V a, V b) { GC_LANES(V, a.x[k] * b.x[k]); }
GC_INLINE V v_div(V a, V b) { GC_LANES(V, a.x[k] / b.x[k]); }
GC_INLINE V v_sqrt(V a) { GC_LANES(V, __builtin_sqrtf(a.x[k])); }
GC_INLINE V v_fma(V a, V b, V c) { GC_LANES(V, __builtin_fmaf(a.x[k], b.x[k], c.x[k])); }    // a * b + c, one rounding
GC_INLINE V v_fnma(V a, V b, V c) { GC_LANES(V, __builtin_fmaf(-a.x[k], b.x[k], c.x[k])); }  // c - a * b, one rounding
// a < b ? a : b and a > b ? a : b: the second operand where either is NaN or both are zero.
GC_INLINE V v_min(V a, V b) { GC_LANES(V, a.x[k] < b.x[k] ? a.x[k] : b.x[k]); }
GC_INLINE V v_max(V a, V b) { GC_LANES(V, a.x[k] > b.x[k] ? a.x[k] : b.x[k]); }
// To the nearest integer, ties to even; keeps the sign of zero.
GC_INLINE V v_round(V a) { GC_LANES(V, round_even(a.x[k])); }

// ---- bits --------------------------------------------------------------------------------------------------------
GC_INLINE VI v_bits(V a) { GC_LANES(VI, as_int(a.x[k])); }
GC_INLINE V v_from_bits(VI a) { GC_LANES(V, as_float(a.x[k])); }
GC_INLINE VI vi_set(int32_t x) { GC_LANES(VI, x); }
GC_INLINE VI vi_add(VI a, VI b) { GC_LANES(VI, (int32_t)((uint32_t)a.x[k] + (uint32_t)b.x[k])); }
GC_INLINE VI vi_sub(VI a, VI b) { GC_LANES(VI, (int32_t)((uint32_t)a.x[k] - (uint32_t)b.x[k])); }
GC_INLINE VI vi_and(VI a, VI b) { GC_LANES(VI, a.x[k] & b.x[k]); }
GC_INLINE VI vi_or(VI a, VI b) { GC_LANES(VI, a.x[k] | b.x[k]); }
GC_INLINE VI vi_xor(VI a, VI b) { GC_LANES(VI, a.x[k] ^ b.x[k]); }
template <int count>
GC_INLINE VI vi_shl(VI a) {
  GC_LANES(VI, (int32_t)((uint32_t)a.x[k] << count));
}
// Zeros come in.
template <int count>
GC_INLINE VI vi_shr(VI a) {
  GC_LANES(VI, (int32_t)((uint32_t)a.x[k] >> count));
}
// The sign comes in.
template <int count>
GC_INLINE VI vi_sar(VI a) {
  GC_LANES(VI, a.x[k] >> count);
}
// Sums of the two products of 16-bit halves; the even and odd signed bytes of each word as such halves.
GC_INLINE VI vi_mul_pairs(VI a, VI b) {
  GC_LANES(VI, (int16_t)a.x[k] * (int16_t)b.x[k] + (int16_t)(a.x[k] >> 16) * (int16_t)(b.x[k] >> 16));
}
GC_INLINE int32_t halves(int8_t low, int8_t high) {
  return (int32_t)((uint32_t)(uint16_t)low | (uint32_t)(uint16_t)high << 16);
}
GC_INLINE VI vi_widen_even(VI a) { GC_LANES(VI, halves((int8_t)a.x[k], (int8_t)(a.x[k] >> 16))); }
GC_INLINE VI vi_widen_odd(VI a) { GC_LANES(VI, halves((int8_t)(a.x[k] >> 8), (int8_t)(a.x[k] >> 24))); }
GC_INLINE V v_from_int(VI a) { GC_LANES(V, (float)a.x[k]); }
// Nearest, ties to even; INT32_MIN for NaN and for what does not fit.
GC_INLINE VI v_to_int(V a) {
  GC_LANES(VI, a.x[k] >= -2147483648.0f && a.x[k] < 2147483648.0f ? (int32_t)round_even(a.x[k]) : INT32_MIN);
}
GC_INLINE V v_abs(V a) { GC_LANES(V, __builtin_fabsf(a.x[k])); }
GC_INLINE V v_neg(V a) { GC_LANES(V, -a.x[k]); }
// -|a|
GC_INLINE V v_negabs(V a) { GC_LANES(V, -__builtin_fabsf(a.x[k])); }

// ---- masks: comparisons with NaN are false, v_ne is true -----------------------------------------------------------
GC_INLINE VM v_lt(V a, V b) { GC_LANES(VM, a.x[k] < b.x[k]); }
GC_INLINE VM v_le(V a, V b) { GC_LANES(VM, a.x[k] <= b.x[k]); }
GC_INLINE VM v_gt(V a, V b) { GC_LANES(VM, a.x[k] > b.x[k]); }
GC_INLINE VM v_ge(V a, V b) { GC_LANES(VM, a.x[k] >= b.x[k]); }
GC_INLINE VM v_eq(V a, V b) { GC_LANES(VM, a.x[k] == b.x[k]); }
GC_INLINE VM v_ne(V a, V b) { GC_LANES(VM, a.x[k] != b.x[k]); }
// table[index & 7], lane by lane.
GC_INLINE VI vi_lookup8(const int32_t* table, VI index) { GC_LANES(VI, table[index.x[k] & 7]); }
// Lane by lane: m ? a : b.
GC_INLINE V v_select(VM m, V a, V b) { GC_LANES(V, m.x[k] ? a.x[k] : b.x[k]); }
// The sign bit of x set ? a : b.
GC_INLINE V v_select_negative(V x, V a, V b) { GC_LANES(V, as_int(x.x[k]) < 0 ? a.x[k] : b.x[k]); }

#undef GC_LANES

}  // namespace gc_scalar
