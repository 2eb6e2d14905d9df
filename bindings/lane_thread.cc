// The thread of a lane: it runs jobs and hands their ends to the JavaScript thread.
#include "lane_thread.h"

#include <chrono>
#include <cstdio>

namespace gatecell {

bool LaneThread::start() {
  if (has_thread_) return true;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setstacksize(&attributes, size_t{4} << 20);  // musl's default is 128 KiB
  auto body = [](void* lane) -> void* {
    static_cast<LaneThread*>(lane)->run();
    return nullptr;
  };
  has_thread_ = pthread_create(&thread_, &attributes, body, this) == 0;
  pthread_attr_destroy(&attributes);
#ifdef __linux__
  if (has_thread_) pthread_setname_np(thread_, "gatecell-engine");
#endif
  return has_thread_;
}

void LaneThread::run() {
  for (;;) {
    Job* job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || first_ != nullptr; });
      if (stopping_) return;
      job = first_;
      first_ = job->next;
      if (first_ == nullptr) last_ = nullptr;
    }
    job->status = job->work(job);
    job->ended = std::chrono::steady_clock::now();
    if (job->status != GC_OK) std::snprintf(job->message, sizeof job->message, "%s", gc_last_error());
    napi_call_threadsafe_function(settle_, job, napi_tsfn_blocking);
  }
}

bool LaneThread::add(Job* job) {
  if (!start()) return false;
  job->next = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    (last_ == nullptr ? first_ : last_->next) = job;
    last_ = job;
  }
  wake_.notify_one();
  return true;
}

void LaneThread::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

void LaneThread::join() {
  if (has_thread_) pthread_join(thread_, nullptr);
  has_thread_ = false;
}

}  // namespace gatecell
