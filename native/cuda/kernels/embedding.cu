// embedding.cu: rows of a table chosen by ids. The gradient adds rows in the order of the ids: positions are sorted by id with a stable sort,
// and the gradient of each table row is one chain over its positions. The row of the padding id gets no gradient.
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace embedding {
enum { kOrder };  // buffer: positions sorted by id
constexpr int kThreads = 256;

gc_status prepare(const Node& n) {
  n.ask(n.out(0)->rows * 4, GC_LIFE_BACKWARD);
  return GC_OK;
}

void forward(const Node& n) {
  const Tensor &table = *n.in(0), &ids = *n.in(1), &out = *n.out(0);
  check_ids(n, ids, 0, table.rows - 1, Fault::kId);
  const int32_t* id = reinterpret_cast<const int32_t*>(ids.data);
  const float* from = table.data;
  float* to = out.data;
  const int64_t ldt = table.ld, ldo = out.ld, tokens = table.rows;
  each_element(n.queue, out.rows, out.cols, [=] __device__(int64_t row, int64_t j) {
    to[row * ldo + j] = from[clamp_id(id[row], tokens) * ldt + j];
  });
}

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
__global__ void __launch_bounds__(128)
    scatter_kernel(const int32_t* ids, const int32_t* order, int64_t count, const float* dy, int64_t ldy,
                   int64_t columns, float* grad, int64_t ldg, int64_t tokens, int32_t padding) {
  const int64_t first = blockIdx.x;
  const int32_t id = ids[order[first]];
  if (id == padding) return;
  if (first > 0 && ids[order[first - 1]] == id) return;
  for (int64_t j = threadIdx.x; j < columns; j += blockDim.x) {
    float* to = grad + clamp_id(id, tokens) * ldg + j;
    float sum = *to;
    for (int64_t k = first; k < count && ids[order[k]] == id; ++k) sum += dy[order[k] * ldy + j];
    *to = sum;
  }
}

void backward(const Node& n) {
  const Tensor &table = *n.in(0), &ids = *n.in(1), &out = *n.out(0);
  if (!table.grad) return;
  no_gradient(n, 0);  // tokens that do not occur
  if (!out.grad) return;
  const int32_t* id = reinterpret_cast<const int32_t*>(ids.data);
  int32_t* order = n.buffer<int32_t>(kOrder);
  Shape ranks, places;
  ranks.grid = dim3(static_cast<unsigned>((out.rows + kThreads - 1) / kThreads));
  ranks.block = dim3(kThreads);
  launch(n.queue, ranks, order_kernel, id, out.rows, order);
  places.grid = dim3(static_cast<unsigned>(out.rows));
  places.block = dim3(128);
  launch(n.queue, places, scatter_kernel, id, order, out.rows, out.grad, out.ld, out.cols, table.grad, table.ld,
         table.rows, static_cast<int32_t>(n.attribute(0) - 1));
}
}  // namespace embedding

const OpDef op_embedding = {GC_OP_EMBEDDING, "embedding", embedding::prepare, embedding::forward, embedding::backward};
}  // namespace cuda
}  // namespace gatecell
