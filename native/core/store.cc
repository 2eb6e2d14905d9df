// store.cc: parameter table, packing.
#include "store.h"

#include <algorithm>
#include <cstring>

#include "machine.h"
#include "matmul.h"
#include "op.h"

namespace gatecell {
namespace {

struct PackShape {
  int64_t k, columns;
};

PackShape pack_shape(const gc_param& p, PackKind kind) {
  const int64_t outputs = p.dims[0], inputs = p.rank == 2 ? p.dims[1] : 1;
  switch (kind) {
    case PackKind::kForward: return {inputs, outputs};
    case PackKind::kForwardGates: return {inputs, panels_of(outputs / 4) * 64};
    case PackKind::kBackward: return {outputs, inputs};
    default: return {panels_of(outputs / 4) * 64, inputs};
  }
}

// The row of W behind position j of the packed dimension that runs over W's rows; -1 in the padding.
int64_t source_row(const Packed& p, int64_t j, int64_t rows) {
  const bool gates = p.kind == PackKind::kForwardGates || p.kind == PackKind::kBackwardGates;
  if (gates) return j < panels_of(rows / 4) * 64 ? gate_row(j, rows / 4) : -1;
  return j < rows ? j : -1;
}

// B(k, n) = W[row(n)][k]: a transpose, done in squares of 16 so that both sides stay in L1.
void pack_transposed(const Store& s, const Packed& p, int64_t block) {
  const gc_param& param = s.params[p.param];
  const int64_t width = kernels().tile_columns, rows = param.dims[0];
  const float* w = s.data + param.offset;
  for (int64_t tile = 0; tile < 64; tile += width) {
    float* to = p.block.floats() + block * p.k * 64 + tile * p.k;
    for (int64_t k0 = 0; k0 < p.k; k0 += 16) {
      const int64_t k1 = std::min(k0 + 16, p.k);
      for (int64_t n = 0; n < width; ++n) {
        const int64_t column = block * 64 + tile + n;
        const int64_t row = source_row(p, column, rows);
        if (row < 0) {
          for (int64_t k = k0; k < k1; ++k) to[k * width + n] = 0;
        } else {
          for (int64_t k = k0; k < k1; ++k) to[k * width + n] = w[row * p.k + k];
        }
      }
    }
  }
}

// B(k, n) = W[row(k)][n]: rows are copied in pieces of one tile.
void pack_straight(const Store& s, const Packed& p, int64_t block) {
  const gc_param& param = s.params[p.param];
  const int64_t width = kernels().tile_columns, rows = param.dims[0], columns = param.rank == 2 ? param.dims[1] : 1;
  const float* w = s.data + param.offset;
  for (int64_t k = 0; k < p.k; ++k) {
    const int64_t row = source_row(p, k, rows);
    for (int64_t tile = 0; tile < 64; tile += width) {
      float* to = p.block.floats() + block * p.k * 64 + tile * p.k + k * width;
      const int64_t first = block * 64 + tile, count = row < 0 ? 0 : std::max<int64_t>(0, std::min(width, columns - first));
      if (count > 0) memcpy(to, w + row * columns + first, static_cast<size_t>(count) * 4);
      if (count < width) memset(to + count, 0, static_cast<size_t>(width - count) * 4);
    }
  }
}

// bf16, B(k, n) = W[row(n)][k]: a row of W narrowed is a row of words already; they are laid out column by column.
void pack_pairs_transposed(const Store& s, const Packed& p, int64_t block) {
  const gc_param& param = s.params[p.param];
  const int64_t width = kernels().tile_columns, columns = param.rank == 2 ? param.dims[1] : 1;
  for (int64_t n = 0; n < 64; ++n) {
    const int64_t row = source_row(p, block * 64 + n, param.dims[0]);
    auto* to = reinterpret_cast<uint32_t*>(p.block.floats()) + block * p.k * 64 + n / width * width * p.k + n % width;
    for (int64_t k0 = 0; k0 < p.k; k0 += 32) {
      const int64_t words = std::min<int64_t>(32, p.k - k0), count = std::min(2 * words, columns - 2 * k0);
      uint32_t part[32] = {};
      if (row >= 0) bf16_kernels().narrow(s.data + param.offset + row * columns + 2 * k0, 64, reinterpret_cast<uint16_t*>(part), 64, 1, count);
      for (int64_t k = 0; k < words; ++k) to[(k0 + k) * width] = part[k];
    }
  }
}

// bf16, B(k, n) = W[row(k)][n]: two rows are narrowed and interleaved.
void pack_pairs_straight(const Store& s, const Packed& p, int64_t block) {
  const gc_param& param = s.params[p.param];
  const int64_t width = kernels().tile_columns, columns = param.rank == 2 ? param.dims[1] : 1;
  const int64_t first = block * 64, count = std::min<int64_t>(64, columns - first);
  for (int64_t k = 0; k < p.k; ++k) {
    uint16_t rows[2][64] = {};
    uint32_t words[64];
    for (int64_t i = 0; i < 2; ++i) {
      const int64_t row = source_row(p, 2 * k + i, param.dims[0]);
      if (row >= 0) bf16_kernels().narrow(s.data + param.offset + row * columns + first, 64, rows[i], 64, 1, count);
    }
    bf16_kernels().pair(rows[0], rows[1], words, 64);
    for (int64_t tile = 0; tile < 64; tile += width)
      memcpy(p.block.floats() + block * p.k * 64 + tile * p.k + k * width, words + tile, static_cast<size_t>(width) * 4);
  }
}

void pack_block(const Store& s, const Packed& p, int64_t block) {
  const bool transposed = p.kind == PackKind::kForward || p.kind == PackKind::kForwardGates;
  if (p.half) transposed ? pack_pairs_transposed(s, p, block) : pack_pairs_straight(s, p, block);
  else transposed ? pack_transposed(s, p, block) : pack_straight(s, p, block);
}

// Both biases in the order of the gate buffer, zero in the padding.
void combine_biases(const Store& s, const TokenGates& token, int64_t hidden, float* to) {
  for (int64_t j = 0; j < panels_of(hidden) * 64; ++j) {
    const int64_t row = gate_row(j, hidden);
    const float ih = row < 0 || token.b_ih < 0 ? 0 : s.data[s.params[token.b_ih].offset + row];
    const float hh = row < 0 || token.b_hh < 0 ? 0 : s.data[s.params[token.b_hh].offset + row];
    to[j] = ih + hh;
  }
}

void multiply_token_gates(const Store& s, const Packed& p, int threads) {
  const gc_param &table = s.params[p.token.table], &w = s.params[p.token.w_ih];
  const int64_t hidden = w.dims[0] / 4, tokens = table.dims[0];
  std::vector<float> bias(static_cast<size_t>(panels_of(hidden) * 64));
  combine_biases(s, p.token, hidden, bias.data());
  MatMul m;
  m.a = s.data + table.offset;
  m.a_row = table.dims[1];
  m.segment_length = table.dims[1];
  m.b = p.weights;
  m.c = p.block.floats();
  m.c_row = 64;
  m.c_block = tokens * 64;
  m.columns = panels_of(hidden) * 64;
  m.start = bias.data();
  parallel(threads, [&](int index, int team) { multiply(m, {0, tokens}, share(m.b->blocks, index, team)); });
}
}  // namespace

int Store::request_token_gates(const TokenGates& token) {
  const int weights = request_pack(token.w_ih, PackKind::kForwardGates);
  if (weights < 0) return -1;
  std::unique_lock<std::shared_mutex> lock(mutex);
  for (size_t i = 0; i < packs.size(); ++i) {
    const TokenGates& t = packs[i]->token;
    if (t.table == token.table && t.w_ih == token.w_ih && t.b_ih == token.b_ih && t.b_hh == token.b_hh) return static_cast<int>(i);
  }
  auto packed = std::make_unique<Packed>();
  packed->kind = PackKind::kTokenGates;
  packed->param = -1;
  packed->token = token;
  packed->weights = packs[weights].get();
  packed->k = params[token.table].dims[0];
  packed->blocks = panels_of(params[token.w_ih].dims[0] / 4);
  if (!packed->block.allocate(packed->k * packed->blocks * 64 * 4)) return -1;
  packs.push_back(std::move(packed));
  return static_cast<int>(packs.size()) - 1;
}

int Store::request_pack(int param, PackKind kind, bool half) {
  std::unique_lock<std::shared_mutex> lock(mutex);
  for (size_t i = 0; i < packs.size(); ++i)
    if (packs[i]->param == param && packs[i]->kind == kind && packs[i]->half == half) return static_cast<int>(i);
  auto packed = std::make_unique<Packed>();
  const PackShape shape = pack_shape(params[param], kind);
  packed->param = param;
  packed->kind = kind;
  packed->half = half;
  packed->k = half ? (shape.k + 1) / 2 : shape.k;
  packed->blocks = (shape.columns + 63) / 64;
  if (!packed->block.allocate(packed->k * packed->blocks * 64 * 4)) return -1;
  packs.push_back(std::move(packed));
  return static_cast<int>(packs.size()) - 1;
}

int64_t Store::packed_bytes() const {
  int64_t bytes = 0;
  for (const auto& pack : packs) bytes += pack->block.bytes();
  return bytes;
}

void refresh_packs(Store& store, const std::vector<int>& ids, int threads) {
  {
    std::shared_lock<std::shared_mutex> lock(store.mutex);
    bool fresh = true;
    for (int id : ids) fresh = fresh && store.packs[id]->version == store.version;
    if (fresh) return;
  }
  std::unique_lock<std::shared_mutex> lock(store.mutex);
  int64_t work = 0;
  for (int id : ids) {
    const Packed& p = *store.packs[id];
    if (p.version != store.version) work += p.k * p.blocks * 64;
  }
  parallel(work < 100000 ? 1 : threads, [&](int index, int team) {
    for (int id : ids) {
      const Packed& p = *store.packs[id];
      if (p.version == store.version || p.kind == PackKind::kTokenGates) continue;
      const Range blocks = share(p.blocks, index, team);
      for (int64_t b = blocks.begin; b < blocks.end; ++b) pack_block(store, p, b);
    }
  });
  for (int id : ids) {
    Packed& p = *store.packs[id];
    if (p.kind == PackKind::kTokenGates && p.version != store.version) multiply_token_gates(store, p, threads);
    p.version = store.version;
  }
}
}  // namespace gatecell

