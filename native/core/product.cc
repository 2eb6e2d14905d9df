// product.cc: packs operands of a product in blocks and multiplies them with the table's GEMM.
#include "product.h"

#include <algorithm>
#include <cstring>

#include "machine.h"
#include "packed_product.h"
#include "transpose.h"

namespace gatecell {
namespace {
constexpr int64_t kDepth = 512;  // steps of `inner` that are packed at once: 128 KB of B, and at most 384 KB of A

// Packs B(k, n) = b[k][n] for `depth` steps from k on: [tile][step][tile columns], zeros after the last column.
void pack_rows_of_b(const Operand& b, int64_t k, int64_t depth, int64_t column, int64_t columns, float* to) {
  const int64_t width = kernels().tile_columns;
  for (int64_t tile = 0; tile < columns; tile += width) {
    const int64_t count = std::min(width, columns - tile);
    const float* from = b.data + k * b.ld + column + tile;
    float* at = to + tile * depth;
    for (int64_t i = 0; i < depth; ++i, from += b.ld, at += width) {
      memcpy(at, from, static_cast<size_t>(count) * 4);
      if (count < width) memset(at + count, 0, static_cast<size_t>(width - count) * 4);
    }
  }
}

// The same for B(k, n) = b[n][k].
void pack_columns_of_b(const Operand& b, int64_t k, int64_t depth, int64_t column, int64_t columns, float* to) {
  const int64_t width = kernels().tile_columns, padded = (columns + width - 1) / width * width;
  const float* from = b.data + column * b.ld + k;
  for (int64_t n = 0; n < padded; n += 4) {
    float* at = to + n / width * width * depth + n % width;
    int64_t i = 0;
    if (n + 4 <= columns) {
      const float* const rows[] = {from + n * b.ld, from + (n + 1) * b.ld, from + (n + 2) * b.ld,
                                   from + (n + 3) * b.ld};
      for (; i + 4 <= depth; i += 4) {
        const float* const square[] = {rows[0] + i, rows[1] + i, rows[2] + i, rows[3] + i};
        float* const transposed[] = {at + i * width, at + (i + 1) * width, at + (i + 2) * width, at + (i + 3) * width};
        transpose_square(square, transposed, false);
      }
    }
    for (; i < depth; ++i)
      for (int64_t j = 0; j < 4; ++j) at[i * width + j] = n + j < columns ? from[(n + j) * b.ld + i] : 0.0f;
  }
}

// The product of `rows` rows of A, packed or in memory, with one packed block of B.
void multiply_block(const Product& p, Range rows, int64_t k, int64_t depth, int64_t block, const float* packed_a,
                    const float* packed_b) {
  gc_gemm g = {};
  const int64_t width = kernels().tile_columns, count = rows.end - rows.begin;
  g.b = packed_b;
  g.b_k = width;
  g.b_tile = width * depth;
  g.c = p.c + rows.begin * p.c_row + block * 64;
  g.c_row = p.c_row;
  g.c_tile = width;
  g.columns = std::min<int64_t>(64, p.columns - block * 64);
  g.segments = 1;
  g.segment_length = depth;
  g.accumulate = k > 0 || p.accumulate;
  if (!p.a.transposed) {
    g.a = p.a.data + rows.begin * p.a.ld + k;
    g.a_row = p.a.ld;
    g.a_k = 1;
    g.rows = count;
    return kernels().gemm(&g);
  }
  g.a_row = 1;
  g.a_k = kRowTile;
  for (int64_t row = 0; row < count; row += kRowTile, g.c += kRowTile * p.c_row) {
    g.a = packed_a + row * depth;
    g.rows = std::min(kRowTile, count - row);
    kernels().gemm(&g);
  }
}
}  // namespace

int64_t product_scratch(int64_t inner, bool a_transposed) {
  return std::min(inner, kDepth) * (64 + (a_transposed ? kProductRows : 0));
}

void multiply_part(const Product& p, Range rows, Range blocks, float* scratch) {
  float* const packed_a = scratch + std::min(p.inner, kDepth) * 64;
  for (int64_t k = 0; k < p.inner; k += kDepth) {
    const int64_t depth = std::min(kDepth, p.inner - k);
    if (p.a.transposed)
      pack_rows(p.a.data + k * p.a.ld + rows.begin, p.a.ld, rows.end - rows.begin, {0, depth}, depth, 0, packed_a);
    for (int64_t block = blocks.begin; block < blocks.end; ++block) {
      const int64_t columns = std::min<int64_t>(64, p.columns - block * 64);
      const auto pack = p.b.transposed ? pack_columns_of_b : pack_rows_of_b;
      pack(p.b, k, depth, block * 64, columns, scratch);
      multiply_block(p, rows, k, depth, block, packed_a, scratch);
    }
  }
}
}  // namespace gatecell
