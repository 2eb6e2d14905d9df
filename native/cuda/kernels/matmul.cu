// matmul.cu: c = a b of matrices in the last two dimensions, either of them transposed; leading dimensions are a batch and broadcast. In
// exact mode each element of c and of the gradients is one chain of fused multiply-adds, as on the processor. The gradient of a broadcast
// matrix continues its chain over the batch.
#include "../../core/batches.h"
#include "gemm.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace matmul {

// A pass with the memory of its matrices.
struct Work {
  BatchPass pass;
  const float *a, *b;
  float* c;
  bool accumulate;
  int64_t targets, terms;
};

template <class Mode, int Rows, class A, class B>
__global__ void __launch_bounds__(kTileThreads) matmul_kernel(Work w) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  const int64_t m0 = int64_t{blockIdx.y} * Rows, n0 = int64_t{blockIdx.x} * kTileColumns;
  const Extent size = {w.pass.rows, w.pass.columns, w.pass.inner};
  for (int64_t target = blockIdx.z; target < w.targets; target += gridDim.z) {
    const Store store = {w.c + w.pass.place(w.pass.c, target, 0), w.pass.c.ld, size.n,
                         w.accumulate ? Meet::kChain : Meet::kSet, nullptr};
    float acc[Rows / 16][4];
    for (int i = 0; i < Rows / 16; ++i) {
      for (int g = 0; g < 4; ++g) {
        const int64_t m = m0 + ty + 16 * i, n = n0 + tx + 16 * g;
        acc[i][g] = m < size.m && n < size.n ? store.start(m, n) : 0.0f;
      }
    }
    for (int64_t term = 0; term < w.terms; ++term) {
      const A a = {w.a + w.pass.place(w.pass.a, target, term), w.pass.a.ld};
      const B b = {w.b + w.pass.place(w.pass.b, target, term), w.pass.b.ld};
      Mode::template multiply<Rows>(a, b, m0, n0, size, acc, dynamic_shared());
      __syncthreads();  // the next term takes the same shared memory
    }
    for (int i = 0; i < Rows / 16; ++i)
      if (m0 + ty + 16 * i < size.m) store.finish(m0 + ty + 16 * i, n0, tx, acc[i]);
  }
}

template <class Mode, int Rows, class A, class B>
void launch_pass(Queue& queue, const Work& w) {
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>((w.pass.columns + kTileColumns - 1) / kTileColumns),
                    static_cast<unsigned>((w.pass.rows + Rows - 1) / Rows),
                    static_cast<unsigned>(w.targets < 65535 ? w.targets : 65535));
  shape.block = dim3(kTileThreads);
  shape.shared = Mode::template shared_bytes<Rows>();
  launch(queue, shape, matmul_kernel<Mode, Rows, A, B>, w);
}

template <class Mode, class A, class B>
void run_in(Queue& queue, const Work& w) {
  if (w.pass.rows <= 32) launch_pass<Mode, 16, A, B>(queue, w);
  else launch_pass<Mode, 64, A, B>(queue, w);
}

template <class A, class B>
void run_as(const Node& n, const Work& w) {
  if (n.products() == GC_FLOAT) run_in<Exact, A, B>(n.queue, w);
  else run_in<Tf32, A, B>(n.queue, w);
}

void run(const Node& n, const BatchPass& pass, const float* a, const float* b, float* c, bool accumulate) {
  const Work w = {pass, a, b, c, accumulate, pass.targets(), pass.terms()};
  if (pass.a.transposed && pass.b.transposed) run_as<Columns, WeightRows>(n, w);
  else if (pass.a.transposed) run_as<Columns, WeightColumns>(n, w);
  else if (pass.b.transposed) run_as<Rows, WeightRows>(n, w);
  else run_as<Rows, WeightColumns>(n, w);
}

MatMulSizes sizes_of(const Node& n) {
  return MatMulSizes(*n.in(0), *n.in(1), *n.out(0), n.attribute(0) != 0, n.attribute(1) != 0);
}

gc_status prepare(const Node& n) {
  n.why(n.products() == GC_FLOAT ? "exact f32 tiles of 64 columns" : "tf32 tensor cores, tiles of 64 columns");
  return GC_OK;
}

void forward(const Node& n) { run(n, sizes_of(n).forward(), n.in(0)->data, n.in(1)->data, n.out(0)->data, false); }

void backward(const Node& n) {
  const float* dy = n.out(0)->grad;
  if (!dy) return no_gradients(n);
  const MatMulSizes s = sizes_of(n);
  for (int32_t i = 0; i < 2; ++i) {
    if (!n.in(i)->grad) continue;
    const BatchPass pass = i == 0 ? s.gradient_a() : s.gradient_b();
    const float* other = n.in(1 - i)->data;
    run(n, pass, pass.gradient_first ? dy : other, pass.gradient_first ? other : dy, n.in(i)->grad, n.accumulate(i));
  }
}
}  // namespace matmul

const OpDef op_matmul = {GC_OP_MATMUL, "matmul", matmul::prepare, matmul::forward, matmul::backward};
}  // namespace cuda
}  // namespace gatecell
