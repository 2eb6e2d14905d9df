// packed_product.cc: cache blocking. Blocking in k keeps a 64-column block of B (128 KB) in L2 while many rows are multiplied by it. Partial sums
// are stored in C and loaded again, so that the order of additions, and with it every bit, is that of one chain.
#include "packed_product.h"

#include <algorithm>
#include <cstring>

#include "machine.h"

namespace gatecell {
namespace {
constexpr int64_t kDepth = 512;      // k's of one block: 512 * 64 * 4 B = 128 KB of B
constexpr int64_t kHeight = 192;     // rows that are multiplied by it: 192 * 512 * 4 B = 384 KB of A
constexpr int64_t kLow = 32;         // with at most this many rows A needs little of L2, so that B may have more
constexpr int64_t kLowDepth = 1024;  // k's of one block then, and in the weight gradient, in which A is one tile

using Product = void (*)(const gc_gemm*);
Product product_of(Format format) {
  return format == Format::kInt8 ? int8_kernels().gemm : format == Format::kBf16 ? bf16_kernels().gemm : kernels().gemm;
}

gc_gemm block_of(const PackedProduct& m, int64_t width) {
  gc_gemm g = {};
  g.a_row = m.a_row;
  g.a_k = 1;
  g.a_segment = m.a_segment;
  g.b_k = width;
  g.b_tile = m.b->k * width;
  g.c_row = m.c_row;
  g.c_tile = width;
  return g;
}
}  // namespace

void multiply(const PackedProduct& m, Range rows, Range blocks) {
  const auto product = product_of(m.b->format);
  const int64_t width = kernels().tile_columns;
  gc_gemm g = block_of(m, width);
  // A single row reads the weights once, so there is no blocking; several contiguous blocks in one call keep more chains in flight.
  const bool stream = rows.end - rows.begin <= 2;
  const int64_t group = stream && (m.c_block == 64 || width == 64) ? blocks.end - blocks.begin : 1;
  if (width == 64) g.c_tile = m.c_block;
  const int64_t total = m.segments * m.segment_length;
  const int64_t limit = rows.end - rows.begin <= kLow ? kLowDepth : kDepth;
  const int64_t depth = stream || total <= limit * 2 ? total : limit;
  const int64_t whole = m.segments == 1 ? m.segment_length : std::max<int64_t>(1, depth / m.segment_length);
  for (int64_t row = rows.begin; row < rows.end; row += kHeight) {
    g.rows = std::min(kHeight, rows.end - row);
    for (int64_t k = 0; k < total;) {
      const float* a = m.a + row * m.a_row;
      if (m.segments == 1) {
        g.segments = 1;
        g.segment_length = std::min(depth, total - k);
        a += k;
      } else {
        const int64_t first = k / m.segment_length;
        g.segments = std::min(whole, m.segments - first);
        g.segment_length = m.segment_length;
        a += first * m.a_segment;
      }
      g.b_segment = g.segment_length * width;
      g.a = a;
      for (int64_t block = blocks.begin; block < blocks.end; block += group) {
        g.b = m.b->data() + block * m.b->k * 64 + k * width;
        g.c = m.c + row * m.c_row + block * m.c_block;
        g.c_next = g.c + (m.backwards ? -m.c_block : group * m.c_block);
        g.columns = std::min<int64_t>(group * 64, m.columns - block * 64);
        g.start = k == 0 && m.start ? m.start + block * 64 : nullptr;
        g.accumulate = k > 0 || m.accumulate;
        g.a_far = m.a_far;
        if (g.columns > 0) product(&g);
      }
      k += g.segments * g.segment_length;
    }
  }
}

void pack_rows(const float* a, int64_t ld, int64_t columns, Range k, int64_t total, int64_t offset, float* to) {
  for (int64_t k0 = k.begin; k0 < k.end; k0 += 64) {  // 64 rows stay in L2 while all tiles read them
    const int64_t k1 = std::min(k0 + 64, k.end);
    for (int64_t column = 0; column < columns; column += kRowTile) {
      const int64_t width = std::min(kRowTile, columns - column);
      float* at = to + column * total + (offset + k0) * kRowTile;
      for (int64_t i = k0; i < k1; ++i, at += kRowTile) {
        if (width == kRowTile) memcpy(at, a + i * ld + column, kRowTile * 4);
        else memcpy(at, a + i * ld + column, static_cast<size_t>(width) * 4);
      }
    }
  }
}

void clear_packed_rows(int64_t columns, Range k, int64_t total, float* to) {
  for (int64_t column = 0; column < columns && k.begin < k.end; column += kRowTile)
    memset(to + column * total + k.begin * kRowTile, 0, static_cast<size_t>((k.end - k.begin) * kRowTile) * 4);
}

void weight_gradient_block(const float* packed_a, int64_t a_columns, int64_t k, const float* b, int64_t b_k,
                           int64_t width, float* c, Format format, bool accumulate) {
  const gc_kernels& table = kernels();
  const auto product = product_of(format);
  gc_gemm g = {};
  g.a_row = 1;
  g.a_k = kRowTile;
  g.b_k = b_k;
  g.b_tile = table.tile_columns;
  g.c_row = 64;
  g.c_tile = table.tile_columns;
  g.columns = width;
  g.segments = 1;
  for (int64_t k0 = 0; k0 < k; k0 += kLowDepth) {
    g.segment_length = std::min(kLowDepth, k - k0);
    g.b = b + k0 * b_k;
    g.accumulate = accumulate || k0 > 0;
    for (int64_t column = 0; column < a_columns; column += kRowTile) {
      g.rows = std::min(kRowTile, a_columns - column);
      g.a = packed_a + column * k + k0 * kRowTile;
      g.c = c + column * 64;
      product(&g);
    }
  }
}

void pack_row_pairs(const uint16_t* a, int64_t ld, int64_t columns, Range pairs, int64_t k, uint32_t* to) {
  const int64_t total = (k + 1) / 2;
  for (int64_t k0 = pairs.begin; k0 < pairs.end; k0 += 32) {
    const int64_t k1 = std::min(k0 + 32, pairs.end);
    for (int64_t column = 0; column < columns; column += kRowTile) {
      const int64_t width = std::min(kRowTile, columns - column);
      uint32_t* at = to + column * total + k0 * kRowTile;
      for (int64_t i = k0; i < k1; ++i, at += kRowTile)
        for (int64_t c = 0; c < width; ++c)
          at[c] = a[2 * i * ld + column + c] |
                  (2 * i + 1 < k ? static_cast<uint32_t>(a[(2 * i + 1) * ld + column + c]) << 16 : 0u);
    }
  }
}
}  // namespace gatecell
