// lstm_plan.h: the distribution of the recurrent weights to blocks that keep them for a whole sequence. This is arithmetic of the host,
// without CUDA, so that it is tested without a GPU.
//
// Hidden units come in panels of 16; a block has up to four of them, with the four gates of each unit. The batch is cut into slices of 16
// rows. A word is two neighbouring bf16 values or one tf32 value. k is cut into stretches of 16 words, which the warps of a block take in
// turn; each warp keeps its first stretches in registers, and shared memory has the others.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gatecell {
namespace cuda {

constexpr int kSliceRows = 16, kMostPanels = 4, kBlockWarps = 8, kStretch = 16;
constexpr int kPortableCluster = 8, kWideCluster = 16;  // blocks: on every sm_90, and if the device has room for it

// Stretches in the registers of a warp, 32 registers each in the forward pass and 8 in the backward pass: as many as fit without spilling.
constexpr int kHeldBack = 8;
template <int Panels>
constexpr int kHeldForward = Panels <= 2 ? 4 : 3;
inline int held_forward(int panels) { return panels <= 2 ? kHeldForward<2> : kHeldForward<4>; }

// Steps whose dG has positions of its own in the ring of the backward grid kernel (lstm_grid_backward.cu).
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
  unsigned blocks = 0;  // blocks that keep U together; 0 if it does not fit
  unsigned groups = 1;  // groups of that many blocks, which divide the slices among them
  int panels = 0;       // of a block
  int words = 0;        // of a row of U
  int stride = 0;       // of the row's part in shared memory
  int pitch = 0;        // of a row of h in shared memory
  size_t shared = 0;    // bytes of a block
};

constexpr int whole(int64_t count, int of) { return static_cast<int>((count + of - 1) / of * of); }
inline int whole_eights(int64_t elements, int per_word) { return whole((elements + per_word - 1) / per_word, 8); }

// Returns the words of a row that are not in registers of the `slices` warps along k, in whole lines of banks (see lstm_weights.h).
inline int words_in_shared(int words, int slices, int held) {
  const int held_words = slices * held * kStretch;
  return words > held_words ? whole(words - held_words, 32) : 0;
}

// In the forward pass a block of a cluster keeps its rows of U, with k along all hidden units, two slices of h, and the sums of its warps.
inline LstmPlan forward_share(const LstmShape& s, int panels) {
  LstmPlan p;
  const int slices = kBlockWarps / panels;
  p.panels = panels;
  p.words = whole((s.H + s.per_word - 1) / s.per_word, kStretch);
  p.stride = words_in_shared(p.words, slices, held_forward(panels)), p.pitch = whole(p.words, 32);
  p.shared = (static_cast<size_t>(panels * 64) * static_cast<size_t>(p.stride) +
              static_cast<size_t>(2 * kSliceRows) * static_cast<size_t>(p.pitch) +
              static_cast<size_t>(panels * slices * kSliceRows * 64)) *
             4;
  return p;
}

// In the backward pass a block keeps the same rows, with k along its own gates, dG of its slice, and two copies of what every block sends to
// it. The stride is 4 words more than a multiple of 8, so that fragments are in different banks.
inline LstmPlan backward_share(int per_word, int panels, unsigned blocks) {
  LstmPlan p;
  p.panels = panels, p.words = whole_eights(panels * 64, per_word), p.stride = p.words + 4;
  const size_t units = static_cast<size_t>(blocks) * static_cast<size_t>(panels) * 16;
  p.shared = (units + kSliceRows) * static_cast<size_t>(p.stride) * 4 + 2 * kSliceRows * units * 4;
  return p;
}

// Returns the share of each of `blocks`; one with 0 blocks if it does not fit.
template <class Share>
LstmPlan cluster_of(const LstmShape& s, const LstmDevice& device, unsigned blocks, Share share) {
  const int64_t panels = (s.panels() + blocks - 1) / blocks;
  if (panels > kMostPanels) return {};
  LstmPlan p = share(static_cast<int>(panels), blocks);
  if (p.shared > device.shared) return {};
  p.blocks = blocks;
  return p;
}

// Returns the widest portable cluster of which one per slice of the batch can run at the same time, or else the narrowest that can keep U. room(plan)
// returns how many such clusters the device runs at the same time. `wide`: returns a cluster of 16 blocks instead, if the device has room for it.
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

// Returns the share of each block of the whole grid, with one block per multiprocessor: the weights of one panel, which are `columns` rows of
// k words, the sums of its warps, and a flag.
inline LstmPlan grid_plan(const LstmShape& s, const LstmDevice& device, int64_t k, int columns, int held) {
  LstmPlan p;
  if (s.panels() > device.multiprocessors) return p;
  p.panels = 1, p.words = whole((k + s.per_word - 1) / s.per_word, kStretch);
  p.stride = words_in_shared(p.words, kBlockWarps, held);
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

// Return the words that blocks exchange: forward h of two steps and of that before the first, backward dG of the steps of the ring.
inline int64_t forward_wire(const LstmShape& s, const LstmPlan& p) { return 3 * s.slices() * kSliceRows * p.words; }
inline int64_t ring_of(int64_t T) { return T < kRing ? T : kRing; }
inline int64_t backward_wire(const LstmShape& s, const LstmPlan& p, int64_t T) {
  return ring_of(T) * s.slices() * kSliceRows * p.words;
}
}  // namespace cuda
}  // namespace gatecell
