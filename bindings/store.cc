// Parameter stores: storeCreate, storeAddArena, storeSetGroups, storeTouch, storeFetch, storeCopy, storeShare, storeSharedBytes, storeDispose.
#include <stdlib.h>
#include <string.h>

#include <memory>
#include <new>

#include "args.h"
#include "handles.h"

namespace gatecell {

namespace {

const napi_type_tag kStoreTag = {0x6f1d2c9be47a4d30, 0x9c51e38f07b24a61};

struct Free {
  void operator()(void* memory) const { free(memory); }
};

// Reads {offset, rank, d0, d1} per parameter. The core checks that they fit the arena.
bool read_params(napi_env env, const View<double>& table, gc_param* out) {
  for (size_t i = 0; i < table.length / 4; i++) {
    int64_t fields[4];
    for (size_t k = 0; k < 4; k++) {
      const double value = table.data[i * 4 + k];
      const double limit = k == 0 ? 9007199254740991.0 : 2147483647.0;
      if (!(value >= 0 && value <= limit) || value != static_cast<double>(static_cast<int64_t>(value))) {
        throw_error(env, Code::kInvalidArgument, "Expected an integer from 0 to %.0f in params[%zu], found %g.", limit,
                    i * 4 + k, value);
        return false;
      }
      fields[k] = static_cast<int64_t>(value);
    }
    out[i].offset = fields[0];
    out[i].rank = static_cast<int32_t>(fields[1]);
    out[i].dims[0] = static_cast<int32_t>(fields[2]);
    out[i].dims[1] = static_cast<int32_t>(fields[3]);
  }
  return true;
}

void finalize_store(napi_env env, void* data, void*) {
  Store* store = static_cast<Store*>(data);
  store->has_handle = false;
  trim_store(env, store);
}

// Makes the references to the arenas and the external value, which owns `store` then; on failure the store is deleted.
napi_value make_handle(napi_env env, Store* store, const napi_value* arrays) {
  napi_value handle;
  bool made = true;
  for (int k = 0; k < 4; k++) {
    if (made && !is_null(env, arrays[k])) {
      made = napi_create_reference(env, arrays[k], 1, &store->arenas[k]) == napi_ok;
    }
  }
  if (!made || napi_create_external(env, store, finalize_store, nullptr, &handle) != napi_ok) {
    finalize_store(env, store, nullptr);
  } else if (napi_type_tag_object(env, handle, &kStoreTag) == napi_ok) {
    return handle;
  }
  throw_error(env, Code::kOutOfMemory, "Expected to create a store handle, but Node-API refused.");
  return nullptr;
}

}  // namespace

Store* read_store(napi_env env, napi_value value) {
  void* data;
  REQUIRE(read_handle(env, value, "store", kStoreTag, &data));
  Store* store = static_cast<Store*>(data);
  if (!store->disposed) return store;
  throw_error(env, Code::kDisposed, "Expected a live store, found one that was disposed of.");
  return nullptr;
}

void update_store_bytes(napi_env env, Store* store, int64_t bytes) {
  int64_t ignored;
  if (bytes != store->bytes) napi_adjust_external_memory(env, bytes - store->bytes, &ignored);
  store->bytes = bytes;
}

void trim_store(napi_env env, Store* store) {
  if (store->plans == 0 && store->core != nullptr && (store->disposed || !store->has_handle)) {
    gc_store_destroy(store->core);
    store->core = nullptr;
  }
  update_store_bytes(env, store, store->core == nullptr ? 0 : gc_store_bytes(store->core));
  if (store->plans > 0 || store->has_handle) return;
  for (napi_ref arena : store->arenas) {
    if (arena != nullptr) napi_delete_reference(env, arena);
  }
  delete store;
  release_library();
}

napi_value store_create(napi_env env, napi_callback_info info) {
  static const char* const names[4] = {"data", "grad", "moment1", "moment2"};
  napi_value args[5];
  View<double> table;
  View<float> arenas[4] = {};
  REQUIRE(read_arguments(env, info, args));
  REQUIRE(read_view(env, args[0], "params", Lifetime::kCall, &table));
  for (int k = 0; k < 4; k++) {
    if (k > 0 && is_null(env, args[k + 1])) continue;
    REQUIRE(read_view(env, args[k + 1], names[k], Lifetime::kBorrowed, &arenas[k]));
    if (arenas[k].length != arenas[0].length) {
      throw_error(env, Code::kInvalidShape, "Expected %s to have the %zu elements of data, found %zu.", names[k],
                  arenas[0].length, arenas[k].length);
      return nullptr;
    }
  }
  if (table.length % 4 != 0 || table.length / 4 > 1 << 20) {
    throw_error(env, Code::kInvalidArgument, "Expected 4 numbers for each of at most %d params, found %zu numbers.",
                1 << 20, table.length);
    return nullptr;
  }
  const size_t count = table.length / 4;
  std::unique_ptr<gc_param, Free> params(static_cast<gc_param*>(calloc(count + 1, sizeof(gc_param))));
  Store* store = new (std::nothrow) Store();
  if (params == nullptr || store == nullptr) {
    delete store;
    throw_error(env, Code::kOutOfMemory, "Expected memory for %zu params, found none.", count);
    return nullptr;
  }
  if (!read_params(env, table, params.get()) ||
      !check_status(env,
                    gc_store_create(params.get(), static_cast<int32_t>(count), static_cast<int64_t>(arenas[0].length),
                                    arenas[0].data, arenas[1].data, arenas[2].data, arenas[3].data, &store->core))) {
    delete store;
    return nullptr;
  }
  store->arena_floats = arenas[0].length;
  store->params = count;
  retain_library();
  return make_handle(env, store, args + 1);
}

napi_value store_add_arena(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int32_t group;
  View<float> arena;
  REQUIRE(read_arguments(env, info, args));
  Store* store = read_store(env, args[0]);
  REQUIRE(store != nullptr);
  REQUIRE(read_int(env, args[1], "group", 4, 6, &group));
  REQUIRE(read_view(env, args[2], "arena", Lifetime::kBorrowed, &arena));
  if (arena.length != store->arena_floats) {
    throw_error(env, Code::kInvalidShape, "Expected an arena with the %zu elements of data, found %zu.",
                store->arena_floats, arena.length);
    return nullptr;
  }
  napi_ref reference;
  if (napi_create_reference(env, args[2], 1, &reference) != napi_ok) {
    throw_error(env, Code::kOutOfMemory, "Expected to keep the arena, but Node-API refused.");
    return nullptr;
  }
  if (check_status(env, gc_store_add_arena(store->core, group, arena.data))) store->arenas[group] = reference;
  else napi_delete_reference(env, reference);
  return nullptr;
}

napi_value store_set_groups(napi_env env, napi_callback_info info) {
  constexpr size_t kFields = 6;
  napi_value args[3];
  View<int32_t> group_of;
  View<double> fields;
  gc_group groups[GC_MAX_GROUPS];
  REQUIRE(read_arguments(env, info, args));
  Store* store = read_store(env, args[0]);
  REQUIRE(store != nullptr);
  REQUIRE(read_view(env, args[1], "groupOf", Lifetime::kCall, &group_of));
  REQUIRE(read_view(env, args[2], "groups", Lifetime::kCall, &fields));
  const size_t count = fields.length / kFields;
  if (group_of.length != store->params || fields.length % kFields != 0 || count > GC_MAX_GROUPS) {
    throw_error(env, Code::kInvalidArgument,
                "Expected a group for each of %zu parameters and %zu numbers for each of at most %d groups, found %zu "
                "and %zu numbers.",
                store->params, kFields, GC_MAX_GROUPS, group_of.length, fields.length);
    return nullptr;
  }
  for (size_t i = 0; i < count; i++) {
    const double* at = fields.data + i * kFields;
    groups[i] = {at[0] != 0, at[1] != 0, at[2], at[3], at[4], at[5]};
  }
  check_status(env, gc_store_set_groups(store->core, group_of.data, groups, static_cast<int32_t>(count)));
  return nullptr;
}

// A call of the core that takes only a store.
template <gc_status (*call)(gc_store*)>
napi_value store_call(napi_env env, napi_callback_info info) {
  napi_value args[1];
  REQUIRE(read_arguments(env, info, args));
  Store* store = read_store(env, args[0]);
  REQUIRE(store != nullptr);
  check_status(env, call(store->core));
  return nullptr;
}

napi_value store_touch(napi_env env, napi_callback_info info) { return store_call<gc_store_touch>(env, info); }
napi_value store_fetch(napi_env env, napi_callback_info info) { return store_call<gc_store_fetch>(env, info); }

napi_value store_copy(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int32_t group;
  View<float> out;
  REQUIRE(read_arguments(env, info, args));
  Store* store = read_store(env, args[0]);
  REQUIRE(store != nullptr);
  REQUIRE(read_int(env, args[1], "group", 0, 5, &group));
  REQUIRE(read_view(env, args[2], "out", Lifetime::kCall, &out));
  check_status(env, gc_store_copy(store->core, group, out.data, static_cast<int64_t>(out.length)));
  return nullptr;
}

napi_value store_share(napi_env env, napi_callback_info info) {
  napi_value args[2];
  char folder[4097];
  size_t length = 0;
  REQUIRE(read_arguments(env, info, args));
  Store* store = read_store(env, args[0]);
  REQUIRE(store != nullptr);
  const bool has_folder = !is_null(env, args[1]);
  if (has_folder && (napi_get_value_string_utf8(env, args[1], folder, sizeof folder, &length) != napi_ok ||
                     length + 1 >= sizeof folder || strlen(folder) != length)) {
    throw_error(env, Code::kInvalidArgument, "Expected the path of a folder of at most %zu bytes, or null, for folder.",
                sizeof folder - 2);
    return nullptr;
  }
  check_status(env, gc_store_share(store->core, has_folder ? folder : nullptr));
  return nullptr;
}

napi_value store_shared_bytes(napi_env env, napi_callback_info info) {
  napi_value args[1], bytes;
  REQUIRE(read_arguments(env, info, args));
  Store* store = read_store(env, args[0]);
  REQUIRE(store != nullptr);
  REQUIRE(napi_create_double(env, static_cast<double>(gc_store_shared_bytes(store->core)), &bytes) == napi_ok);
  return bytes;
}

napi_value store_dispose(napi_env env, napi_callback_info info) {
  napi_value args[1];
  REQUIRE(read_arguments(env, info, args));
  Store* store = read_store(env, args[0]);
  REQUIRE(store != nullptr);
  if (store->running > 0) {
    throw_error(env, Code::kBusy, "Expected an idle store, found %d running job(s) on it: wait for them.",
                store->running);
    return nullptr;
  }
  // Plans of the store then refuse to run. The native part is freed with the last of them, or now if there is none.
  store->disposed = true;
  trim_store(env, store);
  return nullptr;
}

}  // namespace gatecell
