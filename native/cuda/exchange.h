// exchange.h: words that blocks of a whole grid hand to each other through global memory and that say themselves whether they have
// arrived: data as flag. A tag of two bits in every word counts the uses of its place (1, 2, 3, 1, ...; 0 after a clear), so a
// reader that finds the tag it waits for has the value with it, and no fence and no barrier is needed: a 32-bit word is written
// whole. The idea of carrying readiness in the data is that of persistent RNNs (Diamos et al. 2016) and of Lamport's timestamps.
//
// A waiting thread gives up after a number of looks and leaves an error word, so that a fault ends as an error and not as a hang.
#pragma once
#include "kernels/mma.h"
#include "op.h"

namespace gatecell {
namespace cuda {

// The tag of a place that is written once in two steps.
__host__ __device__ inline uint32_t tag_of_step(int64_t step) { return 1 + static_cast<uint32_t>(step / 2 % 3); }

// Values of h, |h| <= 1, as words with a tag. take() removes the tag from four words; false where one has another tag.
template <class Words>
struct Tagged;

// The top bit of a bf16 exponent is 0 below 2: the tag's place. A NaN travels as a number between 1 and 2, which h never is; adding
// kBeyondOne to a half sets the top bit of the exponent for those alone.
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

// tf32 has 13 bits that no product reads.
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
// At the second-level cache, where all blocks meet; each word by itself.
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
// Bits that a lane of the warp has.
__device__ __forceinline__ uint32_t any_lane(uint32_t bits) { return __reduce_or_sync(kAllLanes, bits); }
#endif

// Who waits, how long, and where an error is left.
struct Patience {
  int64_t looks;
  Control* control;
  int32_t node;

  // After `looks` in vain at a step: true where it is no use, because this thread or another has given up.
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
