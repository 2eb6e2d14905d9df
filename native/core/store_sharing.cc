// store_sharing.cc: packs, and the parameters themselves, in memory that several stores have in common.
#include <cstdio>
#include <string>

#include "guarded.h"
#include "machine.h"
#include "store.h"

namespace gatecell {
namespace {
// Describes the contents of a pack: everything but the weights by which kernels read it.
std::string label_of(const Packed& p) {
  const char* const formats[] = {"", "f32", "bf16", "", "int8"};
  char text[160];
  snprintf(text, sizeof text, "isa %s\nprecision %s\nlayout %d.%d.%d k %lld blocks %lld", kernels().name,
           formats[static_cast<int>(p.format)], static_cast<int>(p.kind), static_cast<int>(p.gates),
           static_cast<int>(kernels().tile_columns), static_cast<long long>(p.k), static_cast<long long>(p.blocks));
  return text;
}
}  // namespace

gc_status share_pack(const Store& store, Packed& p) {
  std::shared_ptr<const SharedMemory> shared;
  const gc_status status = share_contents(label_of(p), p.block, p.bytes(), store.folder.get(), &shared);
  if (status != GC_OK) return status;
  p.shared = std::move(shared);
  p.is_shared = true;
  return GC_OK;
}

void unshare(Packed& p) {
  p.is_shared = false;
  p.shared.reset();
}

int64_t Store::shared_bytes() const {
  std::lock_guard<std::mutex> lock(table);
  int64_t bytes = 0;
  for (int i = 0; i < packs.size(); ++i) bytes += packs[i]->is_shared ? packs[i]->bytes() : 0;
  return bytes;
}

namespace {
// Shares the packs that are of the present version. Those of a former one become shared when they are packed again.
gc_status share_packs(Store& store) {
  std::lock_guard<std::mutex> lock(store.table);
  for (int i = 0; i < store.packs.size(); ++i) {
    Packed& p = *store.packs[i];
    if (p.shared || p.version != store.version) continue;
    const gc_status status = share_pack(store, p);
    if (status != GC_OK) return status;
  }
  return GC_OK;
}
}  // namespace
}  // namespace gatecell

using namespace gatecell;

gc_status gc_store_share(gc_store* store, const char* folder) {
  return guarded([&] {
    if (store->grad) return fail(GC_INVALID_ARGUMENT, "expected a model without gradients to share its weights");
    std::shared_ptr<const SharedFolder> opened;
    if (folder) {
      const gc_status status = SharedFolder::open(folder, &opened);
      if (status != GC_OK) return status;
    }
    std::unique_lock<std::shared_mutex> lock(store->mutex);
    std::lock_guard<std::mutex> packing(store->packing);
    if (opened && !store->shared_arena) {
      const gc_status status = share_pages("row-major parameters", reinterpret_cast<char*>(store->data),
                                           store->arena_floats * 4, *opened, &store->shared_arena);
      if (status != GC_OK) return status;
    }
    store->shares = true;
    if (opened && !store->folder) store->folder = std::move(opened);
    return share_packs(*store);
  });
}

int64_t gc_store_shared_bytes(gc_store* store) { return store->shared_bytes(); }
