// Messages between groups within one process, as a transport of native/ranks, for tests.
#pragma once
#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "ranks/transport.h"

namespace lab {

// The messages that were sent and not yet received.
struct Mail {
  explicit Mail(int processes) : size(processes) {}
  const int size;
  std::mutex mutex;
  std::map<std::tuple<int, int, int>, std::deque<std::vector<char>>> boxes;  // by sender, receiver and kind
  int finished = 0;
};

class LocalTransport final : public gatecell::Transport {
 public:
  LocalTransport(std::shared_ptr<Mail> mail, int rank) : mail_(std::move(mail)), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return mail_->size; }
  void send(int to, int tag, const void* data, int bytes, gatecell::Request* request) override {
    const std::lock_guard<std::mutex> lock(mail_->mutex);
    const char* from = static_cast<const char*>(data);
    mail_->boxes[{rank_, to, tag}].emplace_back(from, from + bytes);
    request->handle = 0;
  }
  void receive(int from, int tag, void* data, int bytes, gatecell::Request* request) override {
    wanted_.push_back({from, tag, static_cast<char*>(data), bytes, false});
    request->handle = wanted_.size();
  }
  bool done(gatecell::Request* request) override {
    if (request->handle == 0) return true;
    const std::lock_guard<std::mutex> lock(mail_->mutex);
    // Receives of one kind take messages in the order in which they began.
    for (Wanted& one : wanted_) {
      if (one.done) continue;
      auto& box = mail_->boxes[{one.from, rank_, one.tag}];
      if (box.empty()) continue;
      memcpy(one.data, box.front().data(), std::min(static_cast<size_t>(one.bytes), box.front().size()));
      box.pop_front();
      one.done = true;
    }
    return wanted_[request->handle - 1].done;
  }
  void finish() override {
    const std::lock_guard<std::mutex> lock(mail_->mutex);
    ++mail_->finished;
  }

 private:
  struct Wanted {
    int from, tag;
    char* data;
    int bytes;
    bool done;
  };
  std::shared_ptr<Mail> mail_;
  const int rank_;
  std::deque<Wanted> wanted_;
};
}  // namespace lab
