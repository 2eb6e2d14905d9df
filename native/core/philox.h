// philox.h: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): 128 random
// bits as a function of a 128-bit counter and a 64-bit key. There is no state: any part of any mask can be drawn by itself.
//
// Scalar on purpose. 4096 x 512 mask bytes on one core of an AMD EPYC with AVX-512: this form 2.5 ms; the same over 4 to 16
// interleaved blocks, left to the compiler 8.6 to 14.7 ms (SSE4.2) or 5.3 to 7.5 ms (AVX2); by hand with SSE2 3.9 ms.
#pragma once
#include <cstdint>

#include "both_sides.h"

namespace gatecell {

struct PhiloxBlock {
  uint32_t word[4];
};

GC_BOTH_SIDES inline PhiloxBlock philox4x32(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
  PhiloxBlock c = counter;
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xd2511f53} * c.word[0], b = uint64_t{0xcd9e8d57} * c.word[2];
    c = {{static_cast<uint32_t>(b >> 32) ^ c.word[1] ^ key0, static_cast<uint32_t>(b),
          static_cast<uint32_t>(a >> 32) ^ c.word[3] ^ key1, static_cast<uint32_t>(a)}};
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
  return c;
}

// The use of the numbers, which is part of the counter, so that two uses never share one.
enum class Draw : uint32_t { kMask = 1, kSample = 2, kZoneoutCell = 3, kZoneoutState = 4, kMerge = 5 };

// The draws of one stream (a layer's number, below 2^32) in one step (below 2^53): blocks 0, 1, ... below 2^40.
struct Draws {
  uint32_t key0, key1, stream, step, high;

  GC_BOTH_SIDES Draws(uint64_t seed, uint64_t stream_number, uint64_t step_number, Draw use)
      : key0(static_cast<uint32_t>(seed)),
        key1(static_cast<uint32_t>(seed >> 32)),
        stream(static_cast<uint32_t>(stream_number)),
        step(static_cast<uint32_t>(step_number)),
        high((static_cast<uint32_t>(step_number >> 32) & 0x1fffff) | static_cast<uint32_t>(use) << 21) {}

  GC_BOTH_SIDES PhiloxBlock block(uint64_t index) const {
    const uint32_t high_index = static_cast<uint32_t>(index >> 32) << 24;
    return philox4x32({{static_cast<uint32_t>(index), stream, step, high | high_index}}, key0, key1);
  }

  // Returns a number that is uniform in [0, 1), with 53 bits.
  GC_BOTH_SIDES double uniform(uint64_t index) const {
    const PhiloxBlock b = block(index);
    return (static_cast<double>(b.word[0] >> 5) * 67108864.0 + static_cast<double>(b.word[1] >> 6)) /
           9007199254740992.0;
  }
};

// Returns the draws of a row that has a seed and a step of its own, given as {seed, seed >> 32, step, step >> 32}. They are those of row 0 of
// a run with this seed and step.
GC_BOTH_SIDES inline Draws draws_of_row(const int32_t* row, uint64_t stream, Draw use) {
  const auto whole = [](int32_t low, int32_t high) {
    return static_cast<uint64_t>(static_cast<uint32_t>(high)) << 32 | static_cast<uint32_t>(low);
  };
  return Draws(whole(row[0], row[1]), stream, whole(row[2], row[3]), use);
}
}  // namespace gatecell
