// group.cc: waiting, signs of life, failures, and the exchange of parts; reduce.cc has the sums.
#include "group.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "../core/status.h"

namespace gatecell {
namespace {
constexpr int kControlTag = static_cast<int>(Tag::kControl);
constexpr int64_t kPiece = int64_t{1} << 26;  // bytes of a message of `gather`

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Lets others run, the longer the more often nothing has happened: at first only those that wait for this core.
void rest(int idle) {
  if (idle < 200) {
    sched_yield();
    return;
  }
  const timespec pause = {0, idle < 2000 ? 20000 : 200000};
  nanosleep(&pause, nullptr);
}
}  // namespace

Group::Group(std::unique_ptr<Transport> transport, double silence, const std::atomic<bool>& stop)
    : transport_(std::move(transport)),
      silence_(silence),
      stop_(stop),
      rank_(transport_->rank()),
      size_(transport_->size()),
      announced_(Clock::now()) {
  for (int peer = 0; peer < size_; ++peer) {
    peers_.push_back(std::make_unique<Peer>());
    peers_.back()->heard = Clock::now();
    if (peer != rank_)
      transport_->receive(peer, kControlTag, &peers_.back()->in, sizeof(Control), &peers_.back()->incoming);
  }
}

Group::~Group() = default;

// Sends a control message to every process that has not left.
void Group::announce(Word word, const char* sentence) {
  announced_ = Clock::now();
  for (int peer = 0; peer < size_; ++peer) {
    if (peer == rank_ || (peers_[static_cast<size_t>(peer)]->left && word != Word::kLeave)) continue;
    auto one = std::make_unique<Outgoing>();
    one->message = {word, kind_, sequence_, bytes_, {}};
    if (word == Word::kFailed)
      snprintf(one->message.sentence, sizeof one->message.sentence, "rank %d: %s", rank_, sentence);
    one->peer = peer;
    const size_t bytes = offsetof(Control, sentence) + strlen(one->message.sentence) + 1;
    transport_->send(peer, kControlTag, &one->message, static_cast<int>(bytes), &one->request);
    outgoing_.push_back(std::move(one));
  }
}

// Takes the control messages that have come.
gc_status Group::listen() {
  outgoing_.erase(std::remove_if(outgoing_.begin(), outgoing_.end(),
                                 [&](const std::unique_ptr<Outgoing>& one) { return transport_->done(&one->request); }),
                  outgoing_.end());
  for (int number = 0; number < size_; ++number) {
    Peer& peer = *peers_[static_cast<size_t>(number)];
    if (number == rank_ || peer.left || peer.failed) continue;
    while (!peer.left && !peer.failed && transport_->done(&peer.incoming)) {
      peer.heard = Clock::now();
      const Control& in = peer.in;
      if (in.word == Word::kLeave) {
        peer.left = true;
      } else if (in.word == Word::kFailed) {
        peer.failed = true;
        peer.sentence = in.sentence;
      } else {
        const gc_status status = check(peer, number);
        // The others learn of the difference from this process, too, which ends.
        if (status != GC_OK) {
          announce(Word::kAlive, "");
          return status;
        }
      }
      if (!peer.left && !peer.failed)
        transport_->receive(number, kControlTag, &peer.in, sizeof(Control), &peer.incoming);
    }
    if (peer.failed) return fail(GC_RANKS, "%s", peer.sentence.c_str());
    // One that has left after this exchange has sent its part.
    if (peer.left && kind_ != Kind::kNone && peer.in.sequence < sequence_)
      return fail(GC_RANKS, "Expected rank %d to take part in the exchange %lld but it has ended its training.", number,
                  static_cast<long long>(sequence_));
  }
  return GC_OK;
}

// Compares the exchange in which a peer waits with that of this process. Different ones would wait for each other for ever.
gc_status Group::check(const Peer& peer, int number) {
  const Control& in = peer.in;
  if (kind_ == Kind::kNone || in.kind == Kind::kNone || in.sequence != sequence_) return GC_OK;
  if (in.kind == kind_ && in.bytes == bytes_) return GC_OK;
  return fail(GC_RANKS,
              "Expected the same exchange in all processes but rank %d makes one of %lld bytes as its number %lld, and "
              "rank %d one of %lld bytes: run the same version on the same data with the same options in each.",
              number, static_cast<long long>(in.bytes), static_cast<long long>(sequence_), rank_,
              static_cast<long long>(bytes_));
}

// Names the processes among `peers` from which there was no sign of life for too long; GC_OK if there is none.
gc_status Group::missing(const std::vector<int>& peers, Clock::time_point since) {
  const Clock::time_point now = Clock::now();
  if (seconds_between(since, now) < silence_) return GC_OK;
  std::string names;
  int count = 0;
  for (int peer : peers) {
    const Clock::time_point heard = std::max(since, peers_[static_cast<size_t>(peer)]->heard);
    if (seconds_between(heard, now) < silence_) continue;
    names += (count++ == 0 ? "" : ", ") + std::to_string(peer);
  }
  if (count == 0) return GC_OK;
  return fail(GC_RANKS,
              "Expected a sign of life from rank%s %s within %g s but received none: see whether %s or the network has "
              "stopped, and resume from the last checkpoint.",
              count == 1 ? "" : "s", names.c_str(), silence_, count == 1 ? "the process" : "the processes");
}

// Waits until done() returns true; peers() returns the processes for which it still waits.
template <class Done, class Peers>
gc_status Group::wait(const Done& done, const Peers& peers) {
  const Clock::time_point since = Clock::now();
  for (int idle = 0; !done(); ++idle) {
    if (stop_) return fail(GC_RANKS, "Expected to exchange with the other processes but this one ends.");
    // The clock and the control messages are looked at more rarely than the message for which it waits.
    if (idle % 16 == 15) {
      gc_status status = listen();
      if (status == GC_OK) status = missing(peers(), since);
      if (status != GC_OK) return status;
      if (!leaving_ && seconds_between(announced_, Clock::now()) > silence_ / 8) announce(Word::kAlive, "");
    }
    rest(idle);
  }
  return GC_OK;
}

// Removes the messages that have ended, and returns whether none is left.
bool Group::poll(Wave& wave) {
  wave.erase(std::remove_if(wave.begin(), wave.end(), [&](Pending& one) { return transport_->done(&one.request); }),
             wave.end());
  return wave.empty();
}

gc_status Group::wait(Wave& wave) {
  const auto peers = [&] {
    std::vector<int> all;
    for (const Pending& one : wave) all.push_back(one.peer);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  };
  return wait([&] { return poll(wave); }, peers);
}

// Messages of different exchanges have different tags, so that none is taken for one of another exchange, and a process that makes another
// exchange than the others waits, until signs of life show it.
int Group::tag(Tag kind) const {
  return static_cast<int>(kind) + 8 * static_cast<int>((sequence_ * 31 + bytes_) % 4096);
}

gc_status Group::begin(Kind kind, int64_t bytes) {
  if (broken_) return fail(GC_RANKS, "%s", reason_.c_str());
  kind_ = kind, bytes_ = bytes, ++sequence_;
  return GC_OK;
}

// Ends an exchange. After a failure there are no others, because messages of this one may still be on their way.
gc_status Group::end(gc_status status) {
  kind_ = Kind::kNone;
  if (status == GC_OK) return status;
  broken_ = true;
  reason_ = gc_last_error();
  return status;
}

gc_status Group::gather_piece(char* buffer, int64_t stride, int64_t offset, int64_t bytes) {
  Wave wave;
  for (int step = 1; step < size_; ++step) {
    const int from = (rank_ + size_ - step) % size_, to = (rank_ + step) % size_;
    wave.push_back({{}, from});
    transport_->receive(from, tag(Tag::kGather), buffer + from * stride + offset, static_cast<int>(bytes),
                        &wave.back().request);
    wave.push_back({{}, to});
    transport_->send(to, tag(Tag::kGather), buffer + rank_ * stride + offset, static_cast<int>(bytes),
                     &wave.back().request);
  }
  return wait(wave);
}

gc_status Group::gather(char* buffer, int64_t bytes) {
  gc_status status = begin(Kind::kGather, bytes);
  for (int64_t at = 0; status == GC_OK && at < bytes; at += kPiece)
    status = gather_piece(buffer, bytes, at, std::min(kPiece, bytes - at));
  return end(status);
}

gc_status Group::alive() {
  if (broken_) return fail(GC_RANKS, "%s", reason_.c_str());
  announce(Word::kAlive, "");
  return listen();
}

gc_status Group::fail_all(const char* sentence, int32_t* reported) {
  *reported = 0;
  kind_ = Kind::kNone;
  announce(Word::kFailed, sentence);
  const Clock::time_point since = Clock::now();
  // The messages must be on their way before this process ends.
  for (int idle = 0; seconds_between(since, Clock::now()) < 1; ++idle) {
    (void)listen();
    bool all = outgoing_.empty();
    for (int peer = 0; peer < rank_; ++peer) {
      const Peer& one = *peers_[static_cast<size_t>(peer)];
      all &= one.failed || one.left;
      if (one.failed && one.sentence == "rank " + std::to_string(peer) + ": " + sentence) *reported = 1;
    }
    if (*reported == 1 || all) break;
    rest(idle);
  }
  broken_ = true;
  reason_ = sentence;
  return GC_OK;
}

gc_status Group::leave() {
  if (broken_) return fail(GC_RANKS, "%s", reason_.c_str());
  kind_ = Kind::kNone;
  announce(Word::kLeave, "");
  leaving_ = true;  // nothing may be sent after the last word
  const auto staying = [&] {
    std::vector<int> all;
    for (int peer = 0; peer < size_; ++peer)
      if (peer != rank_ && !peers_[static_cast<size_t>(peer)]->left) all.push_back(peer);
    return all;
  };
  const auto all_left = [&] {
    if (listen() != GC_OK) return true;
    return outgoing_.empty() && staying().empty();
  };
  const gc_status status = wait(all_left, staying);
  if (status != GC_OK) return end(status);
  for (int peer = 0; peer < size_; ++peer)
    if (peers_[static_cast<size_t>(peer)]->failed)
      return end(fail(GC_RANKS, "%s", peers_[static_cast<size_t>(peer)]->sentence.c_str()));
  transport_->finish();
  return GC_OK;
}
}  // namespace gatecell
