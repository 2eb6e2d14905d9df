// store.h: parameters shared by many plans, and the packed copies the kernels read, keyed by weight version.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <vector>

#include "arena_pool.h"
#include "gatecell/gatecell.h"
#include "memory.h"
#include "shared_memory.h"

namespace gatecell {

struct DeviceStore;

// How a parameter W[O, K] is packed into blocks of 64 columns, each [tile][k][tile columns]:
enum class PackKind {
  kForward,     // B(k, n) = W[n][k]: y = x W^T
  kBackward,    // B(k, n) = W[k][n]: dx = dy W
  kTokenGates,  // [panel][v][64]: W_ih e_v + b for every row e_v of an embedding table
  kGateBias,    // [panel][64]: b_ih + b_hh
};

// The order of W's rows in a pack, and in the gate buffers of recurrent layers. kNone: as they are.
// W[4H, ...] and W[3H, ...] have panels of 16 units with four slots [panel][slot][16 units]; slots that W does not fill are zero. kLstm:
// i, f, g, o. kGruInput: r, z, n, none; kGruState: r, z, none, n; kGruReset: r, z, none, none. kGruNew: only the rows of n, as they are.
// kRnn: W[H, ...] as it is, with zeros up to whole panels of 64 units.
enum class Gates { kNone, kLstm, kGruInput, kGruState, kGruReset, kGruNew, kRnn };

// The parameters from which a kTokenGates pack is made; b_ih and b_hh may be -1.
struct TokenGates {
  int table, w_ih, b_ih, b_hh;
};

// The parameters from which a kGateBias pack of a layer of `hidden` units is made; either may be -1.
struct GateBias {
  int b_ih, b_hh;
  int64_t hidden;
  Gates ih, hh;  // the order of either
};

// How a packed weight is stored: one value to a word, or two or four neighbours in k.
enum class Format { kF32 = 1, kBf16 = 2, kInt8 = 4 };

struct Packed {
  int param;
  PackKind kind;
  Gates gates = Gates::kNone;
  Format format = Format::kF32;
  int64_t k = 0;                     // inner length, in words
  int64_t blocks = 0;                // blocks of 64 columns
  std::atomic<uint64_t> version{0};  // of the weights from which it was made
  TokenGates token = {-1, -1, -1, -1};
  const Packed* weights = nullptr;  // kTokenGates: the packed W_ih by which the table is multiplied
  // kInt8, after the codes, per column: W = code * scale, and 128 times the sum of the codes, because the codes of activations are too large
  // by 128.
  Block block;
  // The same contents in memory that other stores also read; `block` is empty then. Set while `Store::packing` is held, before `version`.
  std::shared_ptr<const SharedMemory> shared;
  std::atomic<bool> is_shared{false};  // for threads that do not hold `packing`
  int64_t floats() const { return k * blocks * 64; }
  int64_t bytes() const { return floats() * 4 + (format == Format::kInt8 ? blocks * 64 * 8 : 0); }
  const float* data() const { return shared ? reinterpret_cast<const float*>(shared->data()) : block.floats(); }
  const float* scale() const { return data() + floats(); }
  const int32_t* correction() const { return reinterpret_cast<const int32_t*>(scale() + blocks * 64); }
  GateBias biases = {-1, -1, 0, Gates::kNone, Gates::kNone};  // kGateBias
  const Packed* start = nullptr;                              // kTokenGates: the packed biases
};

// The packs of a store by id. The list only grows, and an entry never moves, so that a run can read the packs of its plan while another plan
// of the store is compiled. Ids are assigned under the store's `table` mutex.
class PackList {
 public:
  static constexpr int kChunk = 64, kChunks = 512;
  int size() const { return size_; }
  const std::unique_ptr<Packed>& operator[](int id) const { return (*chunks_[id / kChunk])[id % kChunk]; }
  // Returns the id of the new entry, or -1 if there is no room.
  int add(std::unique_ptr<Packed> pack) {
    if (size_ == kChunk * kChunks) return -1;
    auto& chunk = chunks_[size_ / kChunk];
    if (!chunk) chunk.reset(new (std::nothrow) std::array<std::unique_ptr<Packed>, kChunk>());
    if (!chunk) return -1;
    (*chunk)[size_ % kChunk] = std::move(pack);
    return size_++;
  }

