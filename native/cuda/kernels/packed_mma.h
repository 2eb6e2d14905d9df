// packed_mma.h: one tile of a product of packed operands (packed.h): 128 rows by kColumns of a core, computed by 256 threads. A ring of
// stages in shared memory, each with 128 bytes of k of all rows and columns, is filled while the tensor cores read earlier stages. Every
// element is summed in order of k, so two runs give the same bits.
//
// WarpCore: cp.async, ldmatrix and mma.sync, one warp for 64 x 32 elements; for sm_80 and later. WarpgroupCore: bulk copies and wgmma, which
// reads shared memory itself, one warpgroup for 64 rows; only in the code for sm_90a.
#pragma once
#include "../copy.h"
#include "../wgmma.h"
#include "packed.h"

namespace gatecell {
namespace cuda {

// The blocks of a tile: those of its rows, and of up to two times 128 of its columns, `blocks` along k for each.
struct TileBlocks {
  const char *a, *b;
  int64_t blocks, first, last;  // the tile's range of k
  int halves;                   // 1 or 2: how many times 128 columns the tile has
  __device__ const char* a_at(int64_t k) const { return a + k * kBlockBytes; }
  __device__ const char* b_at(int64_t k, int half) const { return b + (half * blocks + k) * kBlockBytes; }
};

// The layout of the sums for the epilogue: [128][kStride] floats, in the memory of the ring.
template <int Columns>
struct TileSums {
  static constexpr int kStride = Columns + 8;  // fragments of two columns are in different banks
  static constexpr size_t kBytes = static_cast<size_t>(kBlockRows) * kStride * 4;
  static __device__ __forceinline__ void put(float* sums, int row, int column, float even, float odd) {
    *reinterpret_cast<float2*>(sums + row * kStride + column) = float2{even, odd};
  }
};

template <class Words>
struct WarpCore {
  static constexpr int kColumns = 128, kStages = 3, kStageBytes = 2 * kBlockBytes;
  static constexpr size_t kBytes = static_cast<size_t>(kStages) * kStageBytes;
  static constexpr bool kHere = true;
  float acc[4][4][4] = {};  // 16 x 8 elements each: four down, four across

  static __device__ __forceinline__ void fill(const TileBlocks& t, int64_t k, char* ring) {
    char* stage = ring + (k - t.first) % kStages * kStageBytes;
    for (int at = static_cast<int>(threadIdx.x) * 16; at < kBlockBytes; at += kTileThreads * 16) {
      copy_async(stage + at, t.a_at(k) + at);
      copy_async(stage + kBlockBytes + at, t.b_at(k, 0) + at);
    }
  }

  // Returns the address that a lane passes to ldmatrix: lanes have rows 0-7 and 8-15 of one piece of k, then of the next.
  static __device__ __forceinline__ const char* piece(const char* block, int row, int at) {
    return block + packed_word(row, at * 4) * 4;
  }

  __device__ __forceinline__ void multiply(const char* stage) {
    const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(lane_id());
    const int row = warp / 4 * 64 + lane % 16, column = warp % 4 * 32 + lane / 16 * 8 + lane % 8;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      uint32_t a[4][4], b[2][4];
#pragma unroll
      for (int i = 0; i < 4; ++i) load_matrices(a[i], piece(stage, row + 16 * i, 2 * k + lane / 16));
#pragma unroll
      for (int i = 0; i < 2; ++i)
        load_matrices(b[i], piece(stage + kBlockBytes, column + 16 * i, 2 * k + lane / 8 % 2));
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const uint32_t pair[2] = {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]};
          Words::mma(acc[i][j], a[i], pair);
        }
      }
    }
  }

  __device__ __forceinline__ void run(const TileBlocks& t, char* ring, uint64_t*) {
    for (int64_t k = t.first; k < t.first + kStages - 1; ++k) {
      if (k < t.last) fill(t, k, ring);
      copy_commit();
    }
    for (int64_t k = t.first; k < t.last; ++k) {
      copy_wait<kStages - 2>();
      __syncthreads();  // all threads have copied their parts for k, and have finished k - 1, whose stage is filled next
      if (k + kStages - 1 < t.last) fill(t, k + kStages - 1, ring);
      copy_commit();
      multiply(ring + (k - t.first) % kStages * kStageBytes);
    }
    copy_wait<0>();
    __syncthreads();
  }

  __device__ __forceinline__ void store(float* sums) const {
    const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(lane_id());
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        const int row = warp / 4 * 64 + 16 * i + lane / 4, column = warp % 4 * 32 + 8 * j + lane % 4 * 2;
        TileSums<kColumns>::put(sums, row, column, acc[i][j][0], acc[i][j][1]);
        TileSums<kColumns>::put(sums, row + 8, column, acc[i][j][2], acc[i][j][3]);
      }
    }
  }
};

