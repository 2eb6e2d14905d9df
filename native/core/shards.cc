// shards.cc: the sum of gradients over the shards of a batch, as a balanced tree over the numbers of the shards. Each inner node is one
// addition for each weight, so the bits of the sum depend on the number of shards, and not on the process or thread that computed a shard.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "guarded.h"
#include "machine.h"
#include "store.h"
#include "threads.h"

namespace gatecell {
namespace {
constexpr int64_t kChunk = 1 << 14;  // floats, for the division among threads

// Adds a shard to the waiting sums of `merged` levels, the smallest first, and writes the result to `to`, which may be none of them.
void merge(const Store& store, int merged, float* to, float factor, int64_t begin, int64_t end) {
  const float* grad = store.grad;
  const auto& levels = store.shards.levels;
  if (factor == 0) std::fill(to + begin, to + end, 0.0f);
  else
    for (int64_t i = begin; i < end; ++i) to[i] = factor * grad[i];
  for (int level = 0; level < merged; ++level) {
    const float* left = levels[static_cast<size_t>(level)].floats();
    for (int64_t i = begin; i < end; ++i) to[i] = left[i] + to[i];
  }
}
}  // namespace

gc_status add_shard(Store& store, double place, double count, int threads) {
  ShardSums& sums = store.shards;
  const std::lock_guard<std::mutex> lock(store.summing);
  if (!(place == 0 || (place == sums.count && place < (1 << 20))))
    return fail(GC_INVALID_ARGUMENT, "expected %d or 0 as the place of the next shard, got %g", sums.count, place);
  const auto before = static_cast<int32_t>(place);
  int merged = 0;  // the waiting sums that this shard completes
  while (before >> merged & 1) ++merged;
  return guarded([&]() -> gc_status {
    while (static_cast<int>(sums.levels.size()) <= merged) {
      Block block;
      if (!block.allocate(store.arena_floats * 4))
        return fail(GC_OUT_OF_MEMORY, "no memory for the sum of gradients over shards");
      sums.levels.push_back(std::move(block));
    }
    float* to = sums.levels[static_cast<size_t>(merged)].floats();
    const int64_t chunks = (store.arena_floats + kChunk - 1) / kChunk;
    parallel(store.arena_floats < 100000 ? 1 : threads, [&](int index, int team) {
      const Range mine = share(chunks, index, team);
      for (int64_t c = mine.begin; c < mine.end; ++c)
        merge(store, merged, to, static_cast<float>(count), c * kChunk, std::min(store.arena_floats, (c + 1) * kChunk));
    });
    sums.count = before + 1;
    sums.top = to;
    return GC_OK;
  });
}

void take_shards(Store& store, int64_t begin, int64_t end, double total) {
  const float* sum = store.shards.top;
  if (total == 0) std::fill(store.grad + begin, store.grad + end, 0.0f);
  else
    for (int64_t i = begin; i < end; ++i) store.grad[i] = static_cast<float>(static_cast<double>(sum[i]) / total);
}
}  // namespace gatecell

using namespace gatecell;

gc_status gc_store_skip_shard(gc_store* store, int32_t place) {
  if (!store->grad) return fail(GC_INVALID_ARGUMENT, "expected a store with gradients");
  return add_shard(*store, place, 0, 1);
}

gc_status gc_store_hash(gc_store* store, uint64_t* hash) {
  std::shared_lock<std::shared_mutex> lock(store->mutex);
  uint64_t lanes[8] = {};
  int64_t i = 0;
  const auto mix = [&](int lane, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    lanes[lane] = (lanes[lane] ^ bits) * 0x9e3779b97f4a7c15u;
    lanes[lane] ^= lanes[lane] >> 29;
  };
  for (; i + 8 <= store->arena_floats; i += 8)
    for (int lane = 0; lane < 8; ++lane) mix(lane, store->data[i + lane]);
  for (; i < store->arena_floats; ++i) mix(static_cast<int>(i % 8), store->data[i]);
  uint64_t all = 0;
  for (uint64_t lane : lanes) all = (all ^ lane) * 0xbf58476d1ce4e5b9u, all ^= all >> 32;
  *hash = all;
  return GC_OK;
}
