// faults.cu: see faults.h.
#include "faults.h"

namespace gatecell {
namespace cuda {

__global__ void __launch_bounds__(1024) check_ids_kernel(const int32_t* ids, int64_t count, int32_t low, int64_t high,
                                                         Fault fault, int32_t node, Control* control) {
  __shared__ int64_t firsts[1024 / kWarp];
  int64_t first = count;
  for (int64_t i = threadIdx.x; i < count && first == count; i += blockDim.x)
    if (ids[i] < low || ids[i] > high) first = i;
  for (int with = kWarp / 2; with > 0; with /= 2) {
    const int64_t other = __shfl_xor_sync(kAllLanes, first, with);
    first = other < first ? other : first;
  }
  if (lane_id() == 0) firsts[threadIdx.x / kWarp] = first;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned i = 1; i < blockDim.x / kWarp; ++i) first = firsts[i] < first ? firsts[i] : first;
  if (first < count) report(control, fault, node, first, static_cast<double>(ids[first]));
}

void check_ids(const Node& n, const Tensor& ids, int32_t low, int64_t high, Fault fault) {
  Shape shape;
  shape.grid = dim3(1);
  shape.block = dim3(1024);
  launch(n.queue, shape, check_ids_kernel, reinterpret_cast<const int32_t*>(ids.data), ids.rows * ids.cols, low, high,
         fault, n.node.index, n.plan.control);
}
}  // namespace cuda
}  // namespace gatecell
