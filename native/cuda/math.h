// math.h: the names that native/kernels/shared/math.inl uses, for one lane, so that exp, sigmoid, tanh and the gates are the same polynomials
// as on the processor, bit for bit. Contraction is off (--fmad=false); fused operations are written as such.
#pragma once
#include "device.h"

#define GC_INLINE static __device__ __forceinline__
#if !defined(GATECELL_EMULATOR)
#define GC_TABLE static __constant__ const
#endif

namespace gatecell {
namespace cuda {

using V = float;
using VI = int32_t;
using VM = bool;

#if defined(GATECELL_EMULATOR)
GC_INLINE int32_t float_bits(float a) {
  int32_t r;
  memcpy(&r, &a, 4);
  return r;
}
GC_INLINE float bits_float(int32_t a) {
  float r;
  memcpy(&r, &a, 4);
  return r;
}
#else
GC_INLINE int32_t float_bits(float a) { return __float_as_int(a); }
GC_INLINE float bits_float(int32_t a) { return __int_as_float(a); }
#endif

GC_INLINE V v_set(float x) { return x; }
GC_INLINE V v_zero() { return 0.0f; }
GC_INLINE V v_add(V a, V b) { return a + b; }
GC_INLINE V v_sub(V a, V b) { return a - b; }
GC_INLINE V v_mul(V a, V b) { return a * b; }
GC_INLINE V v_div(V a, V b) { return a / b; }
GC_INLINE V v_fma(V a, V b, V c) { return fmaf(a, b, c); }
GC_INLINE V v_fnma(V a, V b, V c) { return fmaf(-a, b, c); }
GC_INLINE V v_min(V a, V b) { return a < b ? a : b; }
GC_INLINE V v_max(V a, V b) { return a > b ? a : b; }
GC_INLINE V v_sqrt(V a) { return sqrtf(a); }
GC_INLINE V v_abs(V a) { return fabsf(a); }
GC_INLINE V v_neg(V a) { return -a; }
GC_INLINE V v_negabs(V a) { return -fabsf(a); }
GC_INLINE VI v_bits(V a) { return float_bits(a); }
GC_INLINE V v_from_bits(VI a) { return bits_float(a); }
GC_INLINE VI vi_set(int32_t x) { return x; }
GC_INLINE VI vi_add(VI a, VI b) { return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b)); }
GC_INLINE VI vi_sub(VI a, VI b) { return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b)); }
template <int count>
GC_INLINE VI vi_shl(VI a) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) << count);
}
template <int count>
GC_INLINE VI vi_sar(VI a) {
  return a >> count;
}
GC_INLINE V v_from_int(VI a) { return static_cast<float>(a); }
GC_INLINE VM v_lt(V a, V b) { return a < b; }
GC_INLINE VM v_le(V a, V b) { return a <= b; }
GC_INLINE VM v_gt(V a, V b) { return a > b; }
GC_INLINE VM v_ge(V a, V b) { return a >= b; }
GC_INLINE VM v_eq(V a, V b) { return a == b; }
GC_INLINE VM v_ne(V a, V b) { return a != b; }
GC_INLINE V v_select(VM m, V a, V b) { return m ? a : b; }
GC_INLINE VI vi_lookup8(const int32_t* table, VI index) { return table[index & 7]; }
GC_INLINE V v_select_negative(V x, V a, V b) { return float_bits(x) < 0 ? a : b; }

#include "../kernels/shared/math.inl"

// As in kernels/shared/cell.inl: x (1 - x) d and (1 - x^2) d.
GC_INLINE V sigmoid_slope(V x, V d) { return v_mul(d, v_fnma(x, x, x)); }
GC_INLINE V tanh_slope(V x, V d) { return v_fnma(v_mul(x, x), d, d); }
}  // namespace cuda
}  // namespace gatecell
