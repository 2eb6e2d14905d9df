// step_product.h: the product of one step in a chain of steps, of which each reads the results of the one before it. It begins while the step
// before still runs (device.h), reads what does not depend on that step, and waits.
//
// Its epilogue also has early(), which returns whether start() reads nothing that the step before writes.
#pragma once
#include "gemm.h"

namespace gatecell {
namespace cuda {

template <class Mode, int Rows, class A, class B, class E>
__global__ void __launch_bounds__(kTileThreads) step_kernel(A a, B b, E e, Extent size) {
  if (size.m_now) size.m = *size.m_now;
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  const int64_t m0 = int64_t{blockIdx.y} * Rows, n0 = int64_t{blockIdx.x} * kTileColumns;
  const bool early = e.early();
  float acc[Rows / 16][4];
  const auto start = [&] {
    for (int i = 0; i < Rows / 16; ++i) {
      for (int g = 0; g < 4; ++g) {
        const int64_t m = m0 + ty + 16 * i, n = n0 + tx + 16 * g;
        acc[i][g] = m < size.m && n < size.n ? e.start(m, n) : 0.0f;
      }
    }
  };
  if (early) start();
  wait_for_predecessor();
  let_successor_begin();
  if (m0 >= size.m) return;
  if (!early) start();
  Mode::template multiply<Rows>(a, b, m0, n0, size, acc, dynamic_shared());
  for (int i = 0; i < Rows / 16; ++i)
    if (m0 + ty + 16 * i < size.m) e.finish(m0 + ty + 16 * i, n0, tx, acc[i]);
}

template <class Mode, int Rows, class A, class B, class E>
void launch_step(Queue& queue, bool follows, const A& a, const B& b, const E& e, const Extent& size) {
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>((size.n + kTileColumns - 1) / kTileColumns),
                    static_cast<unsigned>((size.m + Rows - 1) / Rows));
  shape.block = dim3(kTileThreads);
  shape.shared = Mode::template shared_bytes<Rows>();
  shape.follows = follows;
  launch(queue, shape, step_kernel<Mode, Rows, A, B, E>, a, b, e, size);
}

template <class Mode, class A, class B, class E>
void step_in(Queue& queue, bool follows, const A& a, const B& b, const E& e, const Extent& size) {
  if (size.m <= 32) launch_step<Mode, 16>(queue, follows, a, b, e, size);
  else launch_step<Mode, 64>(queue, follows, a, b, e, size);
}
}  // namespace cuda
}  // namespace gatecell
