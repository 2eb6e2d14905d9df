// BPE against plain references: merges by counting all pairs again, encoding by looking for the best pair again, with every cut of the bytes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "core/philox.h"
#include "gatecell/bpe.h"
#include "text/merger.h"
#include "text/words.h"

using namespace gatecell;

namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  const uint8_t* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  while (p < end) {
    const size_t length = first_word(p, end, true);
    words.emplace_back(reinterpret_cast<const char*>(p), length);
    p += length;
  }
  return words;
}

using Merges = std::vector<int32_t>;

Merges plain_training(const std::vector<std::string>& words, int32_t symbols, int64_t min_count) {
  std::vector<std::vector<int32_t>> ids;
  for (const std::string& word : words) {
    ids.emplace_back();
    for (const char c : word) ids.back().push_back(byte_rank(static_cast<uint8_t>(c)));
  }
  Merges merges;
  for (int32_t next = 256; next < symbols; next++) {
    std::map<std::pair<int32_t, int32_t>, int64_t> counts;
    for (const auto& word : ids)
      for (size_t i = 0; i + 1 < word.size(); i++) counts[{word[i], word[i + 1]}]++;
    std::pair<int32_t, int32_t> best;
    int64_t most = 0;
    for (const auto& [pair, count] : counts)
      if (count > most) most = count, best = pair;
    if (most < min_count) break;
    merges.insert(merges.end(), {best.first, best.second});
    for (auto& word : ids) {
      for (size_t i = 0; i + 1 < word.size(); i++) {
        if (word[i] != best.first || word[i + 1] != best.second) continue;
        word[i] = next;
        word.erase(word.begin() + static_cast<ptrdiff_t>(i) + 1);
      }
    }
  }
  return merges;
}

std::vector<int32_t> plain_encoding(const std::string& text, const Merges& merges) {
  std::vector<int32_t> all;
  for (const std::string& word : words_of(text)) {
    std::vector<int32_t> ids;
    for (const char c : word) ids.push_back(byte_rank(static_cast<uint8_t>(c)));
    for (;;) {
      size_t rank = merges.size(), place = 0;
      for (size_t i = 0; i + 1 < ids.size(); i++) {
        for (size_t m = 0; m < rank; m += 2)
          if (merges[m] == ids[i] && merges[m + 1] == ids[i + 1]) rank = m, place = i;
      }
      if (rank == merges.size()) break;
      ids[place] = 256 + static_cast<int32_t>(rank / 2);
      ids.erase(ids.begin() + static_cast<ptrdiff_t>(place) + 1);
    }
    all.insert(all.end(), ids.begin(), ids.end());
  }
  return all;
}

// Algorithm 1 of Provilkov et al. 2020: of the merges that are possible, in their order, each is left out by a draw until one is not.
std::vector<int32_t> plain_dropout(const std::string& text, const Merges& merges, double dropout, const Draws& draws) {
  std::vector<int32_t> all;
  uint64_t count = 0;
  for (const std::string& word : words_of(text)) {
    std::vector<int32_t> ids;
    for (const char c : word) ids.push_back(byte_rank(static_cast<uint8_t>(c)));
    for (bool merged = true; merged;) {
      merged = false;
      std::vector<std::pair<size_t, size_t>> possible;  // of rank and place
      for (size_t i = 0; i + 1 < ids.size(); i++)
        for (size_t m = 0; m < merges.size(); m += 2)
          if (merges[m] == ids[i] && merges[m + 1] == ids[i + 1]) possible.push_back({m, i});
      std::sort(possible.begin(), possible.end());
      for (const auto& [rank, place] : possible) {
        if (draws.uniform(count++) < dropout) continue;
        ids[place] = 256 + static_cast<int32_t>(rank / 2);
        ids.erase(ids.begin() + static_cast<ptrdiff_t>(place) + 1);
        merged = true;
        break;
      }
    }
    all.insert(all.end(), ids.begin(), ids.end());
  }
  return all;
}

std::string random_text(uint32_t* state, int length) {
  static const char* const parts[] = {"a", "b", "ab",       "aa",           " ",    "  ", "\n", "'s",
                                      "'", "1", "\xc3\xa9", "\xe2\x80\x83", "\xff", "."};
  std::string text;
  for (int i = 0; i < length; i++) {
    *state = *state * 1664525u + 1013904223u;
    text += parts[(*state >> 16) % 14];
  }
  return text;
}

}  // namespace

