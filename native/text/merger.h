// merger.h: finds the merges of a BPE from counted words.
#pragma once
#include <stdint.h>

#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "byte_table.h"

namespace gatecell {

// The rank of a byte in GPT-2's order: '!' to '~', U+00A1 to U+00AC and U+00AE to U+00FF, then the 68 others by their number.
int32_t byte_rank(uint8_t byte);

class Merger {
 public:
  // counts[i]: how often word i occurs.
  Merger(const ByteTable& words, const std::vector<int64_t>& counts);

  // Merges until there are `symbols` symbols or no pair occurs min_count times (returns true), or until about `work` places were
  // looked at (returns false).
  bool step(int32_t symbols, int64_t min_count, int64_t work);

  // Both symbols of each merge.
  const std::vector<int32_t>& merges() const { return merges_; }

 private:
  struct Pair {
    uint64_t key;
    int64_t count = 0;
    std::vector<uint32_t> places;  // where it begins, or began
    bool touched = false;          // its count was raised by the merge under way
    bool merged = false;           // it is in merges_
  };
  struct Candidate {
    int64_t count;
    uint64_t key;
    uint32_t pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : key > other.key;
    }
  };

  Pair& pair_of(int32_t left, int32_t right);
  int32_t result_of(Pair* pair);
  void raise(int32_t left, int32_t right, int64_t weight, uint32_t place);
  void merge_at(uint32_t place, int32_t left, int32_t right, int32_t result);
  void merge(uint32_t number);

  // A place is a byte of a word; a place before and after each word has span 0. A symbol begins at the place where symbol_ has it; its
  // other places have -1. span_ has its length at its first and at its last place.
  std::vector<int32_t> symbol_;
  std::vector<uint32_t> span_, word_;
  std::vector<int64_t> counts_;
  PairTable numbers_;
  std::vector<Pair> pairs_;
  std::vector<uint32_t> raised_;
  std::priority_queue<Candidate> candidates_;
  std::vector<std::string> bytes_;  // of each symbol
  std::unordered_map<std::string, int32_t> symbols_;
  std::vector<int32_t> merges_;
};

}  // namespace gatecell
