// gc_bpe_encoder: ids of words. Words that have occurred are stored with their ids, because few words make up most of a text.
#include <algorithm>
#include <memory>

#include "../core/guarded.h"
#include "../core/philox.h"
#include "byte_table.h"
#include "words.h"

using namespace gatecell;

namespace {

struct Tables {
  int32_t bytes[256];
  PairTable ranks;               // of merges, by pair
  std::vector<int32_t> results;  // by rank
};

// A possible merge at a position of a word. The merge that is first in the list comes first, and among equal ones the leftmost.
struct Candidate {
  uint32_t rank, place;
  bool operator<(const Candidate& other) const { return rank != other.rank ? rank > other.rank : place > other.place; }
};

// Draws which merges are left out: one number for each.
struct Dropout {
  double probability;
  Draws draws;
  uint64_t count = 0;
  bool operator()() { return draws.uniform(count++) < probability; }
};

struct NoDropout {
  bool operator()() const { return false; }
};

// Merges one word.
class WordMerger {
 public:
  // Appends the ids of the word to `out`. leave_out() returns whether a merge that is possible is left out, and is asked again after each merge.
  template <class D>
  void encode(const Tables& tables, const uint8_t* p, size_t n, std::vector<int32_t>* out, D&& leave_out) {
    ids_.resize(n);
    next_.resize(n);
    previous_.resize(n);
    heap_.clear();
    left_out_.clear();
    for (size_t i = 0; i < n; i++) {
      ids_[i] = tables.bytes[p[i]];
      next_[i] = static_cast<int32_t>(i + 1 < n ? i + 1 : 0);  // 0: none
      previous_[i] = static_cast<int32_t>(i) - 1;
    }
    for (size_t i = 0; i + 1 < n; i++) offer(tables, static_cast<int32_t>(i));
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Candidate top = heap_.back();
      heap_.pop_back();
      const int32_t place = static_cast<int32_t>(top.place);
      if (rank_at(tables, place) != top.rank) continue;
      if (leave_out()) {
        left_out_.push_back(top);
        continue;
      }
      merge(tables, place, top.rank);
      for (const Candidate& candidate : left_out_) push(candidate);
      left_out_.clear();
    }
    int32_t i = 0;
    do {
      out->push_back(ids_[static_cast<size_t>(i)]);
      i = next_[static_cast<size_t>(i)];
    } while (i != 0);
  }

 private:
  // Returns the rank of the merge of the symbol at `place` with the next one, or kNone if there is none.
  uint32_t rank_at(const Tables& tables, int32_t place) const {
    const size_t i = static_cast<size_t>(place);
    if (ids_[i] < 0 || next_[i] == 0) return kNone;
    return tables.ranks.find(pair_key(ids_[i], ids_[static_cast<size_t>(next_[i])]));
  }
  void offer(const Tables& tables, int32_t place) {
    const uint32_t rank = rank_at(tables, place);
    if (rank != kNone) push({rank, static_cast<uint32_t>(place)});
  }
  void push(const Candidate& candidate) {
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end());
  }
  void merge(const Tables& tables, int32_t place, uint32_t rank) {
    const size_t i = static_cast<size_t>(place), second = static_cast<size_t>(next_[i]);
    ids_[i] = tables.results[rank];
    ids_[second] = -1;
    next_[i] = next_[second];
    if (next_[i] != 0) previous_[static_cast<size_t>(next_[i])] = place;
    if (previous_[i] >= 0) offer(tables, previous_[i]);
    offer(tables, place);
  }

  std::vector<int32_t> ids_, next_, previous_;
  std::vector<Candidate> heap_, left_out_;
};

constexpr size_t kLongestKept = 64;            // bytes of a word that is kept
constexpr size_t kMostKept = size_t{8} << 20;  // bytes of all of them

}  // namespace

struct gc_bpe_encoder {
  std::shared_ptr<const Tables> tables;
  WordStream stream;
  WordMerger merger;
  ByteTable kept;
  std::vector<uint64_t> ends;  // of the ids of each word that is kept, in `ids`
  std::vector<int32_t> ids, scratch;

  void forget() {
    kept.clear();
    ends.clear();
    ids.clear();
  }
};

