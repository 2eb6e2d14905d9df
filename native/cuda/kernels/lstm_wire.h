// lstm_wire.h: products of weights that stay in the block with an operand that arrives
// during the product: a slice of 16 rows in global memory, whose words have tags
// (../exchange.h). A lane loads its fragments directly, so the slice needs no shared memory.
#pragma once
#include "../exchange.h"
#include "lstm_resident.h"

namespace gatecell {
namespace cuda {

struct WireJob {
  LstmJob job;
  uint32_t* wire;  // rows of job.words words, of which `words` arrive
  int words;
  int64_t rows;  // of a step
  Patience patience;
};

// Waits for InFlight stretches of a slice at the same time, beginning with this warp's number `first`. The rows of the slice are at `from`.
// take(w) returns whether four words have arrived, and then converts them to operands; multiply(i, low, high) is called for each stretch, in
// order, when all its words have arrived. Rows from number `live` are zeros. Returns false if a word does not arrive.
template <int InFlight, class Take, class Multiply>
__device__ __forceinline__ bool as_they_arrive(const WireJob& j, const uint32_t* from, int first, int live,
                                               int64_t step, Take take, Multiply multiply) {
  constexpr int apart = kBlockWarps * kStretch;
  const Station<kBlockWarps> at;
  const int begin = (first * kBlockWarps + at.slice) * kStretch + at.member * 4;
  const uint32_t *low = from + at.group * j.job.words + begin, *high = low + 8 * j.job.words;
  uint32_t w[InFlight][2][4] = {};
  uint32_t missing = 0;
#pragma unroll
  for (int i = 0; i < InFlight; ++i)
    if (begin + i * apart < j.words)
      missing |= (at.group < live ? 1u : 0u) << 2 * i | (at.group + 8 < live ? 2u : 0u) << 2 * i;
  int done = 0;
  bool patient = true;
  for (int looks = 0;; ++looks) {
    if (looks > 0 && missing != 0) patient = !j.patience.over(looks, step);
#pragma unroll
    for (int i = 0; i < 2 * InFlight; ++i) {
      if (!(missing >> i & 1)) continue;
      load_wire((i % 2 == 0 ? low : high) + i / 2 * apart, w[i / 2][i % 2]);
    }
#pragma unroll
    for (int i = 0; i < 2 * InFlight; ++i)
      if ((missing >> i & 1) && take(w[i / 2][i % 2])) missing &= ~(1u << i);
    const uint32_t all = any_lane(missing | (patient ? 0u : 1u << 31));
#pragma unroll
    for (int i = 0; i < InFlight; ++i)
      if (done == i && (all >> 2 * i & 3u) == 0) multiply(i, w[i][0], w[i][1]), done = i + 1;
    if (done == InFlight) return true;
    if (all >> 31) return false;
  }
}

// Adds this warp's part of A U^T, which is all its stretches, to c. Returns false if a word does not arrive.
template <class Words, int InFlight, int Tiles, int Held, int Sums, class Take>
__device__ __forceinline__ bool multiply_arriving(const WireJob& j, const Weights<Tiles, Held>& u, const uint32_t* from,
                                                  int live, int64_t step, Take take, float (&c)[Sums][4]) {
  static_assert(Held % InFlight == 0 && InFlight <= 15,
                "held stretches come in whole rounds, flags of a round in a word");
  const int mine = (j.job.words / kStretch - static_cast<int>(threadIdx.x) / kWarp + kBlockWarps - 1) / kBlockWarps;
#pragma unroll
  for (int first = 0; first < Held; first += InFlight) {
    if (first >= mine) return true;
    const auto multiply = [&](int i, const uint32_t(&low)[4], const uint32_t(&high)[4]) {
      if (first + i < mine) multiply_held<Words>(u, first + i, low, high, c);
    };
    if (!as_they_arrive<InFlight>(j, from, first, live, step, take, multiply)) return false;
  }
  for (int first = Held; first < mine; first += InFlight) {
    const auto multiply = [&](int i, const uint32_t(&low)[4], const uint32_t(&high)[4]) {
      if (first + i < mine) multiply_rest<Words, kBlockWarps>(u, first + i, low, high, c);
    };
    if (!as_they_arrive<InFlight>(j, from, first, live, step, take, multiply)) return false;
  }
  return true;
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