 private:
  std::array<std::unique_ptr<std::array<std::unique_ptr<Packed>, kChunk>>, kChunks> chunks_;
  int size_ = 0;
};

// The sums of gradients over the shards of a batch. levels[i] is the sum of 2^i neighbouring shards that waits for its right-hand neighbour.
struct ShardSums {
  std::vector<Block> levels;
  int32_t count = 0;     // shards of the present sum
  float* top = nullptr;  // the sum of all of them, if their number is a power of two
};

struct Store {
  std::vector<gc_param> params;
  int64_t arena_floats = 0;
  float* data = nullptr;
  float* grad = nullptr;
  float* moment1 = nullptr;
  float* moment2 = nullptr;
  float *moment3 = nullptr, *average = nullptr, *accumulated = nullptr;  // null until gc_store_add_arena
  ShardSums shards;                                                      // shards.cc
  std::vector<gc_group> groups;                                          // of updates, at least one
  std::vector<int32_t> group_of;                                         // by parameter
  uint64_t version = 1;
  PackList packs;
  ArenaPool arenas;                     // of the passes of its plans on the processor
  std::shared_ptr<DeviceStore> device;  // null until a plan runs there
  std::atomic<bool> has_device{false};  // `device` is set: it never changes again
  // Whether packs are shared, changed while `mutex` is held by a writer and `packing`; and the folder of their files, null for this process only.
  bool shares = false;
  std::shared_ptr<const SharedFolder> folder;
  int64_t shared_arena = 0;  // bytes of `data` whose pages are those of a file
  // Readers are forward and backward passes, from the check of their packs to the end, and packing. Writers are updates and all other changes
  // of `version`. While a reader holds the lock, weights do not change, and no run uses a pack of an older version.
  mutable std::shared_mutex mutex;
  // Held while packing; locked after `mutex`.
  std::mutex packing;
  // Held to add a shard to the sums.
  std::mutex summing;
  // Held to add or count packs, for a short time and never during a pass, so that a plan can be compiled during a run.
  mutable std::mutex table;

  // Returns the id of the pack, which the first request creates, or -1 if there is no memory. Called while a plan is compiled.
  int request_pack(int param, PackKind kind, Gates gates = Gates::kNone, Format format = Format::kF32);
  int request_token_gates(const TokenGates& token);
  int request_gate_bias(const GateBias& biases);
  // Returns the bytes of all packs but those in shared memory. It may be called while another thread compiles a plan on this store.
  int64_t packed_bytes() const;
  int64_t shared_bytes() const;  // of the packs in shared memory
};

// Packs the given packs again if they are of an older version, and shares them if the store does. The caller holds at least a shared lock on the
// mutex of the store. The errors are those of share_contents.
gc_status refresh_packs(Store& store, const std::vector<int>& ids, int threads);

// Replaces a pack by shared memory of the same contents. The caller holds `packing`.
gc_status share_pack(const Store& store, Packed& pack);
// Gives a pack its own memory again, because it is written next: other stores keep what they share.
void unshare(Packed& pack);

// Adds the gradients of the store times `count` as the next shard, or zeros if `count` is 0. GC_INVALID_ARGUMENT if `place` is not the next
// place, GC_OUT_OF_MEMORY; then the sum is as it was.
gc_status add_shard(Store& store, double place, double count, int threads);  // shards.cc
// Writes the elements of `range` of the sum of all shards, divided by `total`, to the gradients; zeros if `total` is 0.
void take_shards(Store& store, int64_t begin, int64_t end, double total);  // shards.cc

// Fills one block of 64 columns (pack.cc).
void pack_block(const Store& store, const Packed& pack, int64_t block);

// Returns the number of panels of 16 hidden units, or of 64 if a unit has one slot.
inline int64_t panels_of(int64_t hidden, Gates gates = Gates::kLstm) {
  return gates == Gates::kRnn ? (hidden + 63) / 64 : (hidden + 15) / 16;
}
// Returns how many rows of W each unit has.
inline int64_t gate_count(Gates gates) { return gates == Gates::kRnn ? 1 : gates == Gates::kLstm ? 4 : 3; }
// Returns the row of W at position j of its order, or -1 in the padding and in slots that W does not fill.
inline int64_t gate_row(int64_t j, int64_t hidden, Gates gates = Gates::kLstm) {
  const int64_t unit = j / 64 * 16 + j % 16, place = j % 64 / 16;
  const bool filled = unit < hidden;
  switch (gates) {
    case Gates::kRnn: return j < hidden ? j : -1;
    case Gates::kGruNew: return j < hidden ? 2 * hidden + j : -1;
    case Gates::kGruInput: return filled && place < 3 ? place * hidden + unit : -1;
    case Gates::kGruReset: return filled && place < 2 ? place * hidden + unit : -1;
    case Gates::kGruState: return filled && place != 2 ? (place < 2 ? place : 2) * hidden + unit : -1;
    default: return filled ? place * hidden + unit : -1;
  }
}
// Returns the length of the order of a parameter with `rows` rows.
inline int64_t order_length(int64_t rows, Gates gates) {
  if (gates == Gates::kNone) return rows;
  const int64_t hidden = rows / gate_count(gates);
  return gates == Gates::kGruNew ? hidden : panels_of(hidden, gates) * 64;
}
}  // namespace gatecell

struct gc_store : gatecell::Store {};
