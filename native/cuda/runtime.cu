// runtime.cu: runtime.h with CUDA's runtime, which is linked statically and opens the driver by itself.
#include "runtime.h"

#include <cstdio>
#include <cstring>

namespace gatecell {
namespace cuda {

struct Recording {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
};

namespace {
gc_device_info info;

gc_status check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return GC_OK;
  return fail(error == cudaErrorMemoryAllocation ? GC_OUT_OF_MEMORY : GC_UNSUPPORTED,
              "expected to %s, but CUDA says: %s", what, cudaGetErrorString(error));
}

int attribute(cudaDeviceAttr which) {
  int value = 0;
  return cudaDeviceGetAttribute(&value, which, 0) == cudaSuccess ? value : 0;
}

// Copies and clears outside of a run use the legacy stream, for which our stream does not wait.
gc_status settle(cudaError_t error, const char* what) {
  return check(error == cudaSuccess ? cudaStreamSynchronize(cudaStreamLegacy) : error, what);
}

cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }
}  // namespace

gc_status device_open(gc_device_info* out) {
  int count = 0;
  const cudaError_t found = cudaGetDeviceCount(&count);
  if (found != cudaSuccess || count == 0)
    return fail(GC_UNSUPPORTED, "there is no GPU to use (CUDA says: %s)",
                found == cudaSuccess ? "no device" : cudaGetErrorString(found));
  cudaDeviceProp properties;
  const gc_status status = check(cudaGetDeviceProperties(&properties, 0), "read the properties of the first GPU");
  if (status != GC_OK) return status;
  if (properties.major < 8)
    return fail(GC_UNSUPPORTED, "%s is of compute capability %d.%d, and 8.0 or newer is needed", properties.name,
                properties.major, properties.minor);
  info = {};
  snprintf(info.name, sizeof info.name, "%.127s", properties.name);
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  snprintf(info.driver, sizeof info.driver, "driver for CUDA %d.%d, runtime %d.%d", driver / 1000, driver % 1000 / 10,
           runtime / 1000, runtime % 1000 / 10);
  info.major = properties.major;
  info.minor = properties.minor;
  info.multiprocessors = properties.multiProcessorCount;
  // Clusters are only in the code for sm_90a; later devices run the PTX of compute_80. Every sm_90 accepts clusters of 8 blocks; for 16 (CUDA
  // programming guide: the largest that an H100 accepts) a kernel must ask whether there is room.
  info.cluster_blocks = properties.major == 9 && attribute(cudaDevAttrClusterLaunch) ? 16 : 1;
  info.memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  *out = info;
  return GC_OK;
}

const gc_device_info& device_info() { return info; }

int64_t block_shared_bytes() { return attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin); }

gc_status device_allocate(int64_t bytes, void** out) {
  *out = nullptr;
  const size_t wanted = bytes > 0 ? static_cast<size_t>(bytes) : 1;
  void* memory = nullptr;
  const cudaError_t refused = cudaMalloc(&memory, wanted);
  if (refused != cudaSuccess) {
    cudaGetLastError();  // it is answered here
    int64_t free = 0;
    // A device that has failed before refuses all calls, which is not a lack of memory.
    if (refused != cudaErrorMemoryAllocation || device_free_bytes(&free) != GC_OK)
      return check(refused, "allocate device memory");
    return fail(GC_OUT_OF_MEMORY,
                "expected %lld bytes of device memory, but %lld are free: use a smaller model, batch or length",
                static_cast<long long>(bytes), static_cast<long long>(free));
  }
  const gc_status status = settle(cudaMemset(memory, 0, wanted), "clear device memory");
  if (status == GC_OK) *out = memory;
  else cudaFree(memory);
  return status;
}

void device_release(void* memory) { cudaFree(memory); }

gc_status device_free_bytes(int64_t* out) {
  size_t free = 0, total = 0;
  const gc_status status = check(cudaMemGetInfo(&free, &total), "ask for free device memory");
  *out = static_cast<int64_t>(free);
  return status;
}

gc_status device_upload(void* to, const void* from, int64_t bytes) {
  return settle(cudaMemcpy(to, from, static_cast<size_t>(bytes), cudaMemcpyHostToDevice), "copy to the device");
}
gc_status device_download(void* to, const void* from, int64_t bytes) {
  return settle(cudaMemcpy(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost), "copy from the device");
}

void* pinned_allocate(int64_t bytes) {
  void* memory = nullptr;
  return cudaHostAlloc(&memory, bytes > 0 ? static_cast<size_t>(bytes) : 1, cudaHostAllocDefault) == cudaSuccess
             ? memory
             : nullptr;
}
void pinned_release(void* memory) { cudaFreeHost(memory); }

