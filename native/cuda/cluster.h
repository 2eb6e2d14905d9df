// cluster.h: blocks that run together and write into each other's shared memory (sm_90: thread block clusters, distributed
// shared memory). For older targets the functions do nothing; the host launches no cluster there.
#pragma once
#include "device.h"

namespace gatecell {
namespace cuda {

#if defined(GATECELL_EMULATOR)
inline void cluster_sync() { emulator::sync_cluster(); }
// What `mine`, an address in this block's dynamic shared memory, is in that of block `rank`.
inline void store_to_peer(uint32_t* mine, unsigned rank, uint32_t value) {
  char* there = emulator::shared_memory_of(rank) + (reinterpret_cast<char*>(mine) - dynamic_shared());
  *reinterpret_cast<uint32_t*>(there) = value;
}
#else
// All threads of all blocks; what was written before is seen after, also by peers.
__device__ __forceinline__ void cluster_sync() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}
__device__ __forceinline__ void store_to_peer(uint32_t* mine, unsigned rank, uint32_t value) {
#if __CUDA_ARCH__ >= 900
  const uint32_t here = static_cast<uint32_t>(__cvta_generic_to_shared(mine));
  uint32_t there;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(here), "r"(rank));
  asm volatile("st.shared::cluster.u32 [%0], %1;" ::"r"(there), "r"(value) : "memory");
#endif
}
#endif
}  // namespace cuda
}  // namespace gatecell
