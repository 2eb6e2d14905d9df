// A queue of jobs with a thread that its first job starts.
#pragma once
#include <node_api.h>
#include <pthread.h>

#include <condition_variable>
#include <mutex>

#include "handles.h"

namespace gatecell {

// Jobs that run one after the other on a thread of their own. Its functions but `run` are called on the JavaScript thread.
class LaneThread {
 public:
  void settle_by(napi_threadsafe_function settle) { settle_ = settle; }
  // Queues a job. Returns false if the system refuses the thread.
  bool add(Job* job);
  // Drops the jobs that have not begun.
  void stop();
  void join();
  bool has_thread() const { return has_thread_; }

 private:
  bool start();
  void run();

  napi_threadsafe_function settle_ = nullptr;
  pthread_t thread_ = {};
  bool has_thread_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  Job* first_ = nullptr;  // guarded by mutex_, as the next two
  Job* last_ = nullptr;
  bool stopping_ = false;
};

}  // namespace gatecell
