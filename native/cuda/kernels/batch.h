// batch.h: one product for each batch row, all in one launch, over tensors [steps, B, columns], for attention. One of the three extents may
// differ from row to row.
#pragma once
#include "gemm.h"

namespace gatecell {
namespace cuda {

// Batch row b of a tensor [steps, B, columns] as an operand of operands.h.
template <class Operand>
struct StepsOf {
  const float* data;
  int64_t ld;
  __device__ Operand row(int64_t b, int64_t batch) const { return {data + b * ld, batch * ld}; }
};

enum class Bound { kM, kN, kK };  // the extent that is the length of the row

// Computes a product for every batch row. A and B have row(b, batch), as StepsOf has.
template <class A, class B>
struct BatchProduct {
  A a;
  B b;
  float* c;
  int64_t c_ld;
  Meet meet;
  Extent most;
  Bound bound;
  const int32_t* lengths;
  int64_t batch;

  __device__ Extent size(int64_t row) const {
    Extent s = most;
    int64_t& extent = bound == Bound::kM ? s.m : bound == Bound::kN ? s.n : s.k;
    const int64_t length = lengths[row] > 0 ? lengths[row] : 0;
    if (length < extent) extent = length;
    return s;
  }
};

template <class Mode, int Rows, class A, class B>
__global__ void __launch_bounds__(kTileThreads) batch_kernel(BatchProduct<A, B> p) {
  for (int64_t row = blockIdx.z; row < p.batch; row += gridDim.z) {
    const Extent size = p.size(row);
    if (int64_t{blockIdx.y} * Rows >= size.m || int64_t{blockIdx.x} * kTileColumns >= size.n) continue;
    const Store store = {p.c + row * p.c_ld, p.batch * p.c_ld, size.n, p.meet, nullptr};
    gemm_tile<Mode, Rows>(p.a.row(row, p.batch), p.b.row(row, p.batch), store, size);
    __syncthreads();  // the next row's tile takes the same shared memory
  }
}

template <class Mode, int Rows, class A, class B>
void launch_batch(Queue& queue, const BatchProduct<A, B>& p) {
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>((p.most.n + kTileColumns - 1) / kTileColumns),
                    static_cast<unsigned>((p.most.m + Rows - 1) / Rows),
                    static_cast<unsigned>(p.batch < 65535 ? p.batch : 65535));
  shape.block = dim3(kTileThreads);
  shape.shared = Mode::template shared_bytes<Rows>();
  launch(queue, shape, batch_kernel<Mode, Rows, A, B>, p);
}

template <class Mode, class A, class B>
void batch_in(Queue& queue, const BatchProduct<A, B>& p) {
  if (p.most.m <= 32) launch_batch<Mode, 16>(queue, p);
  else launch_batch<Mode, 64>(queue, p);
}

// Computes c (+)= a b for each row, in exact f32 or tf32.
template <class A, class B>
void batch_product(Queue& queue, int32_t precision, const BatchProduct<A, B>& p) {
  if (precision == GC_FLOAT) batch_in<Exact>(queue, p);
  else batch_in<Tf32>(queue, p);
}
}  // namespace cuda
}  // namespace gatecell
