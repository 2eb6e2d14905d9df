// packed.h: operands of large products in the layout that the tensor cores read. A block is 128 rows of 128 bytes of k (64 bf16 or 32
// tf32), the image of a stage in shared memory: the 16-byte piece c of row r is at position c ^ r % 8, so that the rows of one column of
// pieces are in different banks (the 128-byte swizzle of PTX's matrix descriptors). Blocks of the same rows follow one another along k.
// Rows outside the matrix may contain any values: they affect only results that are not stored. Beyond k there are zeros.
#pragma once
#include "../runtime.h"
#include "mma.h"
#include "tile.h"

namespace gatecell {
namespace cuda {

constexpr int kBlockRows = 128, kBlockWords = 32, kBlockBytes = kBlockRows * kBlockWords * 4;
constexpr int kPackRows = 64;  // of one thread block

// Returns the position of a word in its block.
__host__ __device__ __forceinline__ int packed_word(int row, int word) {
  return row * kBlockWords + ((word / 4 ^ row % 8) * 4 + word % 4);
}
inline int64_t packed_blocks(int64_t k, int per_word) {
  return (k + kBlockWords * per_word - 1) / (kBlockWords * per_word);
}
inline int64_t packed_bytes(int64_t rows, int64_t k, int per_word) {
  return (rows + kBlockRows - 1) / kBlockRows * packed_blocks(k, per_word) * kBlockBytes;
}

// element(row, k) of an operand of operands.h: A itself has this form, B is read by its columns.
template <class B>
struct ByColumn {
  static constexpr bool kAlongK = B::kAlongK;
  B b;
  __device__ float operator()(int64_t n, int64_t k) const { return b(k, n); }
};

struct PackSize {
  int64_t rows, k, blocks;  // blocks along k
  const int32_t *rows_now, *k_now;
};

// Packs 64 rows of one block. Threads read along the dimension that is contiguous in memory, and each writes 16-byte pieces.
template <class Words, class Element>
__global__ void __launch_bounds__(kTileThreads) pack_kernel(Element element, PackSize size, uint32_t* to) {
  constexpr int depth = kBlockWords * Words::kPerWord, stride = depth + 1;
  __shared__ float tile[kPackRows * stride];
  const int64_t rows = size.rows_now ? *size.rows_now : size.rows, k_end = size.k_now ? *size.k_now : size.k;
  const int64_t row0 = int64_t{blockIdx.y} * kPackRows, k0 = int64_t{blockIdx.x} * depth;
  if (row0 >= rows || k0 >= k_end) return;
  for (int e = static_cast<int>(threadIdx.x); e < kPackRows * depth; e += kTileThreads) {
    const int k = Element::kAlongK ? e % depth : e / kPackRows, row = Element::kAlongK ? e / depth : e % kPackRows;
    tile[row * stride + k] = row0 + row < rows && k0 + k < k_end ? element(row0 + row, k0 + k) : 0.0f;
  }
  __syncthreads();
  uint32_t* block = to + (row0 / kBlockRows * size.blocks + blockIdx.x) * (kBlockBytes / 4);
  for (int e = static_cast<int>(threadIdx.x); e < kPackRows * 8; e += kTileThreads) {
    const int row = e / 8, piece = e % 8;
    const float* from = tile + row * stride + piece * 4 * Words::kPerWord;
    uint32_t words[4];
    for (int i = 0; i < 4; ++i)
      words[i] = Words::word(from[i * Words::kPerWord], Words::kPerWord == 2 ? from[2 * i + 1] : 0.0f);
    const uint4 whole = {words[0], words[1], words[2], words[3]};
    *reinterpret_cast<uint4*>(block + packed_word(static_cast<int>(row0 % kBlockRows) + row, piece * 4)) = whole;
  }
}

template <class Words, class Element>
void pack(Queue& queue, const Element& element, const PackSize& size, uint32_t* to) {
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>(size.blocks), static_cast<unsigned>((size.rows + kPackRows - 1) / kPackRows));
  shape.block = dim3(kTileThreads);
  launch(queue, shape, pack_kernel<Words, Element>, element, size, to);
}
}  // namespace cuda
}  // namespace gatecell
