// store.cc: the table of parameters and their packed copies: requests for copies, and their versions.
#include "store.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "guarded.h"
#include "machine.h"
#include "op.h"
#include "packed_product.h"

namespace gatecell {
namespace {

struct PackShape {
  int64_t k, columns;
};

PackShape pack_shape(const gc_param& p, PackKind kind, Gates gates) {
  const int64_t inputs = p.rank == 2 ? p.dims[1] : 1, rows = order_length(p.dims[0], gates);
  return kind == PackKind::kForward ? PackShape{inputs, rows} : PackShape{rows, inputs};
}

void multiply_token_gates(const Store& s, const Packed& p, int threads) {
  const gc_param &table = s.params[p.token.table], &w = s.params[p.token.w_ih];
  const int64_t hidden = w.dims[0] / 4, tokens = table.dims[0];
  PackedProduct m;
  m.a = s.data + table.offset;
  m.a_row = table.dims[1];
  m.segment_length = table.dims[1];
  m.b = p.weights;
  m.c = p.block.floats();
  m.c_row = 64;
  m.c_block = tokens * 64;
  m.columns = panels_of(hidden) * 64;
  m.start = p.start->data();
  parallel(threads, [&](int index, int team) { multiply(m, {0, tokens}, share(m.b->blocks, index, team)); });
}
}  // namespace

int Store::request_token_gates(const TokenGates& token) {
  const int64_t hidden = params[token.w_ih].dims[0] / 4;
  const int weights = request_pack(token.w_ih, PackKind::kForward, Gates::kLstm);
  const int bias = request_gate_bias({token.b_ih, token.b_hh, hidden, Gates::kLstm, Gates::kLstm});
  if (weights < 0 || bias < 0) return -1;
  std::lock_guard<std::mutex> lock(table);
  for (int i = 0; i < packs.size(); ++i) {
    const TokenGates& t = packs[i]->token;
    if (t.table == token.table && t.w_ih == token.w_ih && t.b_ih == token.b_ih && t.b_hh == token.b_hh) return i;
  }
  auto packed = std::make_unique<Packed>();
  packed->kind = PackKind::kTokenGates;
  packed->param = -1;
  packed->token = token;
  packed->weights = packs[weights].get();
  packed->start = packs[bias].get();
  packed->k = params[token.table].dims[0];
  packed->blocks = panels_of(hidden);
  if (!packed->block.allocate(packed->bytes())) return -1;
  return packs.add(std::move(packed));
}

int Store::request_pack(int param, PackKind kind, Gates gates, Format format) {
  std::lock_guard<std::mutex> lock(table);
  for (int i = 0; i < packs.size(); ++i)
    if (packs[i]->param == param && packs[i]->kind == kind && packs[i]->gates == gates && packs[i]->format == format)
      return i;
  auto packed = std::make_unique<Packed>();
  const PackShape shape = pack_shape(params[param], kind, gates);
  packed->param = param;
  packed->kind = kind;
  packed->gates = gates;
  packed->format = format;
  packed->k = (shape.k + static_cast<int>(format) - 1) / static_cast<int>(format);
  packed->blocks = (shape.columns + 63) / 64;
  if (!packed->block.allocate(packed->bytes())) return -1;
  return packs.add(std::move(packed));
}

int Store::request_gate_bias(const GateBias& b) {
  std::lock_guard<std::mutex> lock(table);
  for (int i = 0; i < packs.size(); ++i) {
    const GateBias& a = packs[i]->biases;
    if (packs[i]->kind == PackKind::kGateBias && a.b_ih == b.b_ih && a.b_hh == b.b_hh && a.hidden == b.hidden &&
        a.ih == b.ih && a.hh == b.hh)
      return i;
  }
  auto packed = std::make_unique<Packed>();
  packed->kind = PackKind::kGateBias;
  packed->param = -1;
  packed->biases = b;
  packed->k = 1;
  packed->blocks = panels_of(b.hidden, b.ih);
  if (!packed->block.allocate(packed->bytes())) return -1;
  return packs.add(std::move(packed));
}

int64_t Store::packed_bytes() const {
  std::lock_guard<std::mutex> lock(table);
  int64_t bytes = 0;
  for (int i = 0; i < packs.size(); ++i) bytes += packs[i]->is_shared ? 0 : packs[i]->block.bytes();
  return bytes;
}

gc_status refresh_packs(Store& store, const std::vector<int>& ids, int threads) {
  const auto stale = [&](int id) { return store.packs[id]->version.load(std::memory_order_acquire) != store.version; };
  if (std::none_of(ids.begin(), ids.end(), stale)) return GC_OK;
  std::lock_guard<std::mutex> lock(store.packing);
  int64_t work = 0;
  for (int id : ids) {
    if (!stale(id)) continue;
    work += store.packs[id]->floats();
    unshare(*store.packs[id]);
  }
  parallel(work < 100000 ? 1 : threads, [&](int index, int team) {
    for (int id : ids) {
      const Packed& p = *store.packs[id];
      if (!stale(id) || p.kind == PackKind::kTokenGates) continue;
      const Range blocks = share(p.blocks, index, team);
      for (int64_t b = blocks.begin; b < blocks.end; ++b) pack_block(store, p, b);
    }
  });
  for (int id : ids) {
    Packed& p = *store.packs[id];
    if (p.kind == PackKind::kTokenGates && stale(id)) multiply_token_gates(store, p, threads);
    if (stale(id) && store.shares) {
      const gc_status status = share_pack(store, p);
      if (status != GC_OK) return status;
    }
    p.version.store(store.version, std::memory_order_release);
  }
  return GC_OK;
}
}  // namespace gatecell

