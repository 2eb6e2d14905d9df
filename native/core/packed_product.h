// packed_product.h: cache blocking around the GEMM of the kernel table, for the products that every op needs: rows times packed weights (forward
// pass and input gradient), and the weight gradient.
#pragma once
#include "store.h"
#include "threads.h"

namespace gatecell {

// C[rows, 64 * blocks] (+)= A * packed. A(m, s, k) as in gc_gemm with a_k = 1.
struct PackedProduct {
  const float* a = nullptr;
  int64_t a_row = 0, segments = 1, segment_length = 0, a_segment = 0;
  const Packed* b = nullptr;
  float* c = nullptr;
  int64_t c_row = 0;
  int64_t c_block = 64;  // from one block of 64 columns to the next
  int64_t columns = 0;
  const float* start = nullptr;  // one row of `columns` floats: where each chain begins (the bias)
  bool accumulate = false;       // adds to C; otherwise C is overwritten, beginning from `start`
  bool backwards = false;        // the caller computes blocks in decreasing order, so the one before is fetched next
  bool a_far = false;            // A is not in a cache: see gc_gemm::a_far
};
// Computes rows [rows.begin, rows.end) of blocks [blocks.begin, blocks.end) of the product, on the calling thread.
void multiply(const PackedProduct& m, Range rows, Range blocks);

// A^T is packed in tiles of six columns of A, [tile][k][6]: the weight gradient broadcasts these values.
constexpr int64_t kRowTile = 6;
inline int64_t packed_rows_floats(int64_t k, int64_t columns) {
  return (columns + kRowTile - 1) / kRowTile * kRowTile * k;
}
// Packs rows [k.begin, k.end) of a[k][columns] (row stride ld) into `to` laid out for `total` rows.
void pack_rows(const float* a, int64_t ld, int64_t columns, Range k, int64_t total, int64_t offset, float* to);

// Sets rows [k.begin, k.end) of `to` to zero, in the layout of pack_rows.
void clear_packed_rows(int64_t columns, Range k, int64_t total, float* to);

// Packs k bf16 rows as pack_rows does, with two rows in a word: words `pairs` of ceil(k / 2).
void pack_row_pairs(const uint16_t* a, int64_t ld, int64_t columns, Range pairs, int64_t k, uint32_t* to);

// Computes C[columns of A][width <= 64] = A^T B, or C += with `accumulate`, with B[k][width], row stride b_k. C has row stride 64; k counts words.
void weight_gradient_block(const float* packed_a, int64_t a_columns, int64_t k, const float* b, int64_t b_k,
                           int64_t width, float* c, Format format = Format::kF32, bool accumulate = false);
}  // namespace gatecell