Queue::~Queue() {
  for (void* event : events_)
    if (event) cudaEventDestroy(event_of(event));
  for (void* stream : streams_)
    if (stream) cudaStreamDestroy(stream_of(stream));
}

gc_status Queue::open() {
  for (int i = 0; i < kBranches; ++i) {
    cudaStream_t stream = nullptr;
    gc_status status = check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "create a stream");
    if (status != GC_OK) return status;
    streams_[i] = stream;
    cudaEvent_t event = nullptr;
    status = check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "create an event");
    if (status != GC_OK) return status;
    events_[i] = event;
  }
  return GC_OK;
}

void Queue::fork(int branches) {
  branches_ = branches;
  keep_failure(cudaEventRecord(event_of(events_[0]), stream_of(streams_[0])));
  for (int i = 1; i < branches; ++i) keep_failure(cudaStreamWaitEvent(stream_of(streams_[i]), event_of(events_[0]), 0));
}
void Queue::branch(int i) { current_ = i; }
void Queue::after(int i) {
  keep_failure(cudaEventRecord(event_of(events_[i]), stream_of(streams_[i])));
  keep_failure(cudaStreamWaitEvent(stream_of(stream()), event_of(events_[i]), 0));
}
void Queue::join() {
  current_ = 0;
  for (int i = 1; i < branches_; ++i) after(i);
  branches_ = 1;
}

void Queue::keep_failure(int error) {
  if (error_ == 0) error_ = error;
}

void Queue::begin() {
  recording_ = new Recording;
  keep_failure(cudaStreamBeginCapture(stream_of(streams_[0]), cudaStreamCaptureModeThreadLocal));
}

void Queue::abandon() noexcept {
  current_ = 0, branches_ = 1;
  cudaStreamEndCapture(stream_of(streams_[0]),
                       &recording_->graph);  // fails if branches were not joined, but ends all of them
  cudaGetLastError();
  error_ = 0;
  destroy(recording_);
  recording_ = nullptr;
}

Recording* Queue::end() {
  Recording* recording = recording_;
  recording_ = nullptr;
  keep_failure(cudaStreamEndCapture(stream_of(streams_[0]), &recording->graph));
  if (error_ == 0) keep_failure(cudaGraphInstantiate(&recording->exec, recording->graph, 0));
  if (error_ == 0) return recording;
  destroy(recording);
  return nullptr;
}

void Queue::destroy(Recording* recording) {
  if (!recording) return;
  if (recording->exec) cudaGraphExecDestroy(recording->exec);
  if (recording->graph) cudaGraphDestroy(recording->graph);
  delete recording;
}

void Queue::replay(Recording* recording) { keep_failure(cudaGraphLaunch(recording->exec, stream_of(streams_[0]))); }

gc_status Queue::wait() {
  keep_failure(cudaStreamSynchronize(stream_of(streams_[0])));
  const int error = error_;
  error_ = 0;
  return check(static_cast<cudaError_t>(error), "run on the GPU");
}

double Queue::time(Recording* recording, int count) {
  std::vector<cudaEvent_t> marks(static_cast<size_t>(count) + 2, nullptr);
  std::vector<double> seconds;
  seconds.reserve(marks.size());  // nothing is allocated while there are events to destroy
  for (cudaEvent_t& mark : marks) keep_failure(cudaEventCreate(&mark));
  for (size_t i = 0; i < marks.size() && error_ == 0; ++i) {
    keep_failure(cudaEventRecord(marks[i], stream_of(streams_[0])));
    if (i + 1 < marks.size()) replay(recording);
  }
  if (error_ == 0) keep_failure(cudaEventSynchronize(marks.back()));
  for (size_t i = 1; i + 1 < marks.size() && error_ == 0; ++i) {
    float ms = 0;
    keep_failure(cudaEventElapsedTime(&ms, marks[i], marks[i + 1]));
    seconds.push_back(static_cast<double>(ms) / 1e3);
  }
  for (cudaEvent_t mark : marks)
    if (mark) cudaEventDestroy(mark);
  return error_ == 0 ? median_of(seconds) : -1;
}

void Queue::to_device(void* to, const void* from, int64_t bytes) {
  keep_failure(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, stream_of(stream())));
}
void Queue::to_host(void* to, const void* from, int64_t bytes) {
  keep_failure(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, stream_of(stream())));
}
void Queue::zero(void* memory, int64_t bytes) {
  keep_failure(cudaMemsetAsync(memory, 0, static_cast<size_t>(bytes), stream_of(stream())));
}
}  // namespace cuda
}  // namespace gatecell
