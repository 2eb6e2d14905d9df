// faults.h: ids that lie outside their table are found before they are used; what reads them afterwards clamps them, so that
// a run with bad data ends with its sentence and never reads foreign memory.
#pragma once
#include "../op.h"

namespace gatecell {
namespace cuda {

// One block looks for the first of `ids` outside [low, high] and reports it, unless an earlier op has reported something.
__global__ void __launch_bounds__(1024) check_ids_kernel(const int32_t* ids, int64_t count, int32_t low, int64_t high,
                                                         Fault fault, int32_t node, Control* control);
void check_ids(const Node& n, const Tensor& ids, int32_t low, int64_t high, Fault fault);

__device__ __forceinline__ int64_t clamp_id(int32_t id, int64_t count) {
  return id < 0 ? 0 : id < count ? id : count - 1;
}

// From one thread: keeps what an earlier op has reported.
__device__ __forceinline__ void report(Control* control, Fault fault, int32_t node, int64_t position, double value) {
  if (control->failure.fault != 0) return;
  control->failure = {static_cast<int32_t>(fault), node, position, value};
}
}  // namespace cuda
}  // namespace gatecell
