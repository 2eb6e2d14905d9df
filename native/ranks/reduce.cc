// reduce.cc: sums of gradients over processes. Each process has the sum of its own shards, which is a complete part of the tree over all
// shards (core/shards.cc). Of each bucket of weights a process owns one range: it receives that range from all others, adds the parts as the
// upper levels of the tree, and sends the result to all. So the bits are those of one process that has all shards.
#include <algorithm>

#include "../core/status.h"
#include "group.h"

namespace gatecell {
namespace {
constexpr int64_t kBucket = 1 << 20;  // floats
constexpr int64_t kBlock = 4096;      // floats that are added at once, while they are in the cache

// A bucket: floats [begin, end), of which process r owns [begin + r * share, ...).
struct Bucket {
  int64_t begin, end, share;
  Bucket(int64_t number, int64_t floats, int size)
      : begin(number * kBucket),
        end(std::min(floats, begin + kBucket)),
        share(round_up((end - begin + size - 1) / size, 16)) {}
  int64_t first(int rank) const { return std::min(end, begin + rank * share); }
  int64_t count(int rank) const { return first(rank + 1) - first(rank); }
};
}  // namespace

void Group::send(Wave& wave, int to, Tag kind, const float* data, int64_t count) {
  if (count == 0) return;
  wave.push_back({{}, to});
  transport_->send(to, tag(kind), data, static_cast<int>(count * 4), &wave.back().request);
}

void Group::receive(Wave& wave, int from, Tag kind, float* data, int64_t count) {
  if (count == 0) return;
  wave.push_back({{}, from});
  transport_->receive(from, tag(kind), data, static_cast<int>(count * 4), &wave.back().request);
}

// Adds the parts of a range: own ones of the store, those of process r at received + r * stride.
void Group::sum_parts(Store& store, int64_t begin, int64_t count, const float* received, int64_t stride, double total) {
  float* own = store.shards.top + begin;
  std::vector<float*> parts(static_cast<size_t>(size_));
  for (int64_t at = 0; at < count; at += kBlock) {
    const int64_t floats = std::min(kBlock, count - at);
    for (int r = 0; r < size_; ++r)
      parts[static_cast<size_t>(r)] = r == rank_ ? own + at : const_cast<float*>(received) + r * stride + at;
    for (int step = 1; step < size_; step *= 2)
      for (int r = 0; r + step < size_; r += 2 * step) {
        float* left = parts[static_cast<size_t>(r)];
        const float* right = parts[static_cast<size_t>(r + step)];
        for (int64_t i = 0; i < floats; ++i) left[i] += right[i];
      }
    if (rank_ != 0) std::copy(parts[0], parts[0] + floats, own + at);
  }
  take_shards(store, begin, begin + count, total);
}

gc_status Group::reduce(Store& store, double total) {
  gc_status status = begin(Kind::kReduce, store.arena_floats * 4);
  const int64_t buckets = (store.arena_floats + kBucket - 1) / kBucket;
  const int64_t stride = round_up(kBucket / size_ + 16, 16), room = stride * size_;
  if (status == GC_OK && received_.bytes() == 0 && !received_.allocate(2 * room * 4))
    status = fail(GC_OUT_OF_MEMORY, "no memory for the parts of gradients from other processes");
  Wave scattered[2], results[2];
  // While the sums of one bucket are on their way, the parts of the next one are.
  for (int64_t number = 0; status == GC_OK && number <= buckets; ++number) {
    if (number < buckets) {
      const Bucket bucket(number, store.arena_floats, size_);
      float* parts = received_.floats() + number % 2 * room;
      for (int r = 0; r < size_; ++r) {
        if (r == rank_) continue;
        receive(scattered[number % 2], r, Tag::kScatter, parts + r * stride, bucket.count(rank_));
        send(scattered[number % 2], r, Tag::kScatter, store.shards.top + bucket.first(r), bucket.count(r));
      }
    }
    if (number == 0) continue;
    const Bucket bucket(number - 1, store.arena_floats, size_);
    const int64_t slot = (number - 1) % 2;
    status = wait(scattered[slot]);
    if (status != GC_OK) break;
    const int64_t first = bucket.first(rank_), count = bucket.count(rank_);
    sum_parts(store, first, count, received_.floats() + slot * room, stride, total);
    status = wait(results[slot]);
    if (status != GC_OK) break;
    for (int r = 0; r < size_; ++r) {
      if (r == rank_) continue;
      receive(results[slot], r, Tag::kResult, store.grad + bucket.first(r), bucket.count(r));
      send(results[slot], r, Tag::kResult, store.grad + first, count);
    }
  }
  for (Wave& wave : results)
    if (status == GC_OK) status = wait(wave);
  return end(status);
}
}  // namespace gatecell