namespace {

// Writes the ids of a word to `out` and returns the place after them.
int32_t* encode_word(gc_bpe_encoder* encoder, const uint8_t* p, size_t n, int32_t* out) {
  if (n > kLongestKept) {
    encoder->scratch.clear();
    encoder->merger.encode(*encoder->tables, p, n, &encoder->scratch, NoDropout{});
    return std::copy(encoder->scratch.begin(), encoder->scratch.end(), out);
  }
  if (encoder->kept.total() > kMostKept) encoder->forget();
  const uint32_t number = encoder->kept.number(p, n);
  if (number == encoder->ends.size()) {
    encoder->merger.encode(*encoder->tables, p, n, &encoder->ids, NoDropout{});
    encoder->ends.push_back(encoder->ids.size());
  }
  const uint64_t begin = number == 0 ? 0 : encoder->ends[number - 1];
  return std::copy(encoder->ids.begin() + static_cast<ptrdiff_t>(begin),
                   encoder->ids.begin() + static_cast<ptrdiff_t>(encoder->ends[number]), out);
}

}  // namespace

gc_status gc_bpe_encoder_create(const int32_t* merges, int32_t count, const int32_t* bytes, gc_bpe_encoder** out) {
  return guarded([&] {
    auto tables = std::make_shared<Tables>();
    for (int b = 0; b < 256; b++) {
      if (bytes[b] < 0)
        return fail(GC_INVALID_ARGUMENT, "Expected an id of at least 0 for byte %d but received %d.", b, bytes[b]);
      tables->bytes[b] = bytes[b];
    }
    for (int32_t i = 0; i < count; i++) {
      const int32_t* merge = merges + 3 * int64_t{i};
      const bool legal = merge[0] >= 0 && merge[1] >= 0 && merge[2] >= 0;
      if (!legal || tables->ranks.number(pair_key(merge[0], merge[1])) != static_cast<uint32_t>(i))
        return fail(GC_INVALID_ARGUMENT,
                    "Expected merges that differ and ids of at least 0 but received another merge %d.", i);
      tables->results.push_back(merge[2]);
    }
    auto encoder = std::make_unique<gc_bpe_encoder>();
    encoder->tables = std::move(tables);
    *out = encoder.release();
    return GC_OK;
  });
}

gc_status gc_bpe_encoder_fork(const gc_bpe_encoder* encoder, gc_bpe_encoder** out) {
  return guarded([&] {
    *out = new gc_bpe_encoder();
    (*out)->tables = encoder->tables;
    return GC_OK;
  });
}

int64_t gc_bpe_encoder_room(const gc_bpe_encoder* encoder, int64_t count) {
  return static_cast<int64_t>(encoder->stream.pending()) + count;
}

gc_status gc_bpe_encode(gc_bpe_encoder* encoder, const uint8_t* bytes, int64_t count, int32_t end, int32_t* out,
                        int64_t* written) {
  const gc_status status = guarded([&] {
    int32_t* at = out;
    const gc_status fed =
        encoder->stream.feed(bytes, static_cast<size_t>(count), end != 0, [&](const uint8_t* p, size_t n) {
          at = encode_word(encoder, p, n, at);
          return GC_OK;
        });
    *written = at - out;
    return fed;
  });
  if (status != GC_OK) {
    encoder->stream.clear();
    encoder->forget();  // memory may have been refused between two of these tables
  }
  return status;
}

gc_status gc_bpe_encode_dropped(gc_bpe_encoder* encoder, const uint8_t* bytes, int64_t count, double dropout,
                                const gc_bpe_draws* draws, int32_t* out, int64_t* written) {
  return guarded([&] {
    Dropout leave_out{dropout, Draws(draws->seed, draws->text, draws->repetition, Draw::kMerge)};
    WordStream stream;
    std::vector<int32_t>& ids = encoder->scratch;
    ids.clear();
    const gc_status status = stream.feed(bytes, static_cast<size_t>(count), true, [&](const uint8_t* p, size_t n) {
      encoder->merger.encode(*encoder->tables, p, n, &ids, leave_out);
      return GC_OK;
    });
    if (status == GC_OK) std::copy(ids.begin(), ids.end(), out);
    *written = static_cast<int64_t>(ids.size());
    return status;
  });
}

void gc_bpe_encoder_destroy(gc_bpe_encoder* encoder) { delete encoder; }
