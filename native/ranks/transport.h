// transport.h: messages between processes. MPI is one transport; the tests have another within one process.
#pragma once
#include <cstdint>

namespace gatecell {

// The kinds of messages.
enum class Tag : int { kGather = 1, kScatter = 2, kResult = 3, kControl = 4 };

// A message under way, in the memory of its owner.
struct Request {
  uint64_t handle = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  // Messages with one tag (at most 32767) from one process to another arrive in the order in which they were sent. These functions
  // begin a message of at most 2^30 bytes, whose memory stays until `done` has returned true. A message may be shorter than `bytes` of `receive`.
  virtual void send(int to, int tag, const void* data, int bytes, Request* request) = 0;
  virtual void receive(int from, int tag, void* data, int bytes, Request* request) = 0;
  // Returns whether a message has ended, and makes progress with all.
  virtual bool done(Request* request) = 0;
  // Ends the use of the transport in all processes.
  virtual void finish() = 0;
};
}  // namespace gatecell
