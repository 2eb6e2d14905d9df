// hash.cc: XXH64, for little-endian machines.
#include "hash.h"

#include <cstring>

namespace gatecell {
namespace {
constexpr uint64_t kPrimes[] = {
    0, 0x9E3779B185EBCA87u, 0xC2B2AE3D27D4EB4Fu, 0x165667B19E3779F9u, 0x85EBCA77C2B2AE63u, 0x27D4EB2F165667C5u};

uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

uint64_t word(const char* from) {
  uint64_t w;
  memcpy(&w, from, 8);
  return w;
}

uint64_t mix(uint64_t lane, uint64_t input) { return rotate(lane + input * kPrimes[2], 31) * kPrimes[1]; }
}  // namespace

uint64_t hash_bytes(const void* data, int64_t bytes, uint64_t seed) {
  const char* p = static_cast<const char*>(data);
  const char* const end = p + bytes;
  uint64_t h = seed + kPrimes[5];
  if (bytes >= 32) {
    uint64_t lanes[] = {seed + kPrimes[1] + kPrimes[2], seed + kPrimes[2], seed, seed - kPrimes[1]};
    for (; end - p >= 32; p += 32)
      for (int i = 0; i < 4; ++i) lanes[i] = mix(lanes[i], word(p + 8 * i));
    h = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (const uint64_t lane : lanes) h = (h ^ mix(0, lane)) * kPrimes[1] + kPrimes[4];
  }
  h += static_cast<uint64_t>(bytes);
  for (; end - p >= 8; p += 8) h = rotate(h ^ mix(0, word(p)), 27) * kPrimes[1] + kPrimes[4];
  if (end - p >= 4) {
    uint32_t half;
    memcpy(&half, p, 4);
    h = rotate(h ^ half * kPrimes[1], 23) * kPrimes[2] + kPrimes[3];
    p += 4;
  }
  for (; p < end; ++p) h = rotate(h ^ static_cast<uint8_t>(*p) * kPrimes[5], 11) * kPrimes[1];
  h = (h ^ h >> 33) * kPrimes[2];
  h = (h ^ h >> 29) * kPrimes[3];
  return h ^ h >> 32;
}
}  // namespace gatecell
