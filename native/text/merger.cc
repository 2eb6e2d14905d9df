// Merges by the counts of pairs. A heap has the candidates; counts that have become smaller are corrected when their pair comes to the
// top (as Hugging Face's tokenizers do it), so that a merge touches only the places where its pair occurs.
#include "merger.h"

#include <algorithm>

namespace gatecell {

int32_t byte_rank(uint8_t byte) {
  const auto printable = [](int b) { return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b != 0xad); };
  int32_t rank = printable(byte) ? 0 : 188;
  for (int b = 0; b < byte; b++) rank += printable(b) == printable(byte);
  return rank;
}

Merger::Merger(const ByteTable& words, const std::vector<int64_t>& counts) : counts_(counts) {
  int32_t ranks[256];
  bytes_.resize(256);
  for (int b = 0; b < 256; b++) {
    ranks[b] = byte_rank(static_cast<uint8_t>(b));
    bytes_[static_cast<size_t>(ranks[b])].assign(1, static_cast<char>(b));
  }
  const size_t places = words.total() + words.size() + 1;
  symbol_.assign(places, -1);
  span_.assign(places, 0);
  word_.assign(places, 0);
  size_t place = 1;
  for (uint32_t w = 0; w < words.size(); w++) {
    const uint8_t* bytes = words.bytes(w);
    const size_t length = words.length(w);
    for (size_t i = 0; i < length; i++, place++) {
      symbol_[place] = ranks[bytes[i]];
      span_[place] = 1;
      word_[place] = w;
      if (i > 0) raise(symbol_[place - 1], symbol_[place], counts_[w], static_cast<uint32_t>(place - 1));
    }
    place++;
  }
  for (const uint32_t number : raised_) {
    pairs_[number].touched = false;
    candidates_.push({pairs_[number].count, pairs_[number].key, number});
  }
  raised_.clear();
}

Merger::Pair& Merger::pair_of(int32_t left, int32_t right) {
  const uint64_t key = pair_key(left, right);
  const uint32_t number = numbers_.number(key);
  if (number == pairs_.size()) {
    pairs_.emplace_back();
    pairs_.back().key = key;
  }
  return pairs_[number];
}

void Merger::raise(int32_t left, int32_t right, int64_t weight, uint32_t place) {
  Pair& pair = pair_of(left, right);
  pair.count += weight;
  pair.places.push_back(place);
  if (pair.touched) return;
  pair.touched = true;
  raised_.push_back(static_cast<uint32_t>(&pair - pairs_.data()));
}

// Returns the symbol that replaces the pair: a new one, unless one with the same bytes exists.
int32_t Merger::result_of(Pair* pair) {
  const int32_t left = static_cast<int32_t>(pair->key >> 32), right = static_cast<int32_t>(pair->key);
  if (!pair->merged) {
    merges_.push_back(left);
    merges_.push_back(right);
    pair->merged = true;
  }
  const std::string bytes = bytes_[static_cast<size_t>(left)] + bytes_[static_cast<size_t>(right)];
  const auto found = symbols_.emplace(bytes, static_cast<int32_t>(bytes_.size()));
  if (found.second) bytes_.push_back(bytes);
  return found.first->second;
}

void Merger::merge_at(uint32_t place, int32_t left, int32_t right, int32_t result) {
  const uint32_t second = place + span_[place];
  const uint32_t after = second + span_[second];
  const int64_t weight = counts_[word_[place]];
  if (span_[place - 1] != 0) {
    const uint32_t before = place - span_[place - 1];
    pair_of(symbol_[before], left).count -= weight;
    raise(symbol_[before], result, weight, before);
  }
  if (span_[after] != 0) {
    pair_of(right, symbol_[after]).count -= weight;
    raise(result, symbol_[after], weight, place);
  }
  symbol_[place] = result;
  symbol_[second] = -1;
  span_[place] = span_[after - 1] = after - place;
}

void Merger::merge(uint32_t number) {
  const uint64_t key = pairs_[number].key;
  const int32_t left = static_cast<int32_t>(key >> 32), right = static_cast<int32_t>(key);
  const int32_t result = result_of(&pairs_[number]);
  std::vector<uint32_t> places;
  places.swap(pairs_[number].places);
  // From left to right, so that of three equal symbols the first two are merged.
  if (!std::is_sorted(places.begin(), places.end())) std::sort(places.begin(), places.end());
  for (const uint32_t place : places) {
    if (symbol_[place] != left) continue;  // merged with a neighbour before
    const uint32_t second = place + span_[place];
    if (span_[second] != 0 && symbol_[second] == right) merge_at(place, left, right, result);
  }
  pairs_[number].count = 0;  // its places are gone
  for (const uint32_t raised : raised_) {
    Pair& pair = pairs_[raised];
    pair.touched = false;
    if (pair.count > 0) candidates_.push({pair.count, pair.key, raised});
  }
  raised_.clear();
}

bool Merger::step(int32_t symbols, int64_t min_count, int64_t work) {
  while (static_cast<int64_t>(bytes_.size()) < symbols) {
    if (candidates_.empty()) return true;
    if (work <= 0) return false;
    const Candidate top = candidates_.top();
    const Pair& pair = pairs_[top.pair];
    work -= 16;
    if (pair.count != top.count) {
      candidates_.pop();
      if (pair.count > 0 && pair.count < top.count) candidates_.push({pair.count, pair.key, top.pair});
      continue;
    }
    if (top.count < min_count || top.count < 1) return true;
    candidates_.pop();
    work -= static_cast<int64_t>(pair.places.size());
    merge(top.pair);
  }
  return true;
}

}  // namespace gatecell
