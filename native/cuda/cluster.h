// cluster.h: blocks that run at the same time and write into each other's shared memory (sm_90: thread block clusters, distributed shared
// memory). For older targets the functions do nothing, and the host launches no clusters.
#pragma once
#include "device.h"

namespace gatecell {
namespace cuda {

#if defined(GATECELL_EMULATOR)
inline void cluster_arrive() {}
inline void cluster_wait() { emulator::sync_cluster(); }
// Returns the address in the dynamic shared memory of block `rank` that corresponds to `mine` in that of this block.
inline char* at_peer(void* mine, unsigned rank) {
  return emulator::shared_memory_of(rank) + (static_cast<char*>(mine) - dynamic_shared());
}
inline void store_vector_to_peer(uint32_t* mine, unsigned rank, const uint32_t (&w)[4]) {
  memcpy(at_peer(mine, rank), w, 16);
}
inline void store_pair_to_peer(float* mine, unsigned rank, float a, float b) {
  float* there = reinterpret_cast<float*>(at_peer(mine, rank));
  there[0] = a, there[1] = b;
}
#else
// All threads of all blocks arrive, and then wait for all others. Writes before the arrival are visible after the wait, also to other blocks.
__device__ __forceinline__ void cluster_arrive() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}
__device__ __forceinline__ void cluster_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}
__device__ __forceinline__ uint32_t at_peer(void* mine, unsigned rank) {
  uint32_t there = 0;
#if __CUDA_ARCH__ >= 900
  const uint32_t here = static_cast<uint32_t>(__cvta_generic_to_shared(mine));
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(here), "r"(rank));
#endif
  return there;
}
// `mine` is aligned to 16 bytes.
__device__ __forceinline__ void store_vector_to_peer(uint32_t* mine, unsigned rank, const uint32_t (&w)[4]) {
#if __CUDA_ARCH__ >= 900
  asm volatile("st.shared::cluster.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(at_peer(mine, rank)), "r"(w[0]), "r"(w[1]),
               "r"(w[2]), "r"(w[3])
               : "memory");
#endif
}
// `mine` is aligned to 8 bytes.
__device__ __forceinline__ void store_pair_to_peer(float* mine, unsigned rank, float a, float b) {
#if __CUDA_ARCH__ >= 900
  asm volatile("st.shared::cluster.v2.f32 [%0], {%1, %2};" ::"r"(at_peer(mine, rank)), "f"(a), "f"(b) : "memory");
#endif
}
#endif
__device__ __forceinline__ void cluster_sync() {
  cluster_arrive();
  cluster_wait();
}
}  // namespace cuda
}  // namespace gatecell
