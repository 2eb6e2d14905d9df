// The neonbf16 table: products of bf16 pairs by bfdot. Everything else is the neon table's.
#include "../neon/vec.h"
#include "../table.h"

#define GATECELL_TILE_VECTORS 4
#define GATECELL_NATIVE_BF16 1
namespace gc_neon {
namespace {
#include "../shared/gemm.inl"

#include "../shared/bf16.inl"
}  // namespace
}  // namespace gc_neon

extern "C" const gc_bf16_kernels gc_bf16_neonbf16 = {
    "neonbf16", gc_neon::gemm_all<gc_neon::PairMac>, gc_neon::narrow_rows, gc_neon::pair_rows, gc_neon::add_bf16,
};
