// The avx512vnni table: products of int8 by vpdpbusd. Everything else is the avx512 table's.
#include "../avx512/vec.h"
#include "../table.h"

#define GATECELL_TILE_VECTORS 4
#define GATECELL_NATIVE_VNNI 1
namespace gc_avx512 {
namespace {
#include "../shared/gemm.inl"

#include "../shared/int8.inl"
}  // namespace
}  // namespace gc_avx512

extern "C" const gc_int8_kernels gc_int8_avx512vnni = {
    "avx512vnni",
    gc_avx512::gemm_all<gc_avx512::ByteMac>,
    gc_avx512::quantize_rows,
    gc_avx512::quantize_within,
    gc_avx512::dequantize_add,
};
