// tile_mma.h: the tile of tile.h on the tensor cores. The eight warps of a block are row groups of 16 times slices of k, so that with few rows
// more warps divide a long k. Slices are summed through shared memory in a fixed order, so two runs give the same bits.
#pragma once
#include "mma.h"
#include "tile.h"

namespace gatecell {
namespace cuda {

template <class Words>
struct TensorCore {
  static constexpr int kWarps = kTileThreads / kWarp;
  template <int Rows>
  static constexpr int kSlices = kWarps / (Rows / 16);
  template <int Rows>
  static constexpr int kDepth = 8 * kSlices<Rows>;  // words of one round
  // Distance of rows in words: 4 mod 8, so that the reads of a fragment use different banks.
  template <int Rows>
  static constexpr int kStride = kDepth<Rows> + 4;
  template <int Rows>
  static constexpr size_t shared_bytes() {
    const size_t operands = static_cast<size_t>(Rows + kTileColumns) * kStride<Rows> * 4;
    const size_t sums = static_cast<size_t>(kSlices<Rows>) * Rows * kTileColumns * 4;
    return operands > sums ? operands : sums;
  }

  // Fills [rows][stride] words; element(row, k) is zero outside the matrix.
  template <int Rows, int TileRows, bool AlongK, class Element>
  static __device__ __forceinline__ void load(uint32_t* to, Element element) {
    constexpr int depth = kDepth<Rows>;
    for (int e = static_cast<int>(threadIdx.x); e < TileRows * depth; e += kTileThreads) {
      const int word = AlongK ? e % depth : e / TileRows, row = AlongK ? e / depth : e % TileRows;
      const int k = word * Words::kPerWord;
      to[row * kStride<Rows> + word] = Words::word(element(row, k), Words::kPerWord == 2 ? element(row, k + 1) : 0.0f);
    }
  }

  template <int Rows, class B>
  static __device__ __forceinline__ void load_packed(uint32_t* to, const B& b, int64_t n0, int64_t k0,
                                                     const Extent& size) {
    constexpr int depth = kDepth<Rows>;
    const int64_t first = k0 / Words::kPerWord;
    for (int e = static_cast<int>(threadIdx.x); e < kTileColumns * depth; e += kTileThreads) {
      const int word = B::kAlongK ? e % depth : e / kTileColumns, n = B::kAlongK ? e / depth : e % kTileColumns;
      const bool inside = n0 + n < size.n && (first + word) * Words::kPerWord < size.k;
      to[n * kStride<Rows> + word] = inside ? b.word(n0 + n, first + word) : 0;
    }
  }

  template <int Rows, class A, class B>
  static __device__ void multiply(const A& a, const B& b, int64_t m0, int64_t n0, const Extent& size,
                                  float (&acc)[Rows / 16][4], char* shared) {
    uint32_t* as = reinterpret_cast<uint32_t*>(shared);
    uint32_t* bs = as + Rows * kStride<Rows>;
    const int warp = static_cast<int>(threadIdx.x) / kWarp, group = static_cast<int>(lane_id()) / 4,
              member = static_cast<int>(lane_id()) % 4;
    const int slice = warp % kSlices<Rows>, row = warp / kSlices<Rows> * 16 + group;
    float c[8][4] = {};
    for (int64_t k0 = 0; k0 < size.k; k0 += kDepth<Rows> * Words::kPerWord) {
      load<Rows, Rows, A::kAlongK>(
          as, [&](int m, int k) { return m0 + m < size.m && k0 + k < size.k ? a(m0 + m, k0 + k) : 0.0f; });
      if constexpr (kIsPacked<B>) load_packed<Rows>(bs, b, n0, k0, size);
      else
        load<Rows, kTileColumns, B::kAlongK>(
            bs, [&](int n, int k) { return n0 + n < size.n && k0 + k < size.k ? b(k0 + k, n0 + n) : 0.0f; });
      __syncthreads();
      const uint32_t* at = as + row * kStride<Rows> + slice * 8 + member;
      const uint32_t fa[4] = {at[0], at[8 * kStride<Rows>], at[4], at[8 * kStride<Rows> + 4]};
      for (int tile = 0; tile < 8; ++tile) {
        const uint32_t* bt = bs + (tile * 8 + group) * kStride<Rows> + slice * 8 + member;
        const uint32_t fb[2] = {bt[0], bt[4]};
        Words::mma(c[tile], fa, fb);
      }
      __syncthreads();
    }
    sum_slices<Rows>(c, slice, row, member, acc, reinterpret_cast<float*>(shared));
  }

  // Copies fragments to the rows and columns that each thread owns.
  template <int Rows>
  static __device__ __forceinline__ void sum_slices(const float (&c)[8][4], int slice, int row, int member,
                                                    float (&acc)[Rows / 16][4], float* sums) {
    float* mine = sums + slice * Rows * kTileColumns;
    for (int tile = 0; tile < 8; ++tile)
      for (int i = 0; i < 4; ++i) mine[(row + i / 2 * 8) * kTileColumns + tile * 8 + 2 * member + i % 2] = c[tile][i];
    __syncthreads();
    const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
    for (int i = 0; i < Rows / 16; ++i) {
      for (int g = 0; g < 4; ++g) {
        const float* at = sums + (ty + 16 * i) * kTileColumns + tx + 16 * g;
        float sum = at[0];
        for (int s = 1; s < kSlices<Rows>; ++s) sum += at[s * Rows * kTileColumns];
        acc[i][g] += sum;
      }
    }
  }
};

using Bf16 = TensorCore<Bf16Words>;
using Tf32 = TensorCore<Tf32Words>;
}  // namespace cuda
}  // namespace gatecell
