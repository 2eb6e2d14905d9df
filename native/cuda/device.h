// device.h: the names that device code uses. Only this file distinguishes nvcc from the host compiler of the emulator.
#pragma once
#include <cstdint>

#if defined(GATECELL_EMULATOR)
#include "emulator/simt.h"
#else
#include <cuda_runtime.h>
#endif

namespace gatecell {
namespace cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

// Returns the dynamic shared memory of the launch, 16-byte aligned.
#if defined(GATECELL_EMULATOR)
inline char* dynamic_shared() { return emulator::shared_memory(); }
inline unsigned lane_id() { return emulator::place().lane; }
#else
extern __shared__ __align__(16) char gc_dynamic_shared[];
__device__ __forceinline__ char* dynamic_shared() { return gc_dynamic_shared; }
__device__ __forceinline__ unsigned lane_id() {
  return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % kWarp;
}
#endif

// Programmatic dependent launch (sm_90): a kernel launched to follow (Shape::follows) may begin while the kernel before it still runs.
// Before wait_for_predecessor() it must not read what that kernel writes, nor write what that kernel reads. Every thread calls it, also a
// thread without work, because the kernel after this one relies on it. let_successor_begin() allows the next such kernel to begin.
#if defined(GATECELL_EMULATOR)
inline void wait_for_predecessor() { emulator::sync_predecessor(); }
inline void let_successor_begin() {}
#else
__device__ __forceinline__ void wait_for_predecessor() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void let_successor_begin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
#endif

// Sums over a warp and over a block of up to 1024 threads in a fixed order; every thread gets the sum.
// block_sum: `shared` has one element per warp; the threads of the block have only the dimension x.
template <class T>
__device__ __forceinline__ T warp_sum(T value) {
  for (int with = kWarp / 2; with > 0; with /= 2) value += __shfl_xor_sync(kAllLanes, value, with);
  return value;
}
template <class T>
__device__ __forceinline__ T warp_max(T value) {
  for (int with = kWarp / 2; with > 0; with /= 2) {
    const T other = __shfl_xor_sync(kAllLanes, value, with);
    value = other > value ? other : value;
  }
  return value;
}
template <class T>
__device__ __forceinline__ T block_sum(T value, T* shared) {
  value = warp_sum(value);
  const unsigned warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  __syncthreads();
  if (lane_id() == 0) shared[warp] = value;
  __syncthreads();
  T total = shared[0];
  for (unsigned i = 1; i < warps; ++i) total += shared[i];
  return total;
}
}  // namespace cuda
}  // namespace gatecell
