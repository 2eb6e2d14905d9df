// scatter.cu: see scatter.h.
#include "scatter.h"

#include "faults.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int kThreads = 256;

// Sets order[rank of position i] = i. The rank is the number of positions before it, by id, then by position.
__global__ void __launch_bounds__(kThreads) order_kernel(const int32_t* ids, int64_t count, int32_t* order) {
  __shared__ int32_t part[kThreads];
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const int32_t mine = i < count ? ids[i] : 0;
  int64_t rank = 0;
  for (int64_t begin = 0; begin < count; begin += kThreads) {
    __syncthreads();
    if (begin + threadIdx.x < count) part[threadIdx.x] = ids[begin + threadIdx.x];
    __syncthreads();
    const int64_t here = count - begin < kThreads ? count - begin : kThreads;
    for (int64_t k = 0; k < here; ++k) rank += part[k] < mine || (part[k] == mine && begin + k < i);
  }
  if (i < count) order[rank] = static_cast<int32_t>(i);
}

// One block per sorted position; the block of the first of equal ids computes the sum for all of them.
__global__ void __launch_bounds__(128) scatter_kernel(Take take, const float* rows, const int32_t* ids,
                                                      const int32_t* order, float* table, int32_t skipped) {
  const int64_t first = blockIdx.x;
  const int32_t id = ids[order[first]];
  if (id == skipped) return;
  if (first > 0 && ids[order[first - 1]] == id) return;
  for (int64_t e = threadIdx.x; e < take.outer * take.inner; e += blockDim.x) {
    const int64_t o = e / take.inner, i = e % take.inner;
    float* to = table + take.in_table(o, clamp_id(id, take.size), i);
    float sum = *to;
    for (int64_t k = first; k < take.count && ids[order[k]] == id; ++k) sum += rows[take.in_rows(o, order[k], i)];
    *to = sum;
  }
}
}  // namespace

void add_rows(Queue& queue, const Take& take, const float* rows, const int32_t* ids, int32_t* order, float* table,
              int32_t skipped) {
  Shape ranks, places;
  ranks.grid = dim3(static_cast<unsigned>((take.count + kThreads - 1) / kThreads));
  ranks.block = dim3(kThreads);
  launch(queue, ranks, order_kernel, ids, take.count, order);
  places.grid = dim3(static_cast<unsigned>(take.count));
  places.block = dim3(128);
  launch(queue, places, scatter_kernel, take, rows, ids, order, table, skipped);
}
}  // namespace cuda
}  // namespace gatecell
