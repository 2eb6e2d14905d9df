// hash.h: XXH64 (Yann Collet, https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md), a fast checksum, which does not protect against intent.
#pragma once
#include <cstdint>

namespace gatecell {
uint64_t hash_bytes(const void* data, int64_t bytes, uint64_t seed);
}  // namespace gatecell
