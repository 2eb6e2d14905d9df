// lstm_plan.h: how the recurrent weights are shared out over blocks that keep them in shared memory for a whole sequence: the
// host's arithmetic, without CUDA, so that it is tested without a GPU.
//
// Hidden units come in panels of 16; a block holds up to four of them, with the four gates of each unit. The batch is cut into
// slices of 16 rows. A word is two bf16 neighbours or one tf32 value.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gatecell {
namespace cuda {

constexpr int kSliceRows = 16, kMostPanels = 4, kBlockWarps = 8;

struct LstmDevice {
  int cluster_blocks, multiprocessors;
  size_t shared;  // bytes that a block may have
};

struct LstmShape {
  int64_t H, B;
  int per_word;
  int64_t panels() const { return (H + 15) / 16; }
  int64_t slices() const { return (B + kSliceRows - 1) / kSliceRows; }
};

struct LstmPlan {
  unsigned blocks = 0;  // that hold U together; 0: it does not fit
  unsigned groups = 1;  // of so many blocks, which share out the slices
  int panels = 0;       // of a block
  int words = 0,
      stride = 0;     // of a row of resident weights; 4 more than whole eights, so that fragments meet different banks
  size_t shared = 0;  // bytes of a block
};

inline int whole_eights(int64_t elements, int per_word) {
  return static_cast<int>(((elements + per_word - 1) / per_word + 7) / 8 * 8);
}

// Forward a block of a cluster keeps its rows of U, k along all hidden units, beside two slices of h and the sums of its warps.
inline LstmPlan forward_share(const LstmShape& s, int panels) {
  LstmPlan p;
  p.panels = panels, p.words = whole_eights(s.H, s.per_word), p.stride = p.words + 4;
  p.shared = static_cast<size_t>(panels * 64 + 2 * kSliceRows) * static_cast<size_t>(p.stride) * 4 +
             static_cast<size_t>(kBlockWarps) * kSliceRows * 64 * 4;
  return p;
}

// Back a block keeps the same rows, k along its own gates, beside dG of its slice and, twice, what every block sends it.
inline LstmPlan backward_share(int per_word, int panels, unsigned blocks) {
  LstmPlan p;
  p.panels = panels, p.words = whole_eights(panels * 64, per_word), p.stride = p.words + 4;
  const size_t units = static_cast<size_t>(blocks) * static_cast<size_t>(panels) * 16;
  p.shared = (units + kSliceRows) * static_cast<size_t>(p.stride) * 4 + 2 * kSliceRows * units * 4;
  return p;
}

// The widest cluster of which one for every slice of the batch fits the device at once.
template <class Share>
LstmPlan widest_cluster(const LstmShape& s, const LstmDevice& device, Share share) {
  LstmPlan best;
  for (unsigned c = 1; c <= static_cast<unsigned>(device.cluster_blocks); c *= 2) {
    const int64_t panels = (s.panels() + c - 1) / c;
    if (panels > kMostPanels) continue;
    const LstmPlan p = share(static_cast<int>(panels), c);
    if (p.shared > device.shared) continue;
    if (best.blocks > 0 && (c > s.panels() || int64_t{c} * s.slices() > device.multiprocessors)) break;
    best = p;
    best.blocks = c;
  }
  return best;
}
inline LstmPlan cluster_forward_plan(const LstmShape& s, const LstmDevice& device) {
  return widest_cluster(s, device, [&](int panels, unsigned) { return forward_share(s, panels); });
}
inline LstmPlan cluster_backward_plan(const LstmShape& s, const LstmDevice& device) {
  return widest_cluster(s, device, [&](int panels, unsigned c) { return backward_share(s.per_word, panels, c); });
}

// Blocks of the whole grid, one on a multiprocessor, each with the weights of one panel: `columns` rows of k words, beside the sums
// of its warps and a flag. Fragments of 16 bytes meet different banks where a row is 16 words from a whole line of banks.
inline LstmPlan grid_plan(const LstmShape& s, const LstmDevice& device, int64_t k, int columns) {
  LstmPlan p;
  if (s.panels() > device.multiprocessors) return p;
  const auto bytes = [&](int stride) {
    return static_cast<size_t>(columns) * static_cast<size_t>(stride) * 4 +
           static_cast<size_t>(kBlockWarps * kSliceRows * columns) * 4 + 16;
  };
  p.panels = 1, p.words = (whole_eights(k, s.per_word) + 15) / 16 * 16;
  p.stride = p.words % 32 == 16 ? p.words : p.words + 16;
  if (bytes(p.stride) > device.shared) p.stride = p.words + 4;
  p.shared = bytes(p.stride);
  if (p.shared > device.shared) return p;
  const int64_t room = device.multiprocessors / s.panels();
  p.blocks = static_cast<unsigned>(s.panels());
  p.groups = static_cast<unsigned>(room < s.slices() ? room : s.slices());
  return p;
}
inline LstmPlan grid_forward_plan(const LstmShape& s, const LstmDevice& device) {
  return grid_plan(s, device, s.H, 64);
}
inline LstmPlan grid_backward_plan(const LstmShape& s, const LstmDevice& device) {
  return grid_plan(s, device, s.panels() * 64, 16);
}
}  // namespace cuda
}  // namespace gatecell