using namespace gatecell;

namespace {
gc_status check_param(const gc_param& p, int32_t index, int64_t arena_floats) {
  if (p.rank != 1 && p.rank != 2)
    return fail(GC_INVALID_ARGUMENT, "expected rank 1 or 2 for parameter %d, got %d", index, p.rank);
  int64_t elements = 1;
  for (int d = 0; d < p.rank; ++d) {
    if (p.dims[d] < 1)
      return fail(GC_INVALID_SHAPE, "expected positive dimensions for parameter %d, got %d", index, p.dims[d]);
    elements *= p.dims[d];
  }
  if (p.offset < 0 || p.offset % 16 != 0 || p.offset > arena_floats - elements)
    return fail(GC_INVALID_ARGUMENT, "parameter %d lies outside the arena of %lld floats", index,
                static_cast<long long>(arena_floats));
  return GC_OK;
}
}  // namespace

gc_status gc_store_create(const gc_param* params, int32_t count, int64_t arena_floats, float* data, float* grad,
                          float* moment1, float* moment2, gc_store** out) {
  if (!data || count < 1) return fail(GC_INVALID_ARGUMENT, "expected at least one parameter and its arena");
  for (int32_t i = 0; i < count; ++i) {
    const gc_status status = check_param(params[i], i, arena_floats);
    if (status != GC_OK) return status;
  }
  return guarded([&] {
    auto store = std::make_unique<gc_store>();
    store->params.assign(params, params + count);
    store->groups.assign(1, {0, 0, 1, 0, 0, 0});
    store->group_of.assign(static_cast<size_t>(count), 0);
    store->arena_floats = arena_floats;
    store->data = data;
    store->grad = grad;
    store->moment1 = moment1;
    store->moment2 = moment2;
    for (float* arena : {data, grad, moment1, moment2}) prefer_huge_pages(arena, arena_floats * 4);
    *out = store.release();
    return GC_OK;
  });
}

gc_status gc_store_add_arena(gc_store* store, int32_t group, float* arena) {
  return guarded([&] {
    if (group < 4 || group > 6) return fail(GC_INVALID_ARGUMENT, "expected group 4, 5 or 6 to add, got %d", group);
    if (!arena || !store->moment2) return fail(GC_INVALID_ARGUMENT, "expected an arena for a store with moments");
    std::unique_lock<std::shared_mutex> lock(store->mutex);
    float*& place = group == 4 ? store->moment3 : group == 5 ? store->average : store->accumulated;
    if (place) return fail(GC_INVALID_ARGUMENT, "expected a store without an arena of group %d", group);
    prefer_huge_pages(arena, store->arena_floats * 4);
    place = arena;
    ++store->version;  // a device must take the new arena
    return GC_OK;
  });
}

gc_status gc_store_set_groups(gc_store* store, const int32_t* group_of, const gc_group* groups, int32_t count) {
  const auto valid = [](double x) { return x >= 0 && std::isfinite(x); };
  if (count < 1 || count > GC_MAX_GROUPS)
    return fail(GC_INVALID_ARGUMENT, "expected 1 to %d groups of parameters, got %d", GC_MAX_GROUPS, count);
  for (int32_t i = 0; i < count; ++i) {
    const gc_group& g = groups[i];
    if (!valid(g.rate) || !valid(g.weight_decay) || !valid(g.l2) || !valid(g.skipped))
      return fail(GC_INVALID_ARGUMENT, "expected finite numbers from 0 on in group %d of parameters", i);
  }
  for (size_t i = 0; i < store->params.size(); ++i)
    if (group_of[i] < 0 || group_of[i] >= count)
      return fail(GC_INVALID_ARGUMENT, "expected a group from 0 to %d for parameter %zu, got %d", count - 1, i,
                  group_of[i]);
  return guarded([&] {
    std::vector<gc_group> copy(groups, groups + count);
    std::unique_lock<std::shared_mutex> lock(store->mutex);
    store->groups.swap(copy);
    std::copy(group_of, group_of + store->params.size(), store->group_of.begin());
    ++store->version;  // a device must take the new groups
    return GC_OK;
  });
}

gc_status gc_store_touch(gc_store* store) {
  return guarded([&] {
    std::unique_lock<std::shared_mutex> lock(store->mutex);
    ++store->version;
    return GC_OK;
  });
}

gc_status gc_store_copy(gc_store* store, int32_t group, float* out, int64_t floats) {
  return guarded([&] {
    const float* const arenas[] = {store->data,    nullptr,        store->moment1,
                                   store->moment2, store->moment3, store->average};
    if (group < 0 || group > 5 || !arenas[group])
      return fail(GC_INVALID_ARGUMENT, "expected a group that a step updates and the store has, got %d", group);
    if (floats != store->arena_floats)
      return fail(GC_INVALID_SHAPE, "expected room for %lld floats, got %lld",
                  static_cast<long long>(store->arena_floats), static_cast<long long>(floats));
    const gc_status status = gc_store_fetch(store);
    if (status != GC_OK) return status;
    std::shared_lock<std::shared_mutex> lock(store->mutex);
    memcpy(out, arenas[group], static_cast<size_t>(store->arena_floats) * 4);
    return GC_OK;
  });
}

int64_t gc_store_bytes(gc_store* store) { return store->packed_bytes() + store->arenas.bytes(); }

void gc_store_destroy(gc_store* store) { delete store; }
