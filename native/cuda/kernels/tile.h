// tile.h: one tile of a product, Rows x 64, by a block of 256 threads. Thread (ty, tx) of 16 x 16 owns rows ty + 16 i and
// columns tx + 16 g: in the gate buffer's order those are the gates i, f, g, o of one unit, so a cell is an epilogue in registers.
//
// Exact: each element is one chain of fused multiply-adds over k in increasing order from its start value, the processor's bits.
#pragma once
#include "../math.h"
#include "operands.h"

namespace gatecell {
namespace cuda {

constexpr int kTileColumns = 64, kTileThreads = 256;

// The sizes of a product. If m_now or k_now is given, it is the size in this run, and the block of a tile without rows returns at once.
struct Extent {
  int64_t m, n, k;
  const int32_t *m_now = nullptr, *k_now = nullptr;
  int64_t whole = 0;  // rows of the product of which this is a part, whose sums are those of the whole
  int64_t tiled_rows() const { return whole > 0 ? whole : m; }  // the rows by which the shape of tiles is chosen
};

// Adds the sums of A(m, k) B(k, n) over k to acc[i][g], for the tile that begins at (m0, n0). `shared` has Exact::shared_bytes<Rows>() bytes.
struct Exact {
  static constexpr int kDepth = 16;
  template <int Rows>
  static constexpr size_t shared_bytes() {
    return static_cast<size_t>(kDepth) * (Rows + 1 + kTileColumns + 1) * 4;
  }

  template <int Rows, class A, class B>
  static __device__ void multiply(const A& a, const B& b, int64_t m0, int64_t n0, const Extent& size,
                                  float (&acc)[Rows / 16][4], char* shared) {
    float* as = reinterpret_cast<float*>(shared);  // [k][Rows + 1]
    float* bs = as + kDepth * (Rows + 1);          // [k][64 + 1]
    const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
    for (int64_t k0 = 0; k0 < size.k; k0 += kDepth) {
      const int depth = size.k - k0 < kDepth ? static_cast<int>(size.k - k0) : kDepth;
      for (int e = static_cast<int>(threadIdx.x); e < Rows * kDepth; e += kTileThreads) {
        const int k = A::kAlongK ? e % kDepth : e / Rows, m = A::kAlongK ? e / kDepth : e % Rows;
        as[k * (Rows + 1) + m] = m0 + m < size.m && k < depth ? a(m0 + m, k0 + k) : 0.0f;
      }
      for (int e = static_cast<int>(threadIdx.x); e < kTileColumns * kDepth; e += kTileThreads) {
        const int k = B::kAlongK ? e % kDepth : e / kTileColumns, n = B::kAlongK ? e / kDepth : e % kTileColumns;
        bs[k * (kTileColumns + 1) + n] = n0 + n < size.n && k < depth ? b(k0 + k, n0 + n) : 0.0f;
      }
      __syncthreads();
      for (int k = 0; k < depth; ++k) {
        float column[4];
        for (int g = 0; g < 4; ++g) column[g] = bs[k * (kTileColumns + 1) + tx + 16 * g];
        for (int i = 0; i < Rows / 16; ++i) {
          const float row = as[k * (Rows + 1) + ty + 16 * i];
          for (int g = 0; g < 4; ++g) acc[i][g] = fmaf(row, column[g], acc[i][g]);
        }
      }
      __syncthreads();
    }
  }
};
}  // namespace cuda
}  // namespace gatecell