using namespace gatecell;

namespace {
gc_status check_param(const gc_param& p, int32_t index, int64_t arena_floats) {
  if (p.rank != 1 && p.rank != 2) return fail(GC_INVALID_ARGUMENT, "expected rank 1 or 2 for parameter %d, got %d", index, p.rank);
  int64_t elements = 1;
  for (int d = 0; d < p.rank; ++d) {
    if (p.dims[d] < 1) return fail(GC_INVALID_SHAPE, "expected positive dimensions for parameter %d, got %d", index, p.dims[d]);
    elements *= p.dims[d];
  }
  if (p.offset < 0 || p.offset % 16 != 0 || p.offset > arena_floats - elements)
    return fail(GC_INVALID_ARGUMENT, "parameter %d lies outside the arena of %lld floats", index, static_cast<long long>(arena_floats));
  return GC_OK;
}
}  // namespace

gc_status gc_store_create(const gc_param* params, int32_t count, int64_t arena_floats, float* data, float* grad, float* moment1,
                          float* moment2, gc_store** out) {
  if (!data || count < 1) return fail(GC_INVALID_ARGUMENT, "expected at least one parameter and its arena");
  for (int32_t i = 0; i < count; ++i) {
    const gc_status status = check_param(params[i], i, arena_floats);
    if (status != GC_OK) return status;
  }
  auto* store = new gc_store;
  store->params.assign(params, params + count);
  store->arena_floats = arena_floats;
  store->data = data;
  store->grad = grad;
  store->moment1 = moment1;
  store->moment2 = moment2;
  *out = store;
  return GC_OK;
}

gc_status gc_store_touch(gc_store* store) {
  std::unique_lock<std::shared_mutex> lock(store->mutex);
  ++store->version;
  return GC_OK;
}

void gc_store_destroy(gc_store* store) { delete store; }
