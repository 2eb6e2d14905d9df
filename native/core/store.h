// store.h: parameters shared by many plans, and the packed copies the kernels read, keyed by weight version.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "gatecell/gatecell.h"
#include "memory.h"

namespace gatecell {

struct DeviceStore;

// Which way a parameter W[O, K] is packed into blocks of 64 columns, each [tile][k][tile columns]:
enum class PackKind {
  kForward,        // B(k, n) = W[n][k]: y = x W^T
  kForwardGates,   // the same with n running over [panel][gate][16 units]
  kBackward,       // B(k, n) = W[k][n]: dx = dy W
  kBackwardGates,  // the same with k running over [panel][gate][16 units]
  kTokenGates,     // [panel][v][64]: W_ih e_v + b for every row e_v of an embedding table
};

// The parameters a kTokenGates pack is made of; b_ih and b_hh may be -1.
struct TokenGates {
  int table, w_ih, b_ih, b_hh;
};

// How a packed weight is stored: one value to a word, or two or four neighbours in k.
enum class Format { kF32 = 1, kBf16 = 2, kInt8 = 4 };

struct Packed {
  int param;
  PackKind kind;
  Format format = Format::kF32;
  int64_t k = 0;       // inner length, in words
  int64_t blocks = 0;  // blocks of 64 columns
  uint64_t version = 0;
  TokenGates token = {-1, -1, -1, -1};
  const Packed* weights = nullptr;  // kTokenGates: the packed W_ih it multiplies with
  Block block;
  // kInt8, per column: W = code * scale, and 128 times the sum of the codes (the activations' codes carry 128 too much).
  Block scales;
  const float* data() const { return block.floats(); }
  float* scale() const { return scales.floats(); }
  int32_t* correction() const { return reinterpret_cast<int32_t*>(scales.floats() + blocks * 64); }
};

struct Store {
  std::vector<gc_param> params;
  int64_t arena_floats = 0;
  float* data = nullptr;
  float* grad = nullptr;
  float* moment1 = nullptr;
  float* moment2 = nullptr;
  uint64_t version = 1;
  std::vector<std::unique_ptr<Packed>> packs;
  std::shared_ptr<DeviceStore> device;  // null until a plan runs there
  // Readers: forward and backward passes; writers: updates and (re)packing.
  std::shared_mutex mutex;

  // The id of the pack, made on first request; -1 when memory is out. Called while a plan is compiled.
  int request_pack(int param, PackKind kind, Format format = Format::kF32);
  // Needs W_ih's kForwardGates pack, requested before.
  int request_token_gates(const TokenGates& token);
  int64_t packed_bytes() const;
};

// Brings the given packs up to the current version.
void refresh_packs(Store& store, const std::vector<int>& ids, int threads);

// Fills one block of 64 columns (pack.cc).
void pack_block(const Store& store, const Packed& pack, int64_t block);

// Hidden units in whole panels of 16.
inline int64_t panels_of(int64_t hidden) { return (hidden + 15) / 16; }
// Row of W[4H, ...] at position j of [panel][gate][16 units]; -1 in the padding.
inline int64_t gate_row(int64_t j, int64_t hidden) {
  const int64_t unit = j / 64 * 16 + j % 16, gate = j % 64 / 16;
  return unit < hidden ? gate * hidden + unit : -1;
}
}  // namespace gatecell

struct gc_store : gatecell::Store {};
