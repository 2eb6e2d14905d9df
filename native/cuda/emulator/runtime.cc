// runtime.cc: runtime.h without a GPU: device memory is the host's, a recording is a list of calls. Memory is limited to
// GATECELL_EMULATOR_BYTES and a pinned piece to GATECELL_EMULATOR_PINNED where these are set, so that refusals can be tested;
// GATECELL_EMULATOR_CLUSTER=<blocks> says which clusters are the widest that it has room for, and GATECELL_EMULATOR_REFUSED=<blocks>
// which fail when they are launched. GATECELL_EMULATOR_MULTIPROCESSORS: how many there are, 132 where it does not say.
#include "../runtime.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

namespace gatecell {
namespace cuda {

struct Recording {
  std::vector<std::function<void()>> calls;
};

namespace {
gc_device_info info;
std::recursive_mutex one_processor;    // the emulator has one set of fibers
std::map<void*, int64_t> allocations;  // guarded by one_processor, as the sum
int64_t allocated = 0;

int64_t memory_bytes() {
  const char* limit = getenv("GATECELL_EMULATOR_BYTES");
  return limit && *limit ? atoll(limit) : int64_t{8} << 30;
}
unsigned number_in(const char* variable) {
  const char* value = getenv(variable);
  return value && *value ? static_cast<unsigned>(atoi(value)) : 0;
}
}  // namespace

gc_status device_open(gc_device_info* out) {
  info = {};
  snprintf(info.name, sizeof info.name, "emulator");
  snprintf(info.driver, sizeof info.driver, "threads of this processor");
  info.major = 9, info.minor = 0;
  info.cluster_blocks = 16;
  info.memory_bytes = memory_bytes();
  info.emulated = 1;
  *out = device_info();
  return GC_OK;
}

const gc_device_info& device_info() {
  const unsigned said = number_in("GATECELL_EMULATOR_MULTIPROCESSORS");
  info.multiprocessors = said != 0 ? static_cast<int>(said) : 132;
  return info;
}
int64_t block_shared_bytes() { return 227 * 1024; }  // as sm_90
int clusters_at_once(const Shape& shape) {
  const unsigned widest = number_in("GATECELL_EMULATOR_CLUSTER");
  return widest != 0 && shape.cluster > widest ? 0 : device_info().multiprocessors / static_cast<int>(shape.cluster);
}

gc_status device_allocate(int64_t bytes, void** out) {
  std::lock_guard<std::recursive_mutex> lock(one_processor);
  *out = nullptr;
  int64_t free = 0;
  device_free_bytes(&free);
  void* memory = bytes <= free ? aligned_alloc(256, static_cast<size_t>((bytes + 511) / 256 * 256)) : nullptr;
  if (!memory)
    return fail(GC_OUT_OF_MEMORY,
                "expected %lld bytes of device memory, but %lld are free: use a smaller model, batch or length",
                static_cast<long long>(bytes), static_cast<long long>(free));
  memset(memory, 0, static_cast<size_t>(bytes));
  allocations[memory] = bytes;
  allocated += bytes;
  *out = memory;
  return GC_OK;
}

void device_release(void* memory) {
  std::lock_guard<std::recursive_mutex> lock(one_processor);
  allocated -= allocations[memory];
  allocations.erase(memory);
  free(memory);
}

gc_status device_free_bytes(int64_t* out) {
  std::lock_guard<std::recursive_mutex> lock(one_processor);
  *out = memory_bytes() - allocated;
  return GC_OK;
}

gc_status device_upload(void* to, const void* from, int64_t bytes) {
  memcpy(to, from, static_cast<size_t>(bytes));
  return GC_OK;
}
gc_status device_download(void* to, const void* from, int64_t bytes) {
  memcpy(to, from, static_cast<size_t>(bytes));
  return GC_OK;
}

void* pinned_allocate(int64_t bytes) {
  const char* limit = getenv("GATECELL_EMULATOR_PINNED");
  if (limit && *limit && bytes > atoll(limit)) return nullptr;
  return calloc(1, static_cast<size_t>(bytes > 0 ? bytes : 1));
}
void pinned_release(void* memory) { free(memory); }

Queue::~Queue() = default;
gc_status Queue::open() { return GC_OK; }
void Queue::fork() {}
void Queue::aside() {}
void Queue::join() {}
void Queue::keep_failure(int error) {
  if (error_ == 0) error_ = error;
}
void Queue::begin() { recording_ = new Recording; }
Recording* Queue::end() {
  Recording* made = recording_;
  recording_ = nullptr;
  if (error_ == 0) return made;
  destroy(made);
  return nullptr;
}
void Queue::destroy(Recording* recording) { delete recording; }
void Queue::replay(Recording* recording) {
  std::lock_guard<std::recursive_mutex> lock(one_processor);
  for (const auto& call : recording->calls) call();
}
gc_status Queue::wait() {
  const int refused = error_;
  error_ = 0;
  return refused == 0 ? GC_OK : fail(GC_UNSUPPORTED, "the emulator was told to refuse clusters of %d blocks", refused);
}

double Queue::time(Recording* recording, int count) {
  std::vector<double> seconds;
  for (int i = 0; i <= count; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    replay(recording);
    if (i > 0) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return median_of(seconds);
}

void Queue::submit(const Shape& shape, const std::function<void()>& job) {
  if (shape.cluster > 1 && shape.cluster == number_in("GATECELL_EMULATOR_REFUSED"))
    return keep_failure(static_cast<int>(shape.cluster));
  emulator::Launch how;
  how.grid = shape.grid, how.block = shape.block, how.shared = shape.shared;
  how.cluster = shape.cluster, how.together = shape.together;
  const auto call = [how, job] { emulator::run(how, job); };
  if (recording_) return recording_->calls.push_back(call);
  std::lock_guard<std::recursive_mutex> lock(one_processor);
  call();
}

void Queue::to_device(void* to, const void* from, int64_t bytes) {
  const auto call = [=] { memcpy(to, from, static_cast<size_t>(bytes)); };
  if (recording_) recording_->calls.push_back(call);
  else call();
}
void Queue::to_host(void* to, const void* from, int64_t bytes) { to_device(to, from, bytes); }
void Queue::zero(void* memory, int64_t bytes) {
  const auto call = [=] { memset(memory, 0, static_cast<size_t>(bytes)); };
  if (recording_) recording_->calls.push_back(call);
  else call();
}
}  // namespace cuda
}  // namespace gatecell
