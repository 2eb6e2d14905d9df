// gemm.h: products with an epilogue: C(m, n) = finish(start(m, n) + sum over k of A(m, k) B(k, n)).
//
// An epilogue E has start(m, n), and finish(m, n0, tx, v): the four sums of row m and columns n0 + tx + 16 g.
#pragma once
#include "../op.h"
#include "tile.h"
#include "tile_mma.h"

namespace gatecell {
namespace cuda {

// Computes one tile by a block, with blockIdx.x as its index along columns and blockIdx.y along rows.
template <class Mode, int Rows, class A, class B, class E>
__device__ __forceinline__ void gemm_tile(const A& a, const B& b, const E& e, const Extent& size) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  const int64_t m0 = int64_t{blockIdx.y} * Rows, n0 = int64_t{blockIdx.x} * kTileColumns;
  float acc[Rows / 16][4];
  for (int i = 0; i < Rows / 16; ++i) {
    for (int g = 0; g < 4; ++g) {
      const int64_t m = m0 + ty + 16 * i, n = n0 + tx + 16 * g;
      acc[i][g] = m < size.m && n < size.n ? e.start(m, n) : 0.0f;
    }
  }
  Mode::template multiply<Rows>(a, b, m0, n0, size, acc, dynamic_shared());
  for (int i = 0; i < Rows / 16; ++i)
    if (m0 + ty + 16 * i < size.m) e.finish(m0 + ty + 16 * i, n0, tx, acc[i]);
}

template <class Mode, int Rows, class A, class B, class E>
__global__ void __launch_bounds__(kTileThreads) gemm_kernel(A a, B b, E e, Extent size) {
  if (size.m_now) size.m = *size.m_now;
  if (size.k_now) size.k = *size.k_now;
  if (int64_t{blockIdx.y} * Rows < size.m) gemm_tile<Mode, Rows>(a, b, e, size);
}

template <class Mode, int Rows, class A, class B, class E>
void launch_gemm(Queue& queue, const A& a, const B& b, const E& e, const Extent& size) {
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>((size.n + kTileColumns - 1) / kTileColumns),
                    static_cast<unsigned>((size.m + Rows - 1) / Rows));
  shape.block = dim3(kTileThreads);
  shape.shared = Mode::template shared_bytes<Rows>();
  launch(queue, shape, gemm_kernel<Mode, Rows, A, B, E>, a, b, e, size);
}

// Uses tiles of 16 rows if there are few rows, so that more blocks read the weights; otherwise tiles of 64 rows.
template <class Mode, class A, class B, class E>
void gemm_in(Queue& queue, const A& a, const B& b, const E& e, const Extent& size) {
  if (size.tiled_rows() <= 32) launch_gemm<Mode, 16>(queue, a, b, e, size);
  else launch_gemm<Mode, 64>(queue, a, b, e, size);
}

// Computes exactly or in tf32, for products that are float32 on the processor in any precision of the plan.
template <class A, class B, class E>
void gemm_f32(Queue& queue, int32_t precision, const A& a, const B& b, const E& e, const Extent& size) {
  if (precision == GC_FLOAT) gemm_in<Exact>(queue, a, b, e, size);
  else gemm_in<Tf32>(queue, a, b, e, size);
}

// Computes in the precision of the plan.
template <class A, class B, class E>
void gemm(Queue& queue, int32_t precision, const A& a, const B& b, const E& e, const Extent& size) {
  if (precision == GC_BF16) gemm_in<Bf16>(queue, a, b, e, size);
  else gemm_f32(queue, precision, a, b, e, size);
}

// ---- epilogues -------------------------------------------------------------------------------------------------------------
// How a result is stored: it replaces the value that is there, it is the end of a chain that begins with that value, or it is added to it.
enum class Meet { kSet, kChain, kAdd };
inline Meet chain_if(bool accumulate) { return accumulate ? Meet::kChain : Meet::kSet; }
inline Meet add_if(bool accumulate) { return accumulate ? Meet::kAdd : Meet::kSet; }

// Stores c[m][n]; the chains begin with bias[n] if there is a bias.
struct Store {
  float* c;
  int64_t ld, columns;
  Meet meet;
  const float* bias;
  __device__ float start(int64_t m, int64_t n) const {
    if (bias) return bias[n];
    return meet == Meet::kChain ? c[m * ld + n] : 0.0f;
  }
  __device__ void finish(int64_t m, int64_t n0, int tx, const float (&v)[4]) const {
    for (int g = 0; g < 4; ++g)
      if (n0 + tx + 16 * g < columns) put(c + m * ld + n0 + tx + 16 * g, v[g], meet == Meet::kAdd);
  }
};

// Stores the gradient of W[4H, columns]: row m of the product is position m of [panel][gate][16 units].
struct StoreGateRow {
  float* grad;
  int64_t columns, hidden;
  bool accumulate;
  Gates gates = Gates::kLstm;
  __device__ float start(int64_t, int64_t) const { return 0.0f; }
  __device__ void finish(int64_t m, int64_t n0, int tx, const float (&v)[4]) const {
    const int64_t row = gate_row(m, hidden, gates);
    if (row < 0) return;
    for (int g = 0; g < 4; ++g)
      if (n0 + tx + 16 * g < columns) put(grad + row * columns + n0 + tx + 16 * g, v[g], accumulate);
  }
};
}  // namespace cuda
}  // namespace gatecell
