// lstm_wire.h: products whose operand arrives while they run: a slice of 16 rows in global memory, whose words say themselves
// whether they are there (../exchange.h), against resident weights. The warps of a block share out k in stretches of 16 words, and
// a lane's fragments are what it loads: within a stretch words are taken in the order in which a lane's 16 bytes hold them, the same
// for both operands, so the slice needs no place in shared memory.
#pragma once
#include "../exchange.h"
#include "lstm_resident.h"

namespace gatecell {
namespace cuda {
constexpr int kStretch = 16, kInFlight = 4;  // words; stretches that a warp waits for together

struct WireJob {
  LstmJob job;
  uint32_t* wire;  // rows of `pitch` words, of which `words` arrive
  int pitch, words;
  int64_t rows;  // forward: of one of two buffers
  Patience patience;
};

__device__ __forceinline__ void load_vector(const uint32_t* at, uint32_t (&w)[4]) {
#if defined(GATECELL_EMULATOR)
  memcpy(w, at, 16);
#else
  const uint4 v = *reinterpret_cast<const uint4*>(at);
  w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w;
#endif
}

// c += this warp's part of A U^T: u has rows of the result's columns, k along them. `get(row, word, w)` loads four words of A and
// says whether they have arrived; rows from `live` on are zeros. False where a word did not arrive; a warp stays together.
template <class Words, int Tiles, class Get>
__device__ __forceinline__ bool multiply_arriving(const WireJob& j, const uint32_t* u, int live, int64_t step, Get get,
                                                  float (&c)[Tiles][4]) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int group = static_cast<int>(lane_id()) / 4, member = static_cast<int>(lane_id()) % 4;
  bool arrived = true;
  for (int first = warp; first * kStretch < j.words; first += kBlockWarps * kInFlight) {
    uint32_t w[kInFlight][2][4] = {};
    unsigned missing = 0;
#pragma unroll
    for (int q = 0; q < kInFlight; ++q)
      if ((first + q * kBlockWarps) * kStretch + member * 4 < j.words)
        missing |= (group < live ? 1u : 0u) << 2 * q | (group + 8 < live ? 2u : 0u) << 2 * q;
    for (int64_t looks = 0; missing != 0 && arrived; ++looks) {
      if (looks > 0 && j.patience.over(looks, step)) arrived = false;
#pragma unroll
      for (int i = 0; i < 2 * kInFlight; ++i) {
        const int word = (first + i / 2 * kBlockWarps) * kStretch + member * 4;
        if ((missing >> i & 1) && get(group + i % 2 * 8, word, w[i / 2][i % 2])) missing &= ~(1u << i);
      }
    }
    __syncwarp();
#pragma unroll
    for (int q = 0; q < kInFlight; ++q) {
      const int stretch = first + q * kBlockWarps;
      if (stretch * kStretch >= j.words) break;
      const uint32_t even[4] = {w[q][0][0], w[q][1][0], w[q][0][1], w[q][1][1]},
                     odd[4] = {w[q][0][2], w[q][1][2], w[q][0][3], w[q][1][3]};
#pragma unroll
      for (int tile = 0; tile < Tiles; ++tile) {
        uint32_t b[4];
        load_vector(u + (tile * 8 + group) * j.job.stride + stretch * kStretch + member * 4, b);
        const uint32_t b_even[2] = {b[0], b[1]}, b_odd[2] = {b[2], b[3]};
        Words::mma(c[tile], even, b_even);
        Words::mma(c[tile], odd, b_odd);
      }
    }
  }
  return arrived;
}

// From fragments to sums [warp][16][Tiles * 8].
template <int Tiles>
__device__ __forceinline__ void keep_sums(const float (&c)[Tiles][4], float* sums) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int group = static_cast<int>(lane_id()) / 4, member = static_cast<int>(lane_id()) % 4;
  float* to = sums + warp * kSliceRows * Tiles * 8;
#pragma unroll
  for (int tile = 0; tile < Tiles; ++tile)
#pragma unroll
    for (int i = 0; i < 4; ++i) to[(group + i / 2 * 8) * Tiles * 8 + tile * 8 + 2 * member + i % 2] = c[tile][i];
}

inline Shape wire_shape(const LstmPlan& plan) {
  Shape shape;
  shape.grid = dim3(plan.blocks, plan.groups);
  shape.block = dim3(kTileThreads);
  shape.together = true;
  shape.shared = plan.shared;
  return shape;
}
}  // namespace cuda
}  // namespace gatecell
