// product.h: products of two matrices of which neither is a parameter. Blocks of both are packed for the table's GEMM while they are
// multiplied, into memory of the calling thread.
#pragma once
#include "threads.h"

namespace gatecell {

// A matrix in memory, `ld` floats from row to row. Transposed: element (i, j) of the operand is element (j, i) in memory.
struct Operand {
  const float* data = nullptr;
  int64_t ld = 0;
  bool transposed = false;
};

// C[rows, columns] = A[rows, inner] B[inner, columns], or C += with `accumulate`. Each element is one chain of fused
// multiply-adds over `inner` in increasing order, which begins at 0 or, with `accumulate`, at the element.
struct Product {
  Operand a, b;
  float* c = nullptr;
  int64_t c_row = 0;
  int64_t rows = 0, columns = 0, inner = 0;
  bool accumulate = false;
};

// Rows of one call of multiply_part: its packed part of A fits in the second level of cache.
constexpr int64_t kProductRows = 192;

// Floats of memory that a thread needs for multiply_part.
int64_t product_scratch(int64_t inner, bool a_transposed);

// Computes the rows [rows.begin, rows.end), at most kProductRows, and the blocks [blocks.begin, blocks.end) of 64 columns of C on the
// calling thread.
void multiply_part(const Product& p, Range rows, Range blocks, float* scratch);
}  // namespace gatecell
