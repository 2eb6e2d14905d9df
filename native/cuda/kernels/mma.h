// mma.h: the tensor core's product of 16 x 8 elements, in words of 32 bits along k: a word is two bf16 neighbours, or one tf32
// value, and eight words are one instruction. In words both have the same fragment layout (PTX ISA, mma.m16n8k16 and
// mma.m16n8k8): with group = lane / 4 and member = lane % 4,
//   a0, a1, a2, a3: rows group, group + 8, group, group + 8; words member, member, member + 4, member + 4
//   b0, b1: words member, member + 4 of column group
//   c0, c1, c2, c3: rows group, group, group + 8, group + 8; columns 2 member, 2 member + 1, and again
#pragma once
#include "../math.h"

namespace gatecell {
namespace cuda {

// Rounds to the nearest bf16, ties to even; NaN stays NaN.
GC_INLINE uint32_t bf16_bits(float x) {
  const uint32_t bits = static_cast<uint32_t>(float_bits(x));
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (bits >> 16) | 0x40u;
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}
// Rounds to the nearest tf32 (10 bits of fraction), ties to even.
GC_INLINE uint32_t tf32_bits(float x) {
  const uint32_t bits = static_cast<uint32_t>(float_bits(x));
  if ((bits & 0x7f800000u) == 0x7f800000u) return bits;
  return (bits + 0xfffu + ((bits >> 13) & 1u)) & 0xffffe000u;
}

struct Bf16Words {
  static constexpr int kPerWord = 2;
  static __device__ __forceinline__ uint32_t word(float even, float odd) {
    return bf16_bits(even) | bf16_bits(odd) << 16;
  }
  static __device__ __forceinline__ void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
};

struct Tf32Words {
  static constexpr int kPerWord = 1;
  static __device__ __forceinline__ uint32_t word(float x, float) { return tf32_bits(x); }
  static __device__ __forceinline__ void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
};

#if defined(GATECELL_EMULATOR)
// c += the documented elements of all lanes' fragments; `value(word, i)` is element i of a word.
template <class Value>
void emulated_mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], int per_word, Value value) {
  const uint32_t mine[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
  const uint32_t(*all)[8] = emulator::exchange(mine, 6);
  const unsigned group = lane_id() / 4, member = lane_id() % 4;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = group + i / 2 * 8, column = 2 * member + i % 2;
    for (unsigned word = 0; word < 8; ++word) {
      const uint32_t wa = all[row % 8 * 4 + word % 4][row / 8 + word / 4 * 2],
                     wb = all[column * 4 + word % 4][4 + word / 4];
      for (int e = 0; e < per_word; ++e) c[i] += value(wa, e) * value(wb, e);
    }
  }
  __syncwarp();  // before the next exchange overwrites these slots
}
inline void Bf16Words::mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulated_mma(c, a, b, 2, [](uint32_t word, int i) {
    return bits_float(static_cast<int32_t>(i == 0 ? word << 16 : word & 0xffff0000u));
  });
}
inline void Tf32Words::mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulated_mma(c, a, b, 1, [](uint32_t word, int) { return bits_float(static_cast<int32_t>(word)); });
}
#else
__device__ __forceinline__ void Bf16Words::mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ __forceinline__ void Tf32Words::mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif
}  // namespace cuda
}  // namespace gatecell
