// candidate.h: the search of a row for the next of its largest values, by the lanes of a warp or a block.
#pragma once
#include "../device.h"

namespace gatecell {
namespace cuda {

// The best of the values that a thread has seen: the largest one, among equal ones that with the smallest id; id -1 if there is none.
struct Candidate {
  float value;
  int32_t id;
};

__device__ __forceinline__ Candidate better(Candidate a, Candidate b) {
  if (b.id < 0) return a;
  if (a.id < 0 || b.value > a.value) return b;
  return b.value == a.value && b.id < a.id ? b : a;
}

// Returns the best candidate of the lanes of a warp, on each of them.
__device__ __forceinline__ Candidate best_of_warp(Candidate mine) {
  for (int with = kWarp / 2; with > 0; with /= 2)
    mine = better(mine, {__shfl_xor_sync(kAllLanes, mine.value, with), __shfl_xor_sync(kAllLanes, mine.id, with)});
  return mine;
}

// Returns the first after `last` among every `stride`th value from `first` on; all values are after a `last` without an id.
__device__ __forceinline__ Candidate best_after(const float* x, int64_t n, Candidate last, int64_t first,
                                                int64_t stride) {
  Candidate mine = {0, -1};
  for (int64_t j = first; j < n; j += stride) {
    const Candidate here = {x[j], static_cast<int32_t>(j)};
    const bool after = last.id < 0 || here.value < last.value || (here.value == last.value && here.id > last.id);
    if (after) mine = better(mine, here);
  }
  return mine;
}
}  // namespace cuda
}  // namespace gatecell
