// gc_bpe_trainer: training of a byte pair vocabulary: it counts words, then merges pairs.
#include <memory>
#include <new>

#include "../core/guarded.h"
#include "merger.h"
#include "words.h"

using namespace gatecell;

struct gc_bpe_trainer {
  int64_t max_bytes = 0;
  WordStream stream;
  ByteTable words;
  std::vector<int64_t> counts;
  std::unique_ptr<Merger> merger;
  bool failed = false;  // a call failed half-way: the tables do not fit together
};

namespace {

constexpr int64_t kStepWork = 200000;  // about ten milliseconds
constexpr int64_t kMostPlaces = int64_t{1} << 31;

gc_status count_word(gc_bpe_trainer* trainer, const uint8_t* p, size_t n) {
  const uint32_t number = trainer->words.number(p, n);
  if (number == trainer->counts.size()) {
    trainer->counts.push_back(0);
    const int64_t places = static_cast<int64_t>(trainer->words.total() + trainer->words.size());
    const int64_t bytes = static_cast<int64_t>(trainer->words.memory() + trainer->counts.capacity() * 8);
    if (bytes > trainer->max_bytes || places > kMostPlaces) {
      return fail(GC_OUT_OF_RANGE,
                  "Expected at most %lld bytes of distinct words but received more: allow more memory, or train on a "
                  "part of the texts.",
                  static_cast<long long>(trainer->max_bytes));
    }
  }
  trainer->counts[number]++;
  return GC_OK;
}

// Runs a call of a trainer that no call has failed of.
template <class F>
gc_status guarded_call(gc_bpe_trainer* trainer, const F& body) {
  if (trainer->failed)
    return fail(GC_INVALID_ARGUMENT,
                "Expected a trainer in order but received one of which a call failed: make another.");
  const gc_status status = guarded(body);
  trainer->failed = status != GC_OK;
  return status;
}

}  // namespace

gc_status gc_bpe_trainer_create(int64_t max_bytes, gc_bpe_trainer** out) {
  return guarded([&] {
    *out = new gc_bpe_trainer();
    (*out)->max_bytes = max_bytes;
    return GC_OK;
  });
}

gc_status gc_bpe_trainer_add(gc_bpe_trainer* trainer, const uint8_t* bytes, int64_t count, int32_t end) {
  return guarded_call(trainer, [&] {
    if (trainer->merger != nullptr)
      return fail(GC_INVALID_ARGUMENT, "Expected texts before the first step but received one after it.");
    return trainer->stream.feed(bytes, static_cast<size_t>(count), end != 0,
                                [&](const uint8_t* p, size_t n) { return count_word(trainer, p, n); });
  });
}

gc_status gc_bpe_trainer_step(gc_bpe_trainer* trainer, int32_t symbols, int64_t min_count, int32_t* done) {
  return guarded_call(trainer, [&] {
    *done = 0;
    if (trainer->merger == nullptr) {
      trainer->merger = std::make_unique<Merger>(trainer->words, trainer->counts);
      trainer->words = ByteTable();
      return GC_OK;
    }
    *done = trainer->merger->step(symbols, min_count, kStepWork);
    return GC_OK;
  });
}

int32_t gc_bpe_trainer_count(const gc_bpe_trainer* trainer) {
  return trainer->merger == nullptr ? 0 : static_cast<int32_t>(trainer->merger->merges().size() / 2);
}

void gc_bpe_trainer_merges(const gc_bpe_trainer* trainer, int32_t* out) {
  if (trainer->merger == nullptr) return;
  for (const int32_t symbol : trainer->merger->merges()) *out++ = symbol;
}

void gc_bpe_trainer_destroy(gc_bpe_trainer* trainer) { delete trainer; }
