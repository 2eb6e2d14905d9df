// runtime.h: the library's interface to the CUDA runtime: memory, one queue of work, recordings of it, launches. runtime.cu implements it
// with CUDA, emulator/runtime.cc without a GPU; all other sources are the same for both.
#pragma once
#include <algorithm>
#include <functional>
#include <vector>

#include "device.h"
#include "gatecell/backend.h"
#include "status.h"

namespace gatecell {
namespace cuda {

// ---- device and memory ---------------------------------------------------------------------------------------------------
gc_status device_open(gc_device_info* out);
const gc_device_info& device_info();                   // after device_open
int64_t block_shared_bytes();                          // most that a block may have
gc_status device_allocate(int64_t bytes, void** out);  // zeroed
void device_release(void* memory);
gc_status device_free_bytes(int64_t* out);
gc_status device_upload(void* to, const void* from, int64_t bytes);
gc_status device_download(void* to, const void* from, int64_t bytes);
void* pinned_allocate(int64_t bytes);  // page-locked host memory, which copies use directly; null if it is refused
void pinned_release(void* memory);

// ---- work ----------------------------------------------------------------------------------------------------------------
struct Shape {
  dim3 grid, block;
  size_t shared = 0;      // bytes of dynamic shared memory
  unsigned cluster = 1;   // blocks in x that run at the same time and access each other's shared memory
  bool together = false;  // all blocks of the grid run at the same time (cooperative launch)
  bool follows = false;  // may begin before the previous kernel on its branch has ended, on devices that can (device.h)
};

inline double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Recording;  // a captured graph: work that is recorded once and runs as a whole

// One stream. Its calls return nothing: the first failure is kept, and returned by wait() or end().
class Queue {
 public:
  Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue();
  gc_status open();

  // For Capture (held.h): between begin() and end() work is recorded, not run. end() returns null after a failure; abandon() ends the
  // recording and drops it.
  void begin();
  Recording* end();
  void abandon() noexcept;
  void replay(Recording* recording);
  static void destroy(Recording* recording);
  gc_status wait();
  // Returns the median seconds, by events, of `count` replays back to back, after one to warm up; negative after a failure.
  double time(Recording* recording, int count);

  // Branches are work that may run at the same time. After fork(n) calls go to branch 0, after branch(i) to branch i. after(i): the current
  // branch continues when all work that branch i has been given so far is done. join() waits for all branches. Forks do not nest.
  static constexpr int kBranches = 8;
  void fork(int branches);
  void branch(int i);
  void after(int i);
  void join();

  void to_device(void* to, const void* from, int64_t bytes);  // the memory of the host is pinned, here and below
  void to_host(void* to, const void* from, int64_t bytes);
  void zero(void* memory, int64_t bytes);

  // For launch() only.
  void submit(const Shape& shape, const std::function<void()>& job);
  void keep_failure(int error);
  void* stream() const { return streams_[current_]; }

 private:
  void *streams_[kBranches] = {}, *events_[kBranches] = {};  // of each branch; to wait for it is to wait for its event
  int current_ = 0, branches_ = 1;
  int error_ = 0;
  Recording* recording_ = nullptr;
};

#if defined(GATECELL_EMULATOR)
int clusters_at_once(const Shape& shape);
template <class... P>
int clusters_at_once(const Shape& shape, void (*)(P...)) {
  return clusters_at_once(shape);
}
template <class... P, class... A>
void launch(Queue& queue, const Shape& shape, void (*kernel)(P...), A... arguments) {
  queue.submit(shape, [=] { kernel(arguments...); });
}
#elif defined(__CUDACC__)
// The arguments of a launch in CUDA's form, and the attributes that must be set for a kernel before it.
struct LaunchConfig {
  cudaLaunchConfig_t config = {};
  cudaLaunchAttribute attributes[3] = {};

