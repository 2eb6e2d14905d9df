// device_plan.h: a plan that runs on a device: the core's graph, layout and host copies around the library's kernels.
#pragma once
#include <vector>

#include "backend.h"
#include "op.h"

namespace gatecell {

// The parameters' arenas on the device: one block, and one more each for AMSGrad's third moments, averaged weights and accumulated gradients
// if the store has them; and the group of each parameter. Guarded by the store's mutex.
struct DeviceStore {
  enum Group : unsigned {
    kData = 1,
    kGrad = 2,
    kMoment1 = 4,
    kMoment2 = 8,
    kMoment3 = 16,
    kAverage = 32,
    kAccumulated = 64
  };
  const Backend& backend;
  void *block = nullptr, *block3 = nullptr, *average = nullptr, *accumulated = nullptr;
  void* group_of = nullptr;  // in block
  gc_device_arenas arenas = {};
  uint64_t version = 0;  // of the host's values that lie here
  unsigned ahead = 0;    // groups that are newer here than on the host

  explicit DeviceStore(const Backend& b) : backend(b) {}
  DeviceStore(const DeviceStore&) = delete;
  DeviceStore& operator=(const DeviceStore&) = delete;
  ~DeviceStore() {
    for (void* memory : {block, block3, average, accumulated})
      if (memory) backend.table->release(memory);
  }
};
// Both take the store's mutex for themselves.
gc_status open_device_store(Store& store, const Backend& backend);
gc_status fetch_store(Store& store);

// What the library holds of a plan, and the tables it was described with.
struct DevicePlan {
  const Backend& backend;
  std::vector<gc_device_tensor> tensors;
  std::vector<gc_device_node> nodes;
  std::vector<std::vector<uint8_t>> accumulate;
  gc_device_plan_desc desc = {};
  gc_device_plan* handle = nullptr;
  void* arena = nullptr;
  int64_t arena_bytes = 0;
  bool has_states = false;  // carried states are newer on the device than on the host

  explicit DevicePlan(const Backend& b) : backend(b) {}
  DevicePlan(const DevicePlan&) = delete;
  DevicePlan& operator=(const DevicePlan&) = delete;
  ~DevicePlan() {
    if (handle) backend.table->plan_destroy(handle);
    if (arena) backend.table->release(arena);
  }
};

// Buffers and kernels of every node; GC_UNSUPPORTED names what the library lacks.
gc_status prepare_on_device(Plan& plan, int precision);
// Lays out and allocates device memory and hands the plan over.
gc_status finish_on_device(Plan& plan);
gc_status run_on_device(Plan& plan, gc_mode mode);
gc_status time_on_device(Plan& plan, gc_mode mode, int32_t count, double* seconds);  // after a run of that mode
// Carried states to the host, which has the newest from then on.
gc_status fetch_states(Plan& plan);

// Whether one run of a prepared plan is expected to be faster on the device; `why` gets the figures.
bool faster_on_device(const Plan& plan, int precision, std::string& why);

// What one run of a plan does, and what a processor and a device do in a second: the model behind GC_AUTO. rows, columns, inner: of
// the largest product of a step of its recurrences, whose shape the processor's rate is measured at.
struct Work {
  double flops, launches;
  int64_t rows = 64, columns = 0, inner = 0;
};
Work work_of(const Plan& plan);
inline double device_seconds(const Work& work, const gc_cuda_rates& rates) {
  return rates.run_seconds + work.launches * rates.launch_seconds + work.flops / rates.flops;
}
}  // namespace gatecell
