// The matrix kernel alone: C[rows, columns] = A[rows, inner] B with B packed in tiles, in f32, bf16 pairs and int8 words.
// One row is a batch-1 step, 6 rows one tile, 32 a recurrent step, 192 a block of the input projection.
#include "tables.h"

namespace bench {
namespace {

struct Shape {
  int64_t rows, columns, inner;
};

using Product = void (*)(const gc_gemm*);

// `inner` counts words: one f32, two bf16 or four bytes each, `operands` of them.
void run(benchmark::State& state, Product product, int64_t width, const Shape& shape, int operands) {
  const int64_t inner = shape.inner / operands, tiles = (shape.columns + width - 1) / width;
  const auto a = floats(shape.rows * inner), b = floats(tiles * width * inner), c = floats(shape.rows * tiles * width);
  gc_gemm g = {};
  g.a = a.get();
  g.a_row = inner;
  g.a_k = 1;
  g.b = b.get();
  g.b_k = width;
  g.b_tile = width * inner;
  g.c = c.get();
  g.c_row = tiles * width;
  g.c_tile = width;
  g.rows = shape.rows;
  g.columns = shape.columns;
  g.segments = 1;
  g.segment_length = inner;
  for (auto _ : state) {
    product(&g);
    benchmark::ClobberMemory();
  }
  count_flops(state, 2.0 * static_cast<double>(shape.rows * shape.columns * shape.inner));
  state.SetBytesProcessed(state.iterations() * tiles * width * inner * 4);
}

void add_shapes(const char* kernel, const char* isa, Product product, int64_t width, int operands) {
  for (const Shape& shape : {Shape{1, 1024, 256}, Shape{2, 1024, 256}, Shape{6, 64, 256}, Shape{6, 64, 512},
                             Shape{32, 1024, 256}, Shape{192, 64, 512}}) {
    const std::string sizes =
        std::to_string(shape.rows) + "x" + std::to_string(shape.inner) + "x" + std::to_string(shape.columns);
    add(kernel, isa, sizes, [=](benchmark::State& state) { run(state, product, width, shape, operands); });
  }
}
}  // namespace

void register_gemm() {
  const auto all = tables();
  for (const gc_kernels* table : all) add_shapes("gemm", table->name, table->gemm, table->tile_columns, 1);
  const auto width = [&](size_t isa) { return all[isa]->tile_columns; };
  add_shapes("gemm_bf16", "scalar", gc_bf16_scalar.gemm, width(0), 2);
  add_shapes("gemm_int8", "scalar", gc_int8_scalar.gemm, width(0), 4);
#if defined(GATECELL_X86)
  if (all.size() > 1) add_shapes("gemm_bf16", "avx2", gc_bf16_avx2.gemm, width(1), 2);
  if (all.size() > 1) add_shapes("gemm_int8", "avx2", gc_int8_avx2.gemm, width(1), 4);
  if (all.size() > 2) add_shapes("gemm_bf16", "avx512", gc_bf16_avx512.gemm, width(2), 2);
  if (all.size() > 2) add_shapes("gemm_int8", "avx512", gc_int8_avx512.gemm, width(2), 4);
  if (all.size() > 2 && has("avx512_bf16")) add_shapes("gemm_bf16", "avx512bf16", gc_bf16_avx512bf16.gemm, width(2), 2);
  if (all.size() > 2 && has("avx512_vnni")) add_shapes("gemm_int8", "avx512vnni", gc_int8_avx512vnni.gemm, width(2), 4);
#elif defined(GATECELL_ARM64)
  add_shapes("gemm_bf16", "neon", gc_bf16_neon.gemm, width(1), 2);
  add_shapes("gemm_int8", "neon", gc_int8_neon.gemm, width(1), 4);
  if (has("bf16")) add_shapes("gemm_bf16", "neonbf16", gc_bf16_neonbf16.gemm, width(1), 2);
  if (has("dotprod")) add_shapes("gemm_int8", "neondot", gc_int8_neondot.gemm, width(1), 4);
  if (has("i8mm")) add_shapes("gemm_int8", "neoni8mm", gc_int8_neoni8mm.gemm, width(1), 4);
#endif
}
}  // namespace bench
