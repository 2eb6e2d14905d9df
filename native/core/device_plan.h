// device_plan.h: plans that run on a device. Graph, memory layout and host copies are the core's, kernels are the library's.
#pragma once
#include <vector>

#include "backend.h"
#include "op.h"

namespace gatecell {

// The arenas of the parameters on the device: one block, and one more each for AMSGrad's third moments, averaged weights and accumulated
// gradients if the store has them; and the group of each parameter. The mutex of the store guards it.
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
  uint64_t version = 0;  // version of the host's values of which this is a copy
  unsigned ahead = 0;    // bits of the groups that are newer on the device than on the host

  explicit DeviceStore(const Backend& b) : backend(b) {}
  DeviceStore(const DeviceStore&) = delete;
  DeviceStore& operator=(const DeviceStore&) = delete;
  ~DeviceStore() {
    for (void* memory : {block, block3, average, accumulated})
      if (memory) backend.table->release(memory);
  }
};
// Both functions lock the mutex of the store.
gc_status open_device_store(Store& store, const Backend& backend);
gc_status fetch_store(Store& store);

// The library's part of a plan, and the tables that describe the plan to the library.
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

// Asks the library for the buffers and the kernel of every node. Returns GC_UNSUPPORTED, with a message that names the op, if the library lacks one.
gc_status prepare_on_device(Plan& plan, int precision);
// Lays out and allocates device memory, and creates the library's plan.
gc_status finish_on_device(Plan& plan);
gc_status run_on_device(Plan& plan, gc_mode mode);
gc_status time_on_device(Plan& plan, gc_mode mode, int32_t count, double* seconds);  // of a mode that has run
// Copies carried states to the host; the next run reads them from there.
gc_status fetch_states(Plan& plan);

// Returns whether one run of a prepared plan is expected to be faster on the device; `why` gets the figures.
bool faster_on_device(const Plan& plan, int precision, std::string& why);

// The amount of work in one run of a plan. GC_AUTO divides it by the measured rates of processor and device and compares the times. rows,
// columns, inner: the shape of the largest product in a step of the plan's recurrences, with which the rate of the processor is measured.
struct Work {
  double flops, launches;
  int64_t rows = 64, columns = 0, inner = 0;
};
Work work_of(const Plan& plan);
inline double device_seconds(const Work& work, const gc_cuda_rates& rates) {
  return rates.run_seconds + work.launches * rates.launch_seconds + work.flops / rates.flops;
}
}  // namespace gatecell
