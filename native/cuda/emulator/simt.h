// simt.h: CUDA's names for a host compiler, so that the sources of the device run without a GPU. The threads of a block are fibers of one
// thread of the processor; barriers and warp exchanges switch between them. Wrong indices, missing barriers and wrong arithmetic show here.
// Speed, the order of memory accesses between real processors, and alignment do not.
//
// GATECELL_EMULATOR_ABSENT=<block>: in launches whose blocks run at the same time this block never runs, as if the device had no room for it.
//
// Order: threads and blocks run first to last, or last to first if GATECELL_EMULATOR_ORDER=reverse. A kernel whose result depends on the
// order has a race.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __restrict__ __restrict
// The arrays of one block. Blocks that run at the same time (a cluster, a whole grid) take theirs from the shared memory of the launch.
#define __shared__ static

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};

struct float2 {
  float x, y;
};
struct uint4 {
  uint32_t x, y, z, w;
};

namespace gatecell {
namespace emulator {

struct Place {  // the indices of a thread
  dim3 thread, block, block_size, grid_size;
  unsigned lane, cluster_rank;
  void* impl;
};
const Place& place();

struct Launch {
  dim3 grid, block;
  size_t shared = 0;
  unsigned cluster = 1;   // blocks (in x) that run at the same time and may access each other's shared memory
  bool together = false;  // all blocks of the grid run at the same time
};
// Runs body once per thread. A barrier that not all threads reach ends the program with a message.
void run(const Launch& launch, const std::function<void()>& body);

// Does the same in two parts: the constructor runs all threads to sync_predecessor(), and finish() to their ends. In between the launch runs
// for which the threads wait, so that data of it which they read too early are not there yet.
struct Scheduler;
class Begun {
 public:
  Begun(const Launch& launch, const std::function<void()>& body);
  ~Begun();
  void finish();

 private:
  Launch launch_;
  std::function<void()> body_;
  std::unique_ptr<Scheduler> scheduler_;
};

void sync_block();
void sync_warp();
void sync_cluster();
void sync_predecessor();
void yield();  // lets other threads run; for loops that wait for them
char* shared_memory();
char* shared_memory_of(unsigned rank);  // the shared memory of another block of the cluster
// Every lane passes up to 8 words and gets those of all lanes, [lane][8]; valid until its next exchange.
const uint32_t (*exchange(const uint32_t* words, int count))[8];
}  // namespace emulator
}  // namespace gatecell

#define threadIdx (gatecell::emulator::place().thread)
#define blockIdx (gatecell::emulator::place().block)
#define blockDim (gatecell::emulator::place().block_size)
#define gridDim (gatecell::emulator::place().grid_size)

inline void __syncthreads() { gatecell::emulator::sync_block(); }
inline void __syncwarp(unsigned = 0xffffffffu) { gatecell::emulator::sync_warp(); }
inline void __threadfence() {}
inline void __nanosleep(unsigned) { gatecell::emulator::yield(); }

template <class T>
T __shfl_sync(unsigned, T value, int from) {
  uint32_t words[2] = {};
  memcpy(words, &value, sizeof value);
  memcpy(&value, gatecell::emulator::exchange(words, sizeof value / 4)[from & 31], sizeof value);
  return value;
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int with) {
  return __shfl_sync(mask, value, static_cast<int>(gatecell::emulator::place().lane) ^ with);
}
