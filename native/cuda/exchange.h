// exchange.h: the exchange of words between the blocks of a whole grid through global memory. Each word carries its own validity tag: two
// bits that count the uses of the word's position (1, 2, 3, 1, ...; 0 after a clear). A reader polls the word until it has the expected tag,
// and has the value at the same time, because a 32-bit word is written as a whole; no fence and no barrier is needed. The idea of carrying
// readiness in the data is that of persistent RNNs (Diamos et al. 2016) and of Lamport's timestamps.
//
// A waiting thread gives up after a number of polls and stores an error, so that a fault ends as an error and not as a hang.
#pragma once
#include "kernels/mma.h"
#include "op.h"

namespace gatecell {
namespace cuda {

// Returns the tag of a position that is written at every second step.
__host__ __device__ inline uint32_t tag_of_step(int64_t step) { return 1 + static_cast<uint32_t>(step / 2 % 3); }

// Words of values of h, |h| <= 1, with a tag. take() removes the tag from four words, and returns false if one of them has another tag.
template <class Words>
struct Tagged;

// The top bit of a bf16 exponent is 0 for values below 2, so a word of two values has two bits for the tag. A NaN is sent as a number
// between 1 and 2, which is not a value of h; adding kBeyondOne to a half sets the top bit of the exponent only for such numbers.
template <>
struct Tagged<Bf16Words> {
  static constexpr uint32_t kNan = 0x3fffu, kPlaces = 0x40004000u, kBeyondOne = 0x00400040u;
  static __device__ __forceinline__ uint32_t half(float x) { return x == x ? bf16_bits(x) & 0xbfffu : kNan; }
  static __device__ __forceinline__ uint32_t pattern(uint32_t tag) { return (tag & 1) << 14 | (tag & 2) << 29; }
  static __device__ __forceinline__ uint32_t word(float even, float odd, uint32_t tag) {
    return half(even) | half(odd) << 16 | pattern(tag);
  }
  static __device__ __forceinline__ bool take(uint32_t (&w)[4], uint32_t tag) {
    const uint32_t expected = pattern(tag);
    uint32_t other = 0, nan = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      w[i] ^= expected;
      other |= w[i], nan |= w[i] + kBeyondOne;
    }
    if (((other | nan) & kPlaces) == 0) return true;
    if ((other & kPlaces) != 0) return false;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if ((w[i] & 0x7fffu) == kNan) w[i] = (w[i] & 0xffff0000u) | 0x7fc0u;
      if ((w[i] >> 16 & 0x7fffu) == kNan) w[i] = (w[i] & 0xffffu) | 0x7fc00000u;
    }
    return true;
  }
};

// Of a tf32 value products ignore the lowest 13 bits; two of them are the tag.
template <>
struct Tagged<Tf32Words> {
  static __device__ __forceinline__ uint32_t word(float x, float, uint32_t tag) {
    return (x == x ? tf32_bits(x) : 0x7fc00000u) | tag;
  }
  static __device__ __forceinline__ bool take(uint32_t (&w)[4], uint32_t tag) {
    uint32_t other = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) other |= w[i] ^= tag;
    return (other & 3u) == 0;
  }
};

#if defined(GATECELL_EMULATOR)
inline void load_wire(const uint32_t* at, uint32_t (&w)[4]) { memcpy(w, at, 16); }
inline void store_wire(uint32_t* at, uint32_t value) { *at = value; }
inline bool claim(int32_t* word, int32_t value) {
  if (*word != 0) return false;
  *word = value;
  return true;
}
inline int32_t look(const int32_t* word) { return *word; }
inline void pause(int64_t) { emulator::yield(); }
inline uint32_t any_lane(uint32_t bits) {
  const uint32_t(*all)[8] = emulator::exchange(&bits, 1);
  for (int lane = 0; lane < kWarp; ++lane) bits |= all[lane][0];
  return bits;
}
#else
// Loads and stores at the second-level cache, which all blocks share. Each word is atomic by itself.
__device__ __forceinline__ void load_wire(const uint32_t* at, uint32_t (&w)[4]) {
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w[0]), "=r"(w[1]), "=r"(w[2]), "=r"(w[3])
               : "l"(at)
               : "memory");
}
__device__ __forceinline__ void store_wire(uint32_t* at, uint32_t value) {
  asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(at), "r"(value) : "memory");
}
__device__ __forceinline__ bool claim(int32_t* word, int32_t value) { return atomicCAS(word, 0, value) == 0; }
__device__ __forceinline__ int32_t look(const int32_t* word) { return *static_cast<const volatile int32_t*>(word); }
__device__ __forceinline__ void pause(int64_t looks) {
  if (looks > 16) __nanosleep(20);
}
// Returns the bits that are set in any lane of the warp.
__device__ __forceinline__ uint32_t any_lane(uint32_t bits) { return __reduce_or_sync(kAllLanes, bits); }
#endif

// How often a thread of a node polls before it gives up, and where it stores the error.
struct Patience {
  int64_t looks;
  Control* control;
  int32_t node;

  // Called after `done` polls without success at a step. Returns true if this thread or another one has given up.
  __device__ bool over(int64_t done, int64_t step) const {
    pause(done);
    if (done % 64 == 63 && look(&control->failure.fault) != 0) return true;
    if (done < looks) return false;
    if (claim(&control->failure.fault, static_cast<int32_t>(Fault::kStuck)))
      control->failure.node = node, control->failure.position = step;
    return true;
  }
};
inline Patience patience_of(const Node& n) {
  const int64_t looks = device_info().emulated ? int64_t{1} << 10 : int64_t{1} << 22;  // some seconds on a GPU
  return {looks, n.plan.control, n.node.index};
}
}  // namespace cuda
}  // namespace gatecell
