// async.h: the asynchronous instructions of sm_80 and sm_90 as the PTX ISA defines them, each with its effect as late as the ISA allows: a copy
// arrives when it is waited for, and a product of a warpgroup reads its operands when it is waited for. So a missing wait, or memory that is
// reused too early, gives a wrong result. With GATECELL_EMULATOR_ORDER=reverse copies arrive at once, which is as early as the ISA allows, so
// that a copy which overwrites data too early gives a wrong result. Addresses of shared memory are those of the launch's dynamic shared memory.
#pragma once
#include <cstdint>

namespace gatecell {
namespace emulator {
// Returns the address in the 32-bit window of shared memory. The window is deliberately aligned to 16 bytes only.
uint32_t shared_address(const void* at);

// cp.async of 16 bytes, and its groups.
void copy_async(void* to, const void* from);
void copy_commit();
void copy_wait(int most);  // until at most that many groups are under way

// mbarrier (8 bytes of shared memory) and cp.async.bulk, which counts bytes on it.
void barrier_init(uint64_t* barrier, uint32_t arrivals);
void barrier_expect(uint64_t* barrier, uint32_t bytes);  // one arrival, and the bytes to wait for
void barrier_wait(uint64_t* barrier, uint32_t parity);   // until the phase of this parity is complete
void copy_bulk(void* to, const void* from, uint32_t bytes, uint64_t* barrier);

// ldmatrix.x4: lane 8 i + r passes the address of row r of matrix i (8 x 16 bytes), and gets word lane % 4 of row lane / 4 of each matrix.
void load_matrices(uint32_t (&to)[4], const void* row);

// wgmma.mma_async of 64 x columns x 32 bytes of k, both operands K-major in shared memory by descriptor; d has columns / 2 elements.
enum class Wide { kBf16, kTf32 };
void wgmma(float* d, int columns, uint64_t a, uint64_t b, Wide element);
void wgmma_fence();
void wgmma_commit();
void wgmma_wait(int most);
// Returns the 32-bit word number `word` (of 8) of a row of a warpgroup's operand. For wgmma, and for its test.
uint32_t descriptor_word(uint64_t descriptor, int row, int word);

void end_thread();  // checks that nothing is under way
void end_launch();
}  // namespace emulator
}  // namespace gatecell
