// matmul.h: cache blocking around the table's GEMM, for the three products every op needs:
// rows times packed weights (forward and input gradient) and the weight gradient.
#pragma once
#include "store.h"
#include "threads.h"

namespace gatecell {

// C[rows, 64 * blocks] (+)= A * packed. A(m, s, k) as in gc_gemm with a_k = 1.
struct MatMul {
  const float* a = nullptr;
  int64_t a_row = 0, segments = 1, segment_length = 0, a_segment = 0;
  const Packed* b = nullptr;
  float* c = nullptr;
  int64_t c_row = 0;
  int64_t c_block = 64;  // from one block of 64 columns to the next
  int64_t columns = 0;
  const float* start = nullptr;  // one row of `columns` floats: where each chain begins (the bias)
  bool accumulate = false;       // else: begin from C
  bool down = false;             // the caller goes on with the block before, not the one after
  bool far = false;              // A is not in a cache: see gc_gemm::a_far
};
// The rows [rows.begin, rows.end) and blocks [blocks.begin, blocks.end) of the product, on the calling thread.
void multiply(const MatMul& m, Range rows, Range blocks);

// A^T packed in tiles of six columns, [tile][k][6]: what the weight gradient broadcasts. Row k of A is row(k).
constexpr int64_t kRowTile = 6;
inline int64_t packed_rows_floats(int64_t k, int64_t columns) {
  return (columns + kRowTile - 1) / kRowTile * kRowTile * k;
}
// Packs rows [k.begin, k.end) of a[k][columns] (row stride ld) into `to` laid out for `total` rows.
void pack_rows(const float* a, int64_t ld, int64_t columns, Range k, int64_t total, int64_t offset, float* to);

// Sets rows [k.begin, k.end) of `to` to zero, in the layout of pack_rows.
void clear_packed_rows(int64_t columns, Range k, int64_t total, float* to);

// pack_rows of k bf16 rows, two rows to a word: words `pairs` of ceil(k / 2).
void pack_row_pairs(const uint16_t* a, int64_t ld, int64_t columns, Range pairs, int64_t k, uint32_t* to);

// C[columns of A][width <= 64] = A^T B with B[k][width], row stride b_k; C has row stride 64; k counts words.
void weight_gradient_block(const float* packed_a, int64_t a_columns, int64_t k, const float* b, int64_t b_k,
                           int64_t width, float* c, Format format = Format::kF32);
}  // namespace gatecell