  LaunchConfig(const Shape& shape, void* stream) {
    config.gridDim = shape.grid;
    config.blockDim = shape.block;
    config.dynamicSmemBytes = shape.shared;
    config.stream = static_cast<cudaStream_t>(stream);
    config.attrs = attributes;
    if (shape.cluster > 1) {
      attributes[config.numAttrs].id = cudaLaunchAttributeClusterDimension;
      attributes[config.numAttrs].val.clusterDim.x = shape.cluster;
      attributes[config.numAttrs].val.clusterDim.y = attributes[config.numAttrs].val.clusterDim.z = 1;
      ++config.numAttrs;
    }
    if (shape.together) {
      attributes[config.numAttrs].id = cudaLaunchAttributeCooperative;
      attributes[config.numAttrs++].val.cooperative = 1;
    }
    if (shape.follows && device_info().major == 9) {  // on other devices the code for sm_80 runs, which does not wait
      attributes[config.numAttrs].id = cudaLaunchAttributeProgrammaticStreamSerialization;
      attributes[config.numAttrs++].val.programmaticStreamSerializationAllowed = 1;
    }
  }
  LaunchConfig(const LaunchConfig&) = delete;
  LaunchConfig& operator=(const LaunchConfig&) = delete;
  static cudaError_t allow(const Shape& shape, const void* kernel) {
    cudaError_t error = cudaSuccess;
    if (shape.shared > 48 * 1024)
      error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shape.shared));
    if (error == cudaSuccess && shape.cluster > 8)  // larger than what every device with clusters accepts
      error = cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
    return error;
  }
};
// Returns how many clusters of this shape the device runs at the same time; 0 if it has no room for one.
template <class... P>
int clusters_at_once(const Shape& shape, void (*kernel)(P...)) {
  const LaunchConfig how(shape, nullptr);
  int count = 0;
  if (LaunchConfig::allow(shape, reinterpret_cast<const void*>(kernel)) == cudaSuccess &&
      cudaOccupancyMaxActiveClusters(&count, kernel, &how.config) == cudaSuccess)
    return count;
  cudaGetLastError();  // clears the error, which the return value reports
  return 0;
}
template <class... P, class... A>
void launch(Queue& queue, const Shape& shape, void (*kernel)(P...), A... arguments) {
  const LaunchConfig how(shape, queue.stream());
  queue.keep_failure(LaunchConfig::allow(shape, reinterpret_cast<const void*>(kernel)));
  queue.keep_failure(cudaLaunchKernelEx(&how.config, kernel, static_cast<P>(arguments)...));
}
#endif

// ---- loops: f(i), and f(row, column), for every element ----------------------------------------------------------------------
template <class F>
__global__ void __launch_bounds__(256) each_kernel(int64_t n, F f) {
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += int64_t{gridDim.x} * blockDim.x) f(i);
}
template <class F>
void each(Queue& queue, int64_t n, F f) {
  const int64_t blocks = (n + 255) / 256;
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>(blocks < 65535 ? blocks : 65535));
  shape.block = dim3(256);
  launch(queue, shape, each_kernel<F>, n, f);
}

template <class F>
__global__ void __launch_bounds__(256) each_element_kernel(int64_t rows, int64_t columns, F f) {
  const int64_t column = int64_t{blockIdx.x} * 32 + threadIdx.x;
  if (column >= columns) return;
  for (int64_t row = int64_t{blockIdx.y} * 8 + threadIdx.y; row < rows; row += int64_t{gridDim.y} * 8) f(row, column);
}
template <class F>
void each_element(Queue& queue, int64_t rows, int64_t columns, F f) {
  const int64_t high = (rows + 7) / 8;
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>((columns + 31) / 32), static_cast<unsigned>(high < 4096 ? high : 4096));
  shape.block = dim3(32, 8);
  launch(queue, shape, each_element_kernel<F>, rows, columns, f);
}

// f(row, lane) by one warp per row.
template <class F>
__global__ void __launch_bounds__(128) each_row_kernel(int64_t rows, F f) {
  for (int64_t row = int64_t{blockIdx.x} * 4 + threadIdx.y; row < rows; row += int64_t{gridDim.x} * 4)
    f(row, static_cast<int>(threadIdx.x));
}
template <class F>
void each_row(Queue& queue, int64_t rows, F f) {
  const int64_t blocks = (rows + 3) / 4;
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>(blocks < 65535 ? blocks : 65535));
  shape.block = dim3(32, 4);
  launch(queue, shape, each_row_kernel<F>, rows, f);
}
}  // namespace cuda
}  // namespace gatecell
