// lstm_plan.h: how the recurrent weights are shared out over blocks that keep them for a whole sequence: the host's arithmetic,
// without CUDA, so that it is tested without a GPU.
//
// Hidden units come in panels of 16; a block holds up to four of them, with the four gates of each unit. The batch is cut into
// slices of 16 rows. A word is two bf16 neighbours or one tf32 value. The warps of a block share out k in stretches of 16 words;
// of these each keeps its first ones in registers, and shared memory has the rest.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gatecell {
namespace cuda {

constexpr int kSliceRows = 16, kMostPanels = 4, kBlockWarps = 8, kStretch = 16;
constexpr int kPortableCluster = 8, kWideCluster = 16;  // blocks: on every sm_90, and where the device has room for it

// Stretches in a warp's registers, 32 registers each forward and 8 back: as many as leave none to spill.
constexpr int kHeldBack = 8;
template <int Panels>
constexpr int kHeldForward = Panels <= 2 ? 4 : 3;
inline int held_forward(int panels) { return panels <= 2 ? kHeldForward<2> : kHeldForward<4>; }

// Steps of dG that the grid kernel back in time hands over in places of their own, in turn (lstm_grid_backward.cu).
constexpr int kRing = 32;

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
  int words = 0;        // of a row of U
  int stride = 0;       // of the row's part in shared memory
  int pitch = 0;        // of a row of h in shared memory
  size_t shared = 0;    // bytes of a block
};

constexpr int whole(int64_t count, int of) { return static_cast<int>((count + of - 1) / of * of); }
inline int whole_eights(int64_t elements, int per_word) { return whole((elements + per_word - 1) / per_word, 8); }

// Words of a row beside what `slices` warps along k hold; whole lines of banks, for lstm_weights.h puts odd rows half a line off.
inline int words_beside(int words, int slices, int held) {
  const int held_words = slices * held * kStretch;
  return words > held_words ? whole(words - held_words, 32) : 0;
}

// Forward a block of a cluster keeps its rows of U, k along all hidden units, beside two slices of h and the sums of its warps.
inline LstmPlan forward_share(const LstmShape& s, int panels) {
  LstmPlan p;
  const int slices = kBlockWarps / panels;
  p.panels = panels;
  p.words = whole((s.H + s.per_word - 1) / s.per_word, kStretch);
  p.stride = words_beside(p.words, slices, held_forward(panels)), p.pitch = whole(p.words, 32);
  p.shared = (static_cast<size_t>(panels * 64) * static_cast<size_t>(p.stride) +
              static_cast<size_t>(2 * kSliceRows) * static_cast<size_t>(p.pitch) +
              static_cast<size_t>(panels * slices * kSliceRows * 64)) *
             4;
  return p;
}

// Back a block keeps the same rows, k along its own gates, beside dG of its slice and, twice, what every block sends it. 4 words
// more than whole eights, so that fragments meet different banks.
inline LstmPlan backward_share(int per_word, int panels, unsigned blocks) {
  LstmPlan p;
  p.panels = panels, p.words = whole_eights(panels * 64, per_word), p.stride = p.words + 4;
  const size_t units = static_cast<size_t>(blocks) * static_cast<size_t>(panels) * 16;
  p.shared = (units + kSliceRows) * static_cast<size_t>(p.stride) * 4 + 2 * kSliceRows * units * 4;
  return p;
}

// The share of each of `blocks`; none where it does not fit.
template <class Share>
LstmPlan cluster_of(const LstmShape& s, const LstmDevice& device, unsigned blocks, Share share) {
  const int64_t panels = (s.panels() + blocks - 1) / blocks;
  if (panels > kMostPanels) return {};
  LstmPlan p = share(static_cast<int>(panels), blocks);
  if (p.shared > device.shared) return {};
  p.blocks = blocks;
  return p;
}

// The widest portable cluster of which one for every slice of the batch runs at once, else the narrowest that holds U;
// room(plan): how many of them the device runs at once. `wide`: one of 16 blocks instead, where the device has room for it.
template <class Share, class Room>
LstmPlan cluster_plan(const LstmShape& s, const LstmDevice& device, bool wide, Share share, Room room) {
  LstmPlan best;
  if (wide) {
    if (device.cluster_blocks < kWideCluster || s.panels() < kWideCluster) return best;
    const LstmPlan p = cluster_of(s, device, kWideCluster, share);
    return p.blocks > 0 && room(p) > 0 ? p : best;
  }
  for (unsigned c = 1; c <= kPortableCluster && static_cast<int>(c) <= device.cluster_blocks; c *= 2) {
    const LstmPlan p = cluster_of(s, device, c, share);
    if (p.blocks == 0) continue;
    if (best.blocks > 0 && c > s.panels()) break;
    const int64_t at_once = room(p);
    if (at_once == 0 || (best.blocks > 0 && at_once < s.slices())) break;
    best = p;
  }
  return best;
}
template <class Room>
LstmPlan cluster_forward_plan(const LstmShape& s, const LstmDevice& device, bool wide, Room room) {
  return cluster_plan(
      s, device, wide, [&](int panels, unsigned) { return forward_share(s, panels); }, room);
}
template <class Room>
LstmPlan cluster_backward_plan(const LstmShape& s, const LstmDevice& device, bool wide, Room room) {
  return cluster_plan(
      s, device, wide, [&](int panels, unsigned c) { return backward_share(s.per_word, panels, c); }, room);
}

// Blocks of the whole grid, one on a multiprocessor, each with the weights of one panel: `columns` rows of k words, beside the
// sums of its warps and a flag.
inline LstmPlan grid_plan(const LstmShape& s, const LstmDevice& device, int64_t k, int columns, int held) {
  LstmPlan p;
  if (s.panels() > device.multiprocessors) return p;
  p.panels = 1, p.words = whole((k + s.per_word - 1) / s.per_word, kStretch);
  p.stride = words_beside(p.words, kBlockWarps, held);
  p.shared = static_cast<size_t>(columns) * static_cast<size_t>(p.stride + kBlockWarps * kSliceRows) * 4 + 16;
  if (p.shared > device.shared) return p;
  const int64_t room = device.multiprocessors / s.panels();
  p.blocks = static_cast<unsigned>(s.panels());
  p.groups = static_cast<unsigned>(room < s.slices() ? room : s.slices());
  return p;
}
inline LstmPlan grid_forward_plan(const LstmShape& s, const LstmDevice& device) {
  return grid_plan(s, device, s.H, 64, held_forward(1));
}
inline LstmPlan grid_backward_plan(const LstmShape& s, const LstmDevice& device) {
  return grid_plan(s, device, s.panels() * 64, 16, kHeldBack);
}

// Words that blocks hand to each other: forward h of two steps and of that before the first, back dG of the ring's.
inline int64_t forward_wire(const LstmShape& s, const LstmPlan& p) { return 3 * s.slices() * kSliceRows * p.words; }
inline int64_t ring_of(int64_t T) { return T < kRing ? T : kRing; }
inline int64_t backward_wire(const LstmShape& s, const LstmPlan& p, int64_t T) {
  return ring_of(T) * s.slices() * kSliceRows * p.words;
}
}  // namespace cuda
}  // namespace gatecell
