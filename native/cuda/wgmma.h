// wgmma.h: products of a warpgroup (four warps) with operands in shared memory (PTX ISA, wgmma.mma_async): 64 x Columns elements, added to
// Columns / 2 registers of each thread, over 32 bytes of k: 16 bf16 or 8 tf32. Both operands are K-major, in blocks of 8 rows of 128 bytes;
// a block is aligned to 1024 bytes, and the 16-byte piece c of row r is at position c ^ r % 8 (128-byte swizzle).
//
// With group = lane / 4 and member = lane % 4 of warp w, d[4 j], d[4 j + 1] are row 16 w + group and columns 8 j + 2 member and one
// more; d[4 j + 2], d[4 j + 3] are the same of row 16 w + group + 8.
#pragma once
#include "copy.h"
#include "kernels/mma.h"

namespace gatecell {
namespace cuda {

// Returns the descriptor of rows in shared memory: their address, the distance of eight rows (both without their last 4 bits), the swizzle.
__device__ __forceinline__ uint64_t wgmma_rows(uint32_t address) {
  return uint64_t{(address & 0x3ffff) >> 4} | uint64_t{1} << 16 | uint64_t{1024 >> 4} << 32 | uint64_t{1} << 62;
}
// Returns what to add to a descriptor for the next `bytes` of k.
__host__ __device__ constexpr uint64_t wgmma_along(int bytes) { return static_cast<uint64_t>(bytes) >> 4; }

template <class Words, int Columns>
struct Wgmma;

#if defined(GATECELL_EMULATOR)
template <class Words, int Columns>
struct Wgmma {
  static void add(float (&d)[Columns / 2], uint64_t a, uint64_t b) {
    emulator::wgmma(d, Columns, a, b, Words::kPerWord == 2 ? emulator::Wide::kBf16 : emulator::Wide::kTf32);
  }
};
inline void wgmma_fence() { emulator::wgmma_fence(); }
inline void wgmma_commit() { emulator::wgmma_commit(); }
template <int Most, int Count>
void wgmma_wait(float (&)[Count]) {
  emulator::wgmma_wait(Most);
}
#elif defined(GATECELL_WARPGROUPS)
// Orders this thread's writes to registers before the products that use them.
__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Waits until at most the given number of groups of products is under way. The compiler cannot read d earlier.
template <int Most, int Count>
__device__ __forceinline__ void wgmma_wait(float (&d)[Count]) {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Most) : "memory");
  if constexpr (Most == 0)
    for (int i = 0; i < Count; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

#define GC_D8(i)                                                                                              \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
      "+f"(d[i + 7])
#define GC_D64(i) \
  GC_D8(i), GC_D8(i + 8), GC_D8(i + 16), GC_D8(i + 24), GC_D8(i + 32), GC_D8(i + 40), GC_D8(i + 48), GC_D8(i + 56)
#define GC_R64                                                                       \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"             \
  ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31" \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47" \
  ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define GC_R128                                                                                  \
  GC_R64                                                                                         \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"             \
  ", %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"             \
  ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111" \
  ", %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

template <>
struct Wgmma<Bf16Words, 128> {
  static __device__ __forceinline__ void add(float (&d)[64], uint64_t a, uint64_t b) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" GC_R64 "}, %64, %65, 1, 1, 1, 0, 0;"
                 : GC_D64(0)
                 : "l"(a), "l"(b));
  }
};
template <>
struct Wgmma<Tf32Words, 128> {
  static __device__ __forceinline__ void add(float (&d)[64], uint64_t a, uint64_t b) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 {" GC_R64 "}, %64, %65, 1, 1, 1;"
                 : GC_D64(0)
                 : "l"(a), "l"(b));
  }
};
template <>
struct Wgmma<Bf16Words, 256> {
  static __device__ __forceinline__ void add(float (&d)[128], uint64_t a, uint64_t b) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {" GC_R128 "}, %128, %129, 1, 1, 1, 0, 0;"
                 : GC_D64(0), GC_D64(64)
                 : "l"(a), "l"(b));
  }
};
template <>
struct Wgmma<Tf32Words, 256> {
  static __device__ __forceinline__ void add(float (&d)[128], uint64_t a, uint64_t b) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n256k8.f32.tf32.tf32 {" GC_R128 "}, %128, %129, 1, 1, 1;"
                 : GC_D64(0), GC_D64(64)
                 : "l"(a), "l"(b));
  }
};
#undef GC_D8
#undef GC_D64
#undef GC_R64
#undef GC_R128
#endif
}  // namespace cuda
}  // namespace gatecell