TEST_CASE("BPE: training and encoding equal the plain references, in pieces of any size") {
  uint32_t state = 7;
  for (int round = 0; round < 40; round++) {
    const std::string text = random_text(&state, 300);
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(text.data());
    const int64_t size = static_cast<int64_t>(text.size());
    gc_bpe_trainer* trainer;
    REQUIRE(gc_bpe_trainer_create(1 << 24, &trainer) == GC_OK);
    const int64_t cut = size * (round % 5) / 5;
    REQUIRE(gc_bpe_trainer_add(trainer, bytes, cut, 0) == GC_OK);
    REQUIRE(gc_bpe_trainer_add(trainer, bytes + cut, size - cut, 1) == GC_OK);
    int32_t done = 0;
    while (!done) REQUIRE(gc_bpe_trainer_step(trainer, 290, 2, &done) == GC_OK);
    Merges merges(2 * static_cast<size_t>(gc_bpe_trainer_count(trainer)));
    gc_bpe_trainer_merges(trainer, merges.data());
    gc_bpe_trainer_destroy(trainer);
    CHECK(merges == plain_training(words_of(text), 290, 2));

    Merges triples;
    for (size_t i = 0; i < merges.size(); i += 2)
      triples.insert(triples.end(), {merges[i], merges[i + 1], 256 + static_cast<int32_t>(i / 2)});
    int32_t ranks[256];
    for (int b = 0; b < 256; b++) ranks[b] = byte_rank(static_cast<uint8_t>(b));
    gc_bpe_encoder* encoder;
    REQUIRE(gc_bpe_encoder_create(triples.data(), static_cast<int32_t>(triples.size() / 3), ranks, &encoder) == GC_OK);
    const std::vector<int32_t> expected = plain_encoding(text, merges);
    for (int64_t step = 1; step < size; step += 1 + step / 3) {
      std::vector<int32_t> ids, out;
      for (int64_t at = 0; at < size; at += step) {
        const int64_t count = size - at < step ? size - at : step;
        out.resize(static_cast<size_t>(gc_bpe_encoder_room(encoder, count)));
        int64_t written;
        REQUIRE(gc_bpe_encode(encoder, bytes + at, count, at + count == size, out.data(), &written) == GC_OK);
        ids.insert(ids.end(), out.begin(), out.begin() + written);
      }
      CHECK(ids == expected);
    }
    for (const double dropout : {0.0, 0.1, 0.5, 1.0}) {
      const gc_bpe_draws place = {9, static_cast<uint64_t>(round), 3};
      std::vector<int32_t> out(text.size());
      int64_t written;
      REQUIRE(gc_bpe_encode_dropped(encoder, bytes, size, dropout, &place, out.data(), &written) == GC_OK);
      out.resize(static_cast<size_t>(written));
      CHECK(out == plain_dropout(text, merges, dropout, Draws(9, place.text, 3, Draw::kMerge)));
      if (dropout == 0) CHECK(out == expected);
      if (dropout == 1) CHECK(written == size);
    }
    gc_bpe_encoder_destroy(encoder);
  }
}

TEST_CASE("BPE: refusals leave the encoder in order, and a trainer that failed stays refused") {
  int32_t bytes[256] = {};
  gc_bpe_encoder* encoder;
  const int32_t twice[] = {1, 2, 3, 1, 2, 4}, negative[] = {1, -2, 3};
  CHECK(gc_bpe_encoder_create(twice, 2, bytes, &encoder) == GC_INVALID_ARGUMENT);
  CHECK(gc_bpe_encoder_create(negative, 1, bytes, &encoder) == GC_INVALID_ARGUMENT);
  REQUIRE(gc_bpe_encoder_create(nullptr, 0, bytes, &encoder) == GC_OK);
  std::vector<uint8_t> word(GC_BPE_LONGEST_WORD + 1, 'a');
  std::vector<int32_t> out(word.size());
  int64_t written;
  CHECK(gc_bpe_encode(encoder, word.data(), static_cast<int64_t>(word.size()), 0, out.data(), &written) ==
        GC_OUT_OF_RANGE);
  CHECK(gc_bpe_encoder_room(encoder, 0) == 0);
  CHECK(gc_bpe_encode(encoder, word.data(), 3, 1, out.data(), &written) == GC_OK);
  CHECK(written == 3);
  gc_bpe_encoder_destroy(encoder);

  gc_bpe_trainer* trainer;
  REQUIRE(gc_bpe_trainer_create(8, &trainer) == GC_OK);
  CHECK(gc_bpe_trainer_add(trainer, word.data(), 3, 1) == GC_OUT_OF_RANGE);
  CHECK(gc_bpe_trainer_add(trainer, word.data(), 3, 1) == GC_INVALID_ARGUMENT);
  gc_bpe_trainer_destroy(trainer);
}
