// byte_table.h: a hash table that numbers distinct strings of bytes, and one from pairs of symbols to numbers.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <vector>

namespace gatecell {

inline uint64_t mix(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(const uint8_t* p, size_t n) {
  uint64_t hash = n * 0x9e3779b97f4a7c15u + 1;
  while (n > 0) {
    uint64_t word = 0;
    const size_t part = n < 8 ? n : 8;
    memcpy(&word, p, part);
    hash = mix(hash ^ word, 0xd6e8feb86659fd93u);
    p += part;
    n -= part;
  }
  return hash;
}

constexpr uint32_t kNone = 0xffffffffu;

// Numbers distinct strings of bytes from 0 on, in the order in which they come.
class ByteTable {
 public:
  uint32_t size() const { return static_cast<uint32_t>(ends_.size()); }
  const uint8_t* bytes(uint32_t i) const { return bytes_.data() + begin(i); }
  size_t length(uint32_t i) const { return static_cast<size_t>(ends_[i] - begin(i)); }
  size_t total() const { return bytes_.size(); }
  size_t memory() const { return bytes_.capacity() + ends_.capacity() * 8 + slots_.capacity() * 4; }
  void clear() {
    bytes_.clear();
    ends_.clear();
    slots_.assign(slots_.size(), kNone);
  }

  // The number of a string, which is added if it is new.
  uint32_t number(const uint8_t* p, size_t n) {
    if (ends_.size() * 2 >= slots_.size()) grow();
    for (size_t at = hash_bytes(p, n);; at++) {
      uint32_t& slot = slots_[at & (slots_.size() - 1)];
      if (slot == kNone) {
        bytes_.insert(bytes_.end(), p, p + n);
        ends_.push_back(bytes_.size());
        return slot = size() - 1;
      }
      if (length(slot) == n && memcmp(bytes(slot), p, n) == 0) return slot;
    }
  }

 private:
  uint64_t begin(uint32_t i) const { return i == 0 ? 0 : ends_[i - 1]; }
  void grow() {
    std::vector<uint32_t> slots(slots_.empty() ? 1024 : slots_.size() * 2, kNone);
    for (uint32_t i = 0; i < size(); i++) {
      size_t at = hash_bytes(bytes(i), length(i));
      while (slots[at & (slots.size() - 1)] != kNone) at++;
      slots[at & (slots.size() - 1)] = i;
    }
    slots_.swap(slots);
  }

  std::vector<uint8_t> bytes_;
  std::vector<uint64_t> ends_;
  std::vector<uint32_t> slots_;
};

inline uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// Numbers distinct pairs of symbols from 0 on. Symbols are not negative.
class PairTable {
 public:
  uint32_t size() const { return count_; }

  uint32_t find(uint64_t key) const {
    if (slots_.empty()) return kNone;
    for (size_t at = mix(key, 0x9e3779b97f4a7c15u);; at++) {
      const Slot& slot = slots_[at & (slots_.size() - 1)];
      if (slot.number == kNone || slot.key == key) return slot.number;
    }
  }

  uint32_t number(uint64_t key) {
    if (size_t{count_} * 2 >= slots_.size()) grow();
    Slot& slot = place(slots_, key);
    if (slot.number == kNone) slot = {key, count_++};
    return slot.number;
  }

 private:
  struct Slot {
    uint64_t key = 0;
    uint32_t number = kNone;
  };
  static Slot& place(std::vector<Slot>& slots, uint64_t key) {
    size_t at = mix(key, 0x9e3779b97f4a7c15u);
    while (slots[at & (slots.size() - 1)].number != kNone && slots[at & (slots.size() - 1)].key != key) at++;
    return slots[at & (slots.size() - 1)];
  }
  void grow() {
    std::vector<Slot> slots(slots_.empty() ? 1024 : slots_.size() * 2);
    for (const Slot& slot : slots_)
      if (slot.number != kNone) place(slots, slot.key) = slot;
    slots_.swap(slots);
  }

  std::vector<Slot> slots_;
  uint32_t count_ = 0;
};

}  // namespace gatecell