template <class Words, int Columns>
struct WarpgroupCore {
  static constexpr int kColumns = Columns,
                       kStages = Columns == 256 ? 4 : 3;  // with 128 columns two blocks share a multiprocessor
  static constexpr int kStageBytes = (1 + Columns / 128) * kBlockBytes;
  static constexpr size_t kBytes = static_cast<size_t>(kStages) * kStageBytes;
#if !defined(GATECELL_WARPGROUPS)
  static constexpr bool kHere = false;  // the host launches it only on sm_90
#else
  static constexpr bool kHere = true;
  float acc[Columns / 2] = {};

  static __device__ __forceinline__ void fill(const TileBlocks& t, int64_t k, char* ring, uint64_t* filled) {
    const int64_t stage = (k - t.first) % kStages;
    char* to = ring + stage * kStageBytes;
    barrier_expect(filled + stage, static_cast<uint32_t>((1 + t.halves) * kBlockBytes));
    copy_bulk(to, t.a_at(k), kBlockBytes, filled + stage);
    for (int half = 0; half < t.halves; ++half)
      copy_bulk(to + (1 + half) * kBlockBytes, t.b_at(k, half), kBlockBytes, filled + stage);
  }

  __device__ __forceinline__ void run(const TileBlocks& t, char* ring, uint64_t* filled) {
    const bool leads = threadIdx.x == 0;
    if (leads) {
      for (int i = 0; i < kStages; ++i) barrier_init(filled + i);
      barriers_ready();
      for (int64_t k = t.first; k < t.first + kStages - 1 && k < t.last; ++k) fill(t, k, ring, filled);
    }
    __syncthreads();
    const uint32_t mine = shared_address(ring) + threadIdx.x / 128 * (kBlockBytes / 2);
    for (int64_t k = t.first; k < t.last; ++k) {
      const uint32_t round = static_cast<uint32_t>(k - t.first), stage = round % kStages;
      const uint64_t a = wgmma_rows(mine + stage * kStageBytes),
                     b = wgmma_rows(shared_address(ring) + stage * kStageBytes + kBlockBytes);
      barrier_wait(filled + stage, round / kStages % 2);
      wgmma_fence();
#pragma unroll
      for (int part = 0; part < 4; ++part)
        Wgmma<Words, Columns>::add(acc, a + wgmma_along(32 * part), b + wgmma_along(32 * part));
      wgmma_commit();
      wgmma_wait<1>(acc);
      __syncthreads();  // all threads have finished k - 1, whose stage is filled next, while the products of k run
      if (leads && k + kStages - 1 < t.last) fill(t, k + kStages - 1, ring, filled);
    }
    wgmma_wait<0>(acc);
    __syncthreads();
  }

  __device__ __forceinline__ void store(float* sums) const {
    const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(lane_id());
    const int row = warp * 16 + lane / 4, column = lane % 4 * 2;
#pragma unroll
    for (int j = 0; j < Columns / 8; ++j) {
      TileSums<Columns>::put(sums, row, column + 8 * j, acc[4 * j], acc[4 * j + 1]);
      TileSums<Columns>::put(sums, row + 8, column + 8 * j, acc[4 * j + 2], acc[4 * j + 3]);
    }
  }
#endif
};
}  // namespace cuda
}  // namespace gatecell
