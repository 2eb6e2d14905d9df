// lane.h: the names of vec.h that map programs and the forms of cells use, for vectors of one float. With vectors of sixteen floats in plain C++
// these functions take minutes to compile; the bits of a lane do not depend on the number of lanes.
#pragma once
#include "vec.h"

namespace gc_lane {
using gc_scalar::as_float;
using gc_scalar::as_int;

enum { VL = 1 };
using V = float;
using VI = int32_t;
using VM = bool;

GC_INLINE V v_load(const float* p) { return *p; }
GC_INLINE void v_store(float* p, V a) { *p = a; }
GC_INLINE V v_load_n(const float* p, int64_t) { return *p; }
GC_INLINE void v_store_n(float* p, V a, int64_t) { *p = a; }
GC_INLINE V v_set(float x) { return x; }
GC_INLINE V v_zero() { return 0.0f; }
GC_INLINE V v_add(V a, V b) { return a + b; }
GC_INLINE V v_sub(V a, V b) { return a - b; }
GC_INLINE V v_mul(V a, V b) { return a * b; }
GC_INLINE V v_div(V a, V b) { return a / b; }
GC_INLINE V v_sqrt(V a) { return __builtin_sqrtf(a); }
GC_INLINE V v_fma(V a, V b, V c) { return __builtin_fmaf(a, b, c); }
GC_INLINE V v_fnma(V a, V b, V c) { return __builtin_fmaf(-a, b, c); }
GC_INLINE V v_min(V a, V b) { return a < b ? a : b; }
GC_INLINE V v_max(V a, V b) { return a > b ? a : b; }
GC_INLINE VI v_bits(V a) { return as_int(a); }
GC_INLINE V v_from_bits(VI a) { return as_float(a); }
GC_INLINE VI vi_set(int32_t x) { return x; }
GC_INLINE VI vi_add(VI a, VI b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
GC_INLINE VI vi_sub(VI a, VI b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
template <int count>
GC_INLINE VI vi_shl(VI a) {
  return (int32_t)((uint32_t)a << count);
}
template <int count>
GC_INLINE VI vi_sar(VI a) {
  return a >> count;
}
GC_INLINE V v_from_int(VI a) { return (float)a; }
GC_INLINE V v_abs(V a) { return __builtin_fabsf(a); }
GC_INLINE V v_neg(V a) { return -a; }
GC_INLINE V v_negabs(V a) { return -__builtin_fabsf(a); }
GC_INLINE VM v_lt(V a, V b) { return a < b; }
GC_INLINE VM v_le(V a, V b) { return a <= b; }
GC_INLINE VM v_gt(V a, V b) { return a > b; }
GC_INLINE VM v_ge(V a, V b) { return a >= b; }
GC_INLINE VM v_eq(V a, V b) { return a == b; }
GC_INLINE VM v_ne(V a, V b) { return a != b; }
GC_INLINE VI vi_lookup8(const int32_t* table, VI index) { return table[index & 7]; }
GC_INLINE V v_select(VM m, V a, V b) { return m ? a : b; }
GC_INLINE V v_select_negative(V x, V a, V b) { return as_int(x) < 0 ? a : b; }

namespace {
#include "../shared/math.inl"

#include "../shared/special.inl"

#include "../shared/slopes.inl"

#include "../shared/activation.inl"

#include "../shared/forms.inl"

#include "../shared/map_functions.inl"

#include "../shared/map.inl"
}  // namespace
}  // namespace gc_lane
