// device_store.cc: parameters, gradients and moments on the device. They are sent before a run if the host has newer ones, and fetched
// before the host reads what the device has changed.
#include <mutex>

#include "device_plan.h"
#include "guarded.h"

namespace gatecell {
namespace {
struct GroupRow {
  unsigned bit;
  float* host;
  float* device;
};

constexpr int kGroups = 7;

void groups_of(const Store& s, const DeviceStore& d, GroupRow (&rows)[kGroups]) {
  rows[0] = {DeviceStore::kData, s.data, d.arenas.data};
  rows[1] = {DeviceStore::kGrad, s.grad, d.arenas.grad};
  rows[2] = {DeviceStore::kMoment1, s.moment1, d.arenas.moment1};
  rows[3] = {DeviceStore::kMoment2, s.moment2, d.arenas.moment2};
  rows[4] = {DeviceStore::kMoment3, s.moment3, d.arenas.moment3};
  rows[5] = {DeviceStore::kAverage, s.average, static_cast<float*>(d.average)};
  rows[6] = {DeviceStore::kAccumulated, s.accumulated, static_cast<float*>(d.accumulated)};
}

// Allocates the third arena of moments, which a store may get late. It then has a new version, so that the next run sends the values.
gc_status add_moment3(const Store& store, DeviceStore& device) {
  if (!store.moment3 || device.block3) return GC_OK;
  const int32_t status = device.backend.table->allocate(round_up(store.arena_floats * 4, 256), &device.block3);
  if (status != GC_OK) return backend_failure(device.backend, status);
  device.arenas.moment3 = static_cast<float*>(device.block3);
  return GC_OK;
}
}  // namespace

gc_status open_device_store(Store& store, const Backend& backend) {
  std::unique_lock<std::shared_mutex> lock(store.mutex);
  if (store.device) return add_moment3(store, *store.device);
  auto device = std::make_shared<DeviceStore>(backend);
  const int64_t bytes = round_up(store.arena_floats * 4, 256);
  const int64_t groups = 1 + (store.grad != nullptr) + (store.moment1 != nullptr) + (store.moment2 != nullptr);
  const int64_t table = round_up(static_cast<int64_t>(store.group_of.size()) * 4, 256);
  const int32_t status = backend.table->allocate(bytes * groups + table, &device->block);
  if (status != GC_OK) return backend_failure(backend, status);
  char* at = static_cast<char*>(device->block);
  const auto next = [&](const float* wanted) {
    float* here = wanted ? reinterpret_cast<float*>(at) : nullptr;
    if (wanted) at += bytes;
    return here;
  };
  device->arenas.data = next(store.data);
  device->arenas.grad = next(store.grad);
  device->arenas.moment1 = next(store.moment1);
  device->arenas.moment2 = next(store.moment2);
  device->group_of = at;
  store.device = device;
  store.has_device.store(true, std::memory_order_release);
  return add_moment3(store, *device);
}

namespace {
// Allocates the arenas that a store may get after plans were made for the device. Their addresses are therefore arguments of each run.
gc_status add_late(const Store& store, DeviceStore& device) {
  const int64_t bytes = round_up(store.arena_floats * 4, 256);
  const struct {
    bool wanted;
    void** place;
  } rows[] = {{store.average != nullptr, &device.average}, {store.accumulated != nullptr, &device.accumulated}};
  for (const auto& row : rows) {
    if (!row.wanted || *row.place) continue;
    const int32_t status = device.backend.table->allocate(bytes, row.place);
    if (status != GC_OK) return backend_failure(device.backend, status);
  }
  return GC_OK;
}
}  // namespace

gc_status send_store(Store& store) {
  DeviceStore& device = *store.device;
  if (device.version == store.version) return GC_OK;
  const gc_status added = add_late(store, device);
  if (added != GC_OK) return added;
  GroupRow rows[kGroups];
  groups_of(store, device, rows);
  for (const GroupRow& row : rows) {
    if (!row.device || row.bit == DeviceStore::kGrad) continue;  // each run computes the gradients again
    const int32_t status = device.backend.table->upload(row.device, row.host, store.arena_floats * 4);
    if (status != GC_OK) return backend_failure(device.backend, status);
  }
  const int64_t bytes = static_cast<int64_t>(store.group_of.size()) * 4;
  const int32_t status = device.backend.table->upload(device.group_of, store.group_of.data(), bytes);
  if (status != GC_OK) return backend_failure(device.backend, status);
  device.version = store.version;
  device.ahead = 0;
  return GC_OK;
}

// Sends the gradients, unless those on the device are newer.
gc_status send_gradients(Store& store) {
  const DeviceStore& device = *store.device;
  if (device.version == store.version && (device.ahead & DeviceStore::kGrad)) return GC_OK;
  const int32_t status = device.backend.table->upload(device.arenas.grad, store.grad, store.arena_floats * 4);
  return status == GC_OK ? GC_OK : backend_failure(device.backend, status);
}

gc_status fetch_store(Store& store) {
  std::unique_lock<std::shared_mutex> lock(store.mutex);
  if (!store.device || store.device->ahead == 0) return GC_OK;
  DeviceStore& device = *store.device;
  GroupRow rows[kGroups];
  groups_of(store, device, rows);
  for (const GroupRow& row : rows) {
    if (!row.device || !(device.ahead & row.bit)) continue;
    const int32_t status = device.backend.table->download(row.host, row.device, store.arena_floats * 4);
    if (status != GC_OK) return backend_failure(device.backend, status);
  }
  device.ahead = 0;
  return GC_OK;
}
}  // namespace gatecell

gc_status gc_store_fetch(gc_store* store) {
  // Without a device there is nothing to fetch, and no reason to wait for the mutex.
  if (!store->has_device.load(std::memory_order_acquire)) return GC_OK;
  return gatecell::guarded([&] { return gatecell::fetch_store(*store); });
}
