// map_functions.h: the functions of map programs for one lane: the processor's expressions (native/kernels/shared), and so its bits.
#pragma once
#include "../core/map_program.h"
#include "math.h"

#define GC_CALLED static __device__ __attribute__((noinline))

namespace gatecell {
namespace cuda {

#include "../kernels/shared/special.inl"

#include "../kernels/shared/map_functions.inl"

// Returns the value of a function; 0 for GC_MAP_CONSTANT, which has no operands.
GC_INLINE V map_value(int code, V a, V b, V c) {
  switch (code) {
#define GC_MAP_CASE(NAME, value) \
  case GC_MAP_##NAME: return value;
    GC_MAP_FUNCTIONS(GC_MAP_CASE, GC_MAP_CASE, GC_MAP_CASE)
#undef GC_MAP_CASE
    default: return v_zero();
  }
}
}  // namespace cuda
}  // namespace gatecell
