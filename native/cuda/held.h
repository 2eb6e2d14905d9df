// held.h: memory and recordings that are freed at the end of their scope. An exception may end it: the host's tables are containers, which
// throw if the system refuses memory.
#pragma once
#include <memory>

#include "runtime.h"

namespace gatecell {
namespace cuda {

struct DestroyRecording {
  void operator()(Recording* recording) const { Queue::destroy(recording); }
};
using OwnRecording = std::unique_ptr<Recording, DestroyRecording>;

struct ReleaseDevice {
  void operator()(void* memory) const { device_release(memory); }
};
using DeviceMemory = std::unique_ptr<void, ReleaseDevice>;

struct ReleasePinned {
  void operator()(void* memory) const { pinned_release(memory); }
};
using PinnedMemory = std::unique_ptr<void, ReleasePinned>;

inline gc_status allocate(int64_t bytes, DeviceMemory& out) {
  void* memory = nullptr;
  const gc_status status = device_allocate(bytes, &memory);
  out.reset(memory);
  return status;
}

// Records the work that is given to the queue until end(). If the scope ends without end(), the recording is dropped.
class Capture {
 public:
  explicit Capture(Queue& queue) : queue_(queue) { queue_.begin(); }
  ~Capture() {
    if (!ended_) queue_.abandon();
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  // Returns the recording; null after a failure, whose status Queue::wait returns.
  OwnRecording end() {
    ended_ = true;
    return OwnRecording(queue_.end());
  }

 private:
  Queue& queue_;
  bool ended_ = false;
};
}  // namespace cuda
}  // namespace gatecell
