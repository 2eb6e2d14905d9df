// measure.cu: times and rates of this device: the time of one of many dependent kernels in a graph and of a run that does nothing, the rate
// of a product that fills the device, with the fastest method that it has, and of a copy. They serve the choice between device and
// processor, and `gatecell bench`.
#include <chrono>

#include "held.h"
#include "kernels/product.h"
#include "plan.h"

namespace gatecell {
namespace cuda {
namespace {
struct alignas(16) Quad {
  float of[4];
};
constexpr int kChain = 256, kRepeats = 5, kRuns = 20;

gc_status time_of(Queue& queue, Capture& capture, double& seconds) {
  const OwnRecording recording = capture.end();
  seconds = recording ? queue.time(recording.get(), kRepeats) : -1;
  const gc_status status = queue.wait();
  return status == GC_OK && seconds <= 0 ? fail(GC_UNSUPPORTED, "expected a time from the device, got none") : status;
}

// Measures the cost of a run apart from its kernels: a graph of one kernel, with a few bytes to the device and back, by the clock of the host.
gc_status time_run(Queue& queue, float* memory, double& seconds) {
  constexpr int64_t kBytes = 256;
  const PinnedMemory staging(pinned_allocate(kBytes));
  if (!staging) return fail(GC_OUT_OF_MEMORY, "expected %d bytes of pinned host memory", static_cast<int>(kBytes));
  std::vector<double> times;
  times.reserve(kRuns);
  Capture capture(queue);
  queue.to_device(memory, staging.get(), kBytes);
  each(queue, 1, [=] __device__(int64_t i) { memory[i] = 0.0f; });
  queue.to_host(staging.get(), memory, kBytes);
  const OwnRecording recording = capture.end();
  gc_status status = GC_OK;
  for (int i = 0; recording && status == GC_OK && i < kRuns; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    queue.replay(recording.get());
    status = queue.wait();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  if (!recording) status = queue.wait();
  if (status == GC_OK) seconds = median_of(times);
  return status;
}

gc_status time_of_product(Queue& queue, int32_t way, int32_t precision, const float* a, const float* b, float* c,
                          int64_t n, double& seconds) {
  const Extent size = {n, n, n};
  gc_device_buffer packed = {0, 0, nullptr};
  DeviceMemory memory;
  if (way != kTiles) packed.bytes = packed_plan(way, precision, size, device_info().multiprocessors).bytes();
  const gc_status status = allocate(packed.bytes, memory);
  if (status != GC_OK) return status;
  packed.data = static_cast<float*>(memory.get());
  Capture capture(queue);
  Products(queue, way, packed)
      .as_chosen(precision, Rows{a, n}, WeightRows{b, n}, Store{c, n, n, Meet::kSet, nullptr}, size);
  return time_of(queue, capture, seconds);
}
}  // namespace

gc_status measure_device(int32_t precision, gc_cuda_rates* out) {
  const int64_t n = device_info().emulated ? 64 : 2048, floats = device_info().emulated ? 1 << 12 : 1 << 25;
  Queue queue;
  DeviceMemory memory;
  gc_status status = queue.open();
  if (status == GC_OK) status = allocate((3 * n * n + 2 * floats) * 4, memory);
  if (status != GC_OK) return status;
  float *a = static_cast<float*>(memory.get()), *b = a + n * n, *c = b + n * n, *from = c + n * n, *to = from + floats;
  double chain = 0, product = 0, copy = 0;
  status = time_run(queue, c, out->run_seconds);
  if (status == GC_OK) {
    Capture capture(queue);
    for (int i = 0; i < kChain; ++i) each(queue, 256, [=] __device__(int64_t k) { c[k] += 1.0f; });
    status = time_of(queue, capture, chain);
  }
  for (int32_t way = kTiles; way < kProductWays && status == GC_OK; ++way) {
    if (way != kTiles && (device_info().emulated || precision == GC_FLOAT)) continue;
    if (!product_refusal(way).empty()) continue;
    double seconds = 0;
    status = time_of_product(queue, way, precision, a, b, c, n, seconds);
    if (seconds > 0 && (product == 0 || seconds < product)) product = seconds;
  }
  if (status == GC_OK) {
    Capture capture(queue);
    each(queue, floats / 4,
         [=] __device__(int64_t k) { reinterpret_cast<Quad*>(to)[k] = reinterpret_cast<const Quad*>(from)[k]; });
    status = time_of(queue, capture, copy);
  }
  if (status != GC_OK) return status;
  out->launch_seconds = chain / kChain;
  out->flops = 2.0 * static_cast<double>(n * n) * static_cast<double>(n) / product;
  out->copy_bytes = 8.0 * static_cast<double>(floats) / copy;
  return GC_OK;
}
}  // namespace cuda
}  // namespace gatecell
