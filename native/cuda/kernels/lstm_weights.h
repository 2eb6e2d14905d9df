// lstm_weights.h: weights that stay in a block for a whole sequence, and the product of a slice with them. k is cut into stretches of 16
// words, which the warps of a block take in turn. A warp keeps its first stretches in registers, as the fragments that mma.sync takes,
// because reading shared memory at every step costs a cycle for 128 bytes. Within a stretch the words have the order in which the 16 bytes
// of a lane contain them, the same for both operands, so that one load gives a lane its words for two products.
//
// Rows in shared memory are whole lines of banks, and odd rows are shifted by half a line: eight lanes' vectors of two rows use each bank once.
#pragma once
#include "lstm_plan.h"
#include "mma.h"
#include "tile.h"

namespace gatecell {
namespace cuda {

__device__ __forceinline__ int swizzled(int row, int word) { return word ^ (row & 1) << 4; }

__device__ __forceinline__ void load_vector(const uint32_t* at, uint32_t (&w)[4]) {
#if defined(GATECELL_EMULATOR)
  memcpy(w, at, 16);
#else
  const uint4 v = *reinterpret_cast<const uint4*>(at);
  w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w;
#endif
}
__device__ __forceinline__ void store_pair(float* at, float a, float b) {
#if defined(GATECELL_EMULATOR)
  at[0] = a, at[1] = b;
#else
  *reinterpret_cast<float2*>(at) = make_float2(a, b);
#endif
}

// The part of a warp which divides k with Slices - 1 others, and the part of the lane.
template <int Slices>
struct Station {
  int panel, slice, group, member;
  __device__ Station() {
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    panel = warp / Slices, slice = warp % Slices;
    group = static_cast<int>(lane_id()) / 4, member = static_cast<int>(lane_id()) % 4;
  }
};

// The weights of a warp, in tiles of 8 rows: the first Held stretches in registers, the others in shared memory.
template <int Tiles, int Held>
struct Weights {
  uint32_t held[Held][Tiles][4];
  const uint32_t* rest;  // of all warps [row][stride], beginning with the first stretch that is not in registers
  int stride;
};

// Copies words `first` to `first + words` of all rows; source(row, word) is zero outside the matrix.
template <class Source>
__device__ __forceinline__ void fill_rows(uint32_t* to, int rows, int stride, int first, int words, Source source) {
  for (int e = static_cast<int>(threadIdx.x); e < rows * words; e += kTileThreads) {
    const int row = Source::kAlongK ? e / words : e % rows, word = Source::kAlongK ? e % words : e / rows;
    to[row * stride + swizzled(row, word)] = source(row, first + word);
  }
}

// Loads all rows of a block, Tiles * 8 for each panel, with all its threads. `stage` has as many bytes as the sums of a block, and may be
// used again afterwards; `rest` is the memory for the words that are not in registers.
template <int Tiles, int Panels, int Held, class Source>
__device__ __forceinline__ void load_weights(Weights<Tiles, Held>& to, uint32_t* stage, uint32_t* rest, int stride,
                                             Source source) {
  constexpr int slices = kBlockWarps / Panels, section = slices * kStretch, rows = Panels * Tiles * 8;
  const Station<slices> at;
#pragma unroll
  for (int q = 0; q < Held; ++q) {
    fill_rows(stage, rows, section, q * section, section, source);
    __syncthreads();
#pragma unroll
    for (int tile = 0; tile < Tiles; ++tile) {
      const int row = at.panel * Tiles * 8 + tile * 8 + at.group;
      if (at.panel < Panels)
        load_vector(stage + row * section + swizzled(row, at.slice * kStretch + at.member * 4), to.held[q][tile]);
    }
    __syncthreads();
  }
  fill_rows(rest, rows, stride, Held * section, stride, source);
  to.rest = rest + (at.panel * Tiles * 8 + at.group) * stride, to.stride = stride;
}

// Adds the product of one stretch to c. `low` and `high` are a lane's four words of rows group and group + 8, and b(tile, w) sets w to its
// four words of the weights. With twice as many sums as tiles, products that would wait for each other are added to different sums.
template <class Words, int Tiles, int Sums, class B>
__device__ __forceinline__ void multiply_stretch(const uint32_t (&low)[4], const uint32_t (&high)[4], B b,
                                                 float (&c)[Sums][4]) {
  constexpr int at_once = Tiles < 4 ? Tiles : 4;
  const uint32_t even[4] = {low[0], high[0], low[1], high[1]}, odd[4] = {low[2], high[2], low[3], high[3]};
#pragma unroll
  for (int first = 0; first < Tiles; first += at_once) {
    uint32_t w[at_once][4];
#pragma unroll
    for (int i = 0; i < at_once; ++i) b(first + i, w[i]);
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      const uint32_t pair[2] = {w[i][0], w[i][1]};
      Words::mma(c[first + i], even, pair);
    }
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      const uint32_t pair[2] = {w[i][2], w[i][3]};
      Words::mma(c[Sums - Tiles + first + i], odd, pair);
    }
  }
}
// Multiply stretch number `q` of this warp: one that is in registers, or one of the others.
template <class Words, int Tiles, int Held, int Sums>
__device__ __forceinline__ void multiply_held(const Weights<Tiles, Held>& u, int q, const uint32_t (&low)[4],
                                              const uint32_t (&high)[4], float (&c)[Sums][4]) {
  const auto held = [&](int tile, uint32_t(&w)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) w[i] = u.held[q][tile][i];
  };
  multiply_stretch<Words, Tiles>(low, high, held, c);
}
template <class Words, int Slices, int Tiles, int Held, int Sums>
__device__ __forceinline__ void multiply_rest(const Weights<Tiles, Held>& u, int q, const uint32_t (&low)[4],
                                              const uint32_t (&high)[4], float (&c)[Sums][4]) {
  const Station<Slices> at;
  const uint32_t* from = u.rest + swizzled(at.group, ((q - Held) * Slices + at.slice) * kStretch + at.member * 4);
  multiply_stretch<Words, Tiles>(
      low, high, [&](int tile, uint32_t(&w)[4]) { load_vector(from + tile * 8 * u.stride, w); }, c);
}

// Returns the index of the sum of a row and a column, such that neither the words of a fragment nor those of a row conflict in a bank.
template <int Columns>
__device__ __forceinline__ int sum_place(int row, int column) {
  return row * Columns + (column ^ ((row & 2) << 2 | (Columns > 16 ? (row & 1) << 4 : 0)));
}
// Stores fragments as the sums of one warp, [16][Tiles * 8].
template <int Tiles, int Sums>
__device__ __forceinline__ void keep_sums(const float (&c)[Sums][4], float* sums) {
  const int group = static_cast<int>(lane_id()) / 4, member = static_cast<int>(lane_id()) % 4;
#pragma unroll
  for (int tile = 0; tile < Tiles; ++tile)
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
      const auto sum = [&](int k) {
        return Sums > Tiles ? c[tile][i + k] + c[Sums - Tiles + tile][i + k] : c[tile][i + k];
      };
      store_pair(sums + sum_place<Tiles * 8>(group + i / 2 * 8, tile * 8 + 2 * member), sum(0), sum(1));
    }
}
}  // namespace cuda
}  // namespace gatecell
