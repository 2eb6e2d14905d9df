// runtime.cc: runtime.h without a GPU: device memory is memory of the host, and a recording is a list of calls. Environment variables make
// refusals testable: GATECELL_EMULATOR_BYTES limits the memory, and GATECELL_EMULATOR_PINNED each pinned allocation;
// GATECELL_EMULATOR_CLUSTER=<blocks> is the size of the widest clusters for which there is room; the launch of clusters of
// GATECELL_EMULATOR_REFUSED=<blocks> fails. GATECELL_EMULATOR_MULTIPROCESSORS is the number of multiprocessors (default: 132).
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

// Each branch is a list of calls, and of waits until another branch has reached a position in its own list. At each step a replay continues
// the first branch that need not wait, or with GATECELL_EMULATOR_ORDER=reverse the last one. These two orders differ as much as the waits
// allow, so that a missing wait shows as a difference of results. A launch that follows another one begins before that one.
struct Recording {
  struct Step {
    std::function<void()> call;  // empty for a wait
    int of;
    size_t steps;
    std::function<std::unique_ptr<emulator::Begun>()> begin;  // of a launch that follows
  };
  std::vector<Step> branches[Queue::kBranches];
};

namespace {
constexpr int64_t kMostThreadsHeld = 8192;  // of launches that follow: each thread has a stack of its own

gc_device_info info;
std::recursive_mutex one_processor;    // the emulator has one set of fibers
std::map<void*, int64_t> allocations;  // guarded by one_processor, as is `allocated`
int64_t allocated = 0;

bool runs_in_reverse() {
  const char* order = getenv("GATECELL_EMULATOR_ORDER");
  return order && strcmp(order, "reverse") == 0;
}

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
  std::unique_ptr<void, void (*)(void*)> held(memory, ::free);
  memset(memory, 0, static_cast<size_t>(bytes));
  allocations[memory] = bytes;
  allocated += bytes;
  *out = held.release();
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
void Queue::fork(int branches) {
  branches_ = branches;
  for (int i = 1; i < branches; ++i) branch(i), after(0);
  current_ = 0;
}
void Queue::branch(int i) { current_ = i; }
void Queue::after(int i) {
  if (recording_) recording_->branches[current_].push_back({nullptr, i, recording_->branches[i].size(), nullptr});
}
void Queue::join() {
  current_ = 0;
  for (int i = 1; i < branches_; ++i) after(i);
  branches_ = 1;
}
void Queue::keep_failure(int error) {
  if (error_ == 0) error_ = error;
}
void Queue::begin() { recording_ = new Recording; }
void Queue::abandon() noexcept {
  current_ = 0, branches_ = 1, error_ = 0;
  destroy(recording_);
  recording_ = nullptr;
}
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
  std::unique_ptr<emulator::Begun> begun[kBranches];
  size_t at[kBranches] = {}, left = 0;
  for (const auto& branch : recording->branches) left += branch.size();
  for (const bool reverse = runs_in_reverse(); left > 0; --left) {
    const Recording::Step* step = nullptr;
    int b = 0;
    for (int i = 0; i < kBranches && !step; ++i) {
      b = reverse ? kBranches - 1 - i : i;
      if (at[b] == recording->branches[b].size()) continue;
      const Recording::Step& next = recording->branches[b][at[b]];
      if (next.call || at[next.of] >= next.steps) step = &next, ++at[b];
    }
    if (!step) fprintf(stderr, "emulator: every branch of a recording waits for another\n"), abort();
    if (!step->call) continue;
    const std::unique_ptr<emulator::Begun> mine = std::move(begun[b]);
    const std::vector<Recording::Step>& steps = recording->branches[b];
    if (at[b] < steps.size() && steps[at[b]].begin) begun[b] = steps[at[b]].begin();
    if (mine) mine->finish();
    else step->call();
  }
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
  const int64_t threads = int64_t{how.grid.x} * how.grid.y * how.grid.z * how.block.x * how.block.y * how.block.z;
  if (recording_) {
    recording_->branches[current_].push_back({call, 0, 0, nullptr});
    if (shape.follows && threads <= kMostThreadsHeld)
      recording_->branches[current_].back().begin = [how, job] { return std::make_unique<emulator::Begun>(how, job); };
    return;
  }
  std::lock_guard<std::recursive_mutex> lock(one_processor);
  call();
}

void Queue::to_device(void* to, const void* from, int64_t bytes) {
  const auto call = [=] { memcpy(to, from, static_cast<size_t>(bytes)); };
  if (recording_) recording_->branches[current_].push_back({call, 0, 0, nullptr});
  else call();
}
void Queue::to_host(void* to, const void* from, int64_t bytes) { to_device(to, from, bytes); }
void Queue::zero(void* memory, int64_t bytes) {
  const auto call = [=] { memset(memory, 0, static_cast<size_t>(bytes)); };
  if (recording_) recording_->branches[current_].push_back({call, 0, 0, nullptr});
  else call();
}
}  // namespace cuda
}  // namespace gatecell
