// linear.cu: y = x W^T + b over all leading dimensions; W[O, I] as in PyTorch.
#include "columns.h"
#include "ops.h"
#include "product.h"

namespace gatecell {
namespace cuda {
namespace linear {

struct Sizes {
  Extent y, dx, dw;
  explicit Sizes(const Node& n) {
    const Tensor &x = *n.in(0), &out = *n.out(0);
    y = {x.rows, out.cols, x.cols}, dx = {x.rows, x.cols, out.cols}, dw = {out.cols, x.cols, x.rows};
  }
};
enum Buffer { kProducts, kProductsBack };

gc_status prepare(const Node& n) {
  const Sizes sizes(n);
  n.ask(product_bytes(n.products(), sizes.y), GC_LIFE_FORWARD);
  const int64_t dx = product_bytes(n.products(), sizes.dx), dw = product_bytes(n.products(), sizes.dw);
  n.ask(!n.node.trains ? 0 : dx > dw ? dx : dw, GC_LIFE_BACKWARD);
  n.why(n.products() == GC_FLOAT ? "exact f32 tiles of 64 columns" : "tf32 tensor cores, tiles of 64 columns");
  return GC_OK;
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &w = *n.in(1), *b = n.in(2), &y = *n.out(0);
  const Store store = {y.data, y.ld, y.cols, Meet::kSet, b ? b->data : nullptr};
  Products(n.queue, choice_of(n).forward_products, n.node.buffers[kProducts])
      .multiply(n.products(), Rows{x.data, x.ld}, WeightRows{w.data, w.ld}, store, Sizes(n).y);
}

void bias_gradient(const Node& n, const Tensor& b, const Tensor& y) {
  const float* dy = y.grad;
  const int64_t ld = y.ld;
  row_gradient(n, y.rows, y.cols, b.grad, n.accumulate(2),
               [=] __device__(int64_t row, int64_t j) { return dy[row * ld + j]; });
}

void backward(const Node& n) {
  const Tensor &x = *n.in(0), &w = *n.in(1), *b = n.in(2), &y = *n.out(0);
  if (!y.grad) return no_gradients(n);
  Products products(n.queue, choice_of(n).backward_products, n.node.buffers[kProductsBack]);
  const Sizes sizes(n);
  if (x.grad) {
    const Store store = {x.grad, x.ld, x.cols, chain_if(n.accumulate(0)), nullptr};
    products.multiply(n.products(), Rows{y.grad, y.ld}, WeightColumns{w.data, w.ld}, store, sizes.dx);
  }
  if (w.grad) {
    const Store store = {w.grad, w.ld, w.cols, add_if(n.accumulate(1)), nullptr};
    products.multiply(n.products(), Columns{y.grad, y.ld}, LiveColumns{x.data, y.grad, x.ld, y.ld, y.cols}, store,
                      sizes.dw);
  }
  if (b && b->grad) bias_gradient(n, *b, y);
}
}  // namespace linear

const OpDef op_linear = {GC_OP_LINEAR, "linear", linear::prepare, linear::forward, linear::backward};
}  // namespace cuda
}  // namespace gatecell
