// The neondot table: products of int8 by sdot. Everything else is the neon table's.
#include "../neon/vec.h"
#include "../table.h"

#define GATECELL_TILE_VECTORS 4
#define GATECELL_NATIVE_SDOT 1
namespace gc_neon {
namespace {
#include "../shared/gemm.inl"

#include "../shared/int8.inl"
}  // namespace
}  // namespace gc_neon

extern "C" const gc_int8_kernels gc_int8_neondot = {
    "neondot",
    gc_neon::gemm_all<gc_neon::ByteMac>,
    gc_neon::quantize_rows,
    gc_neon::quantize_within,
    gc_neon::dequantize_add,
};
