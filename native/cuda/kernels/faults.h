// faults.h: checks of ids and lengths. Ids outside their table are found before they are used; kernels that read them afterwards clamp
// them, so that a run with invalid data ends with an error message and never reads memory that is not its own.
#pragma once
#include "../op.h"

namespace gatecell {
namespace cuda {

__device__ __forceinline__ int64_t clamp_id(int32_t id, int64_t count) {
  return id < 0 ? 0 : id < count ? id : count - 1;
}

// Stores a failure, unless an earlier op has stored one. Called by one thread.
__device__ __forceinline__ void report(Control* control, const Failure& failure) {
  if (control->failure.fault == 0) control->failure = failure;
}

// Returns the result of a check of one element. Without arguments: the element is valid.
__device__ __forceinline__ Failure fault_at(Fault fault = Fault::kNone, int64_t position = 0, double value = 0,
                                            int64_t more0 = 0, int64_t more1 = 0) {
  return {static_cast<int32_t>(fault), 0, position, value, {more0, more1}};
}

// One block searches for the first i at which check(i) is a fault, and reports it unless an earlier op has reported one.
template <class Check>
__global__ void __launch_bounds__(1024) check_kernel(int64_t count, int32_t node, Control* control, Check check) {
  __shared__ int64_t firsts[1024 / kWarp];
  int64_t first = count;
  for (int64_t i = threadIdx.x; i < count && first == count; i += blockDim.x)
    if (check(i).fault != 0) first = i;
  for (int with = kWarp / 2; with > 0; with /= 2) {
    const int64_t other = __shfl_xor_sync(kAllLanes, first, with);
    first = other < first ? other : first;
  }
  if (lane_id() == 0) firsts[threadIdx.x / kWarp] = first;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned i = 1; i < blockDim.x / kWarp; ++i) first = firsts[i] < first ? firsts[i] : first;
  if (first == count) return;
  Failure failure = check(first);
  failure.node = node;
  report(control, failure);
}

template <class Check>
void check_each(const Node& n, int64_t count, Check check) {
  Shape shape;
  shape.grid = dim3(1);
  shape.block = dim3(1024);
  launch(n.queue, shape, check_kernel<Check>, count, n.node.index, n.plan.control, check);
}

// Reports ids outside [low, high].
void check_ids(const Node& n, const Tensor& ids, int32_t low, int64_t high, Fault fault);
// Reports lengths outside [0, most].
void check_lengths(const Node& n, const Tensor& lengths, int64_t most);
}  // namespace cuda
}  // namespace gatecell
