// The avx512bf16 table: products of bf16 pairs by vdpbf16ps. Everything else is the avx512 table's.
#include "../avx512/vec.h"
#include "../table.h"

#define GATECELL_TILE_VECTORS 4
#define GATECELL_NATIVE_BF16 1
namespace gc_avx512 {
namespace {
#include "../shared/gemm.inl"

#include "../shared/bf16.inl"
}  // namespace
}  // namespace gc_avx512

extern "C" const gc_bf16_kernels gc_bf16_avx512bf16 = {
    "avx512bf16",        gc_avx512::gemm_all<gc_avx512::PairMac>, gc_avx512::narrow_rows, gc_avx512::pair_rows,
    gc_avx512::add_bf16,
};
