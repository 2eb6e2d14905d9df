// copy.h: copies into shared memory that run while a block computes, and loads of the copied data as fragments (PTX ISA: cp.async,
// cp.async.bulk with mbarrier, ldmatrix). The bulk copies are only in the code for sm_90a.
#pragma once
#include "device.h"
#if defined(GATECELL_EMULATOR)
#include "emulator/async.h"
#endif

// Set if the code is for sm_90a, which has bulk copies and products of warpgroups.
#if defined(GATECELL_EMULATOR) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define GATECELL_WARPGROUPS 1
#endif

namespace gatecell {
namespace cuda {

#if defined(GATECELL_EMULATOR)
inline uint32_t shared_address(const void* at) { return emulator::shared_address(at); }
inline void copy_async(void* to, const void* from) { emulator::copy_async(to, from); }
inline void copy_commit() { emulator::copy_commit(); }
template <int Most>
void copy_wait() {
  emulator::copy_wait(Most);
}
inline void load_matrices(uint32_t (&to)[4], const void* row) { emulator::load_matrices(to, row); }
inline void barrier_init(uint64_t* barrier) { emulator::barrier_init(barrier, 1); }
inline void barriers_ready() {}
inline void barrier_expect(uint64_t* barrier, uint32_t bytes) { emulator::barrier_expect(barrier, bytes); }
inline void barrier_wait(uint64_t* barrier, uint32_t parity) { emulator::barrier_wait(barrier, parity); }
inline void copy_bulk(void* to, const void* from, uint32_t bytes, uint64_t* barrier) {
  emulator::copy_bulk(to, from, bytes, barrier);
}
#else
__device__ __forceinline__ uint32_t shared_address(const void* at) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(at));
}
// Copies 16 bytes, bypassing the first-level cache. A thread's copies since its last commit are a group; copy_wait leaves Most under way.
__device__ __forceinline__ void copy_async(void* to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)),
               "l"(__cvta_generic_to_global(from))
               : "memory");
}
__device__ __forceinline__ void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int Most>
__device__ __forceinline__ void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Most) : "memory");
}
// Loads four matrices of 8 rows of 16 bytes: lane 8 i + r passes the address of row r of matrix i; to[i] is word lane % 4 of its row lane / 4.
__device__ __forceinline__ void load_matrices(uint32_t (&to)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(shared_address(row))
               : "memory");
}
#if defined(GATECELL_WARPGROUPS)
// An mbarrier with one arrival: each phase ends after the arrival and after the bytes that the arrival announces.
__device__ __forceinline__ void barrier_init(uint64_t* barrier) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared_address(barrier)) : "memory");
}
// Makes new barriers visible to the proxy of the copies. The thread that made them calls it before any copy.
__device__ __forceinline__ void barriers_ready() {
  asm volatile("fence.mbarrier_init.release.cluster;\n\tfence.proxy.async.shared::cta;" ::: "memory");
}
__device__ __forceinline__ void barrier_expect(uint64_t* barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes)
               : "memory");
}
__device__ __forceinline__ void barrier_wait(uint64_t* barrier, uint32_t parity) {
  uint32_t done = 0;
  while (!done)
    asm volatile(
        "{\n\t.reg .pred p;\n\tmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n\tselp.u32 %0, 1, 0, p;\n\t}"
        : "=r"(done)
        : "r"(shared_address(barrier)), "r"(parity)
        : "memory");
}
__device__ __forceinline__ void copy_bulk(void* to, const void* from, uint32_t bytes, uint64_t* barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   shared_address(to)),
               "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(shared_address(barrier))
               : "memory");
}
#endif
#endif
}  // namespace cuda
}  // namespace gatecell
