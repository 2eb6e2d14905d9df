// measure.cu: what this device does in a second: the time of one of many dependent kernels in a graph, and the rate of a product
// that fills it, in the fastest way that this device has. For the choice between device and processor.
#include "kernels/product.h"
#include "plan.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int kChain = 256, kRepeats = 5;

gc_status time_of(Queue& queue, double& seconds) {
  Recording* recording = queue.end();
  seconds = recording ? queue.time(recording, kRepeats) : -1;
  Queue::destroy(recording);
  const gc_status status = queue.wait();
  return status == GC_OK && seconds <= 0 ? fail(GC_UNSUPPORTED, "expected a time from the device, got none") : status;
}

gc_status time_of_product(Queue& queue, int32_t way, int32_t precision, const float* a, const float* b, float* c,
                          int64_t n, double& seconds) {
  const Extent size = {n, n, n};
  gc_device_buffer packed = {0, 0, nullptr};
  void* memory = nullptr;
  if (way != kTiles) packed.bytes = packed_plan(way, precision, size, device_info().multiprocessors).bytes();
  gc_status status = device_allocate(packed.bytes, &memory);
  if (status != GC_OK) return status;
  packed.data = static_cast<float*>(memory);
  queue.begin();
  Products(queue, way, packed)
      .as_chosen(precision, Rows{a, n}, WeightRows{b, n}, Store{c, n, n, Meet::kSet, nullptr}, size);
  status = time_of(queue, seconds);
  device_release(memory);
  return status;
}
}  // namespace

gc_status measure_device(int32_t precision, gc_device_rates* out) {
  const int64_t n = device_info().emulated ? 64 : 2048;
  Queue queue;
  void* memory = nullptr;
  gc_status status = queue.open();
  if (status == GC_OK) status = device_allocate(3 * n * n * 4, &memory);
  if (status != GC_OK) return status;
  float *a = static_cast<float*>(memory), *b = a + n * n, *c = b + n * n;
  double chain = 0, product = 0;
  queue.begin();
  for (int i = 0; i < kChain; ++i) each(queue, 256, [=] __device__(int64_t k) { c[k] += 1.0f; });
  status = time_of(queue, chain);
  for (int32_t way = kTiles; way < kProductWays && status == GC_OK; ++way) {
    if (way != kTiles && (device_info().emulated || precision == GC_FLOAT)) continue;
    std::string why;
    status = product_refusal(way, why);
    double seconds = 0;
    if (status == GC_OK && why.empty()) status = time_of_product(queue, way, precision, a, b, c, n, seconds);
    if (seconds > 0 && (product == 0 || seconds < product)) product = seconds;
  }
  device_release(memory);
  if (status != GC_OK) return status;
  out->launch_seconds = chain / kChain;
  out->flops = 2.0 * static_cast<double>(n * n) * static_cast<double>(n) / product;
  return GC_OK;
}
}  // namespace cuda
}  // namespace gatecell
