// measure.cu: what this device does in a second: the time of one of many dependent kernels in a graph, and the rate of a product
// that fills it. For the choice between device and processor.
#include "kernels/gemm.h"
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
  if (status == GC_OK) {
    queue.begin();
    gemm(queue, precision, Rows{a, n}, WeightRows{b, n}, Store{c, n, n, Meet::kSet, nullptr}, {n, n, n});
    status = time_of(queue, product);
  }
  device_release(memory);
  if (status != GC_OK) return status;
  out->launch_seconds = chain / kChain;
  out->flops = 2.0 * static_cast<double>(n * n) * static_cast<double>(n) / product;
  return GC_OK;
}
}  // namespace cuda
}  // namespace gatecell
