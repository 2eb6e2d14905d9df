// group.h: the exchanges of the processes of one training over a transport: all parts to all, sums of gradients, signs of life.
//
// An exchange waits for messages with a bound: a process from which there was neither a message nor a sign of life for `silence` seconds is
// named and ends the exchange. The collectives of MPI would wait for it for ever, and use a core meanwhile.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "../core/memory.h"
#include "../core/store.h"
#include "transport.h"

namespace gatecell {

class Group {
 public:
  // `stop`: set by another thread to end an exchange.
  Group(std::unique_ptr<Transport> transport, double silence, const std::atomic<bool>& stop);
  ~Group();
  int rank() const { return rank_; }
  int size() const { return size_; }
  gc_status gather(char* buffer, int64_t bytes);
  gc_status reduce(Store& store, double total);
  gc_status alive();
  gc_status fail_all(const char* sentence, int32_t* reported);
  gc_status leave();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Word : int32_t { kAlive = 1, kLeave = 2, kFailed = 3 };
  enum class Kind : int32_t { kNone = 0, kGather = 1, kReduce = 2 };
  // A message of the kind kControl.
  struct Control {
    Word word;
    Kind kind;         // the exchange in which the sender waits
    int64_t sequence;  // its number
    int64_t bytes;     // its size
    char sentence[1000];
  };
  struct Peer {
    Control in;
    Request incoming;
    Clock::time_point heard;
    bool left = false, failed = false;
    std::string sentence;
  };
  struct Pending {
    Request request;
    int peer;
  };
  using Wave = std::vector<Pending>;

  template <class Done, class Peers>
  gc_status wait(const Done& done, const Peers& peers);
  gc_status wait(Wave& wave);
  bool poll(Wave& wave);
  int tag(Tag kind) const;
  gc_status begin(Kind kind, int64_t bytes);
  gc_status end(gc_status status);
  void send(Wave& wave, int to, Tag kind, const float* data, int64_t count);
  void receive(Wave& wave, int from, Tag kind, float* data, int64_t count);
  void announce(Word word, const char* sentence);
  gc_status listen();
  gc_status check(const Peer& peer, int number);
  gc_status missing(const std::vector<int>& peers, Clock::time_point since);
  gc_status gather_piece(char* buffer, int64_t stride, int64_t offset, int64_t bytes);
  void sum_parts(Store& store, int64_t begin, int64_t count, const float* received, int64_t stride, double total);

  std::unique_ptr<Transport> transport_;
  const double silence_;
  const std::atomic<bool>& stop_;
  const int rank_, size_;
  std::vector<std::unique_ptr<Peer>> peers_;  // by rank; this process has one, too, which is not used
  // Control messages that are being sent, with their memory.
  struct Outgoing {
    Control message;
    Request request;
    int peer;
  };
  std::vector<std::unique_ptr<Outgoing>> outgoing_;
  Clock::time_point announced_;  // the last control message to all
  Kind kind_ = Kind::kNone;
  int64_t sequence_ = 0, bytes_ = 0;
  bool broken_ = false, leaving_ = false;
  std::string reason_;
  Block received_;  // parts of sums, of two buckets
};
}  // namespace gatecell
