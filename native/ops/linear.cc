// linear.cc: y = x W^T + b over all leading dimensions; W[O, I] as in PyTorch.
#include <cstring>

#include "../core/graph.h"
#include "../core/machine.h"
#include "../core/packed_product.h"
#include "ops.h"
#include "weight_gradient.h"

namespace gatecell {
namespace {
enum { kBias, kPackedX, kBlock };  // buffers
enum { kForwardPack, kBackwardPack };

int64_t tile_floats(int64_t inputs) { return round_up(inputs, kRowTile) * 64; }

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &w = *plan.input(node, 1), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, x, "x", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status == GC_OK && w.role != GC_PARAMETER)
    status = fail(GC_INVALID_ARGUMENT, "linear: expected the weight to be a parameter");
  if (status == GC_OK) status = expect_shape(plan, node, w, "the weight", {out.cols, x.cols});
  if (status != GC_OK) return status;
  if (const Tensor* b = plan.input(node, 2)) {
    if (b->role != GC_PARAMETER) return fail(GC_INVALID_ARGUMENT, "linear: expected the bias to be a parameter");
    status = expect_shape(plan, node, *b, "the bias", {out.cols});
    if (status != GC_OK) return status;
  }
  if (&x == &w) return fail(GC_INVALID_ARGUMENT, "linear: expected x and the weight to be two tensors");
  bool fits = x.rank == out.rank;
  for (int d = 0; d + 1 < x.rank && fits; ++d) fits = x.dims[d] == out.dims[d];
  if (!fits) return fail(GC_INVALID_SHAPE, "linear: %s does not give %s", x.shape().c_str(), out.shape().c_str());
  return GC_OK;
}

void prepare(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  node.packs.push_back(plan.store->request_pack(plan.input(node, 1)->slot, PackKind::kForward));
  node.buffers.push_back({round_up(out.cols, 64) * 4, Life::kForward});
  node.buffers.push_back({packed_rows_floats(x.rows, x.cols) * 4, Life::kBackward});
  node.buffers.push_back({plan.threads * tile_floats(x.cols) * 4, Life::kBackward});
  if (node.trains && x.wants_grad)
    node.packs.push_back(plan.store->request_pack(plan.input(node, 1)->slot, PackKind::kBackward));
  node.why = "rows split over threads, weights packed in blocks of 64 columns";
}

void forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0), *b = plan.input(node, 2);
  float* start = node.buffers[kBias].data;
  memset(start, 0, static_cast<size_t>(round_up(out.cols, 64)) * 4);
  if (b) memcpy(start, b->data, static_cast<size_t>(out.cols) * 4);
  PackedProduct m;
  m.a = x.data;
  m.a_row = x.ld;
  m.segment_length = x.cols;
  m.b = plan.store->packs[node.packs[kForwardPack]].get();
  m.c = out.data;
  m.c_row = out.ld;
  m.columns = out.ld;
  m.start = start;
  parallel(plan.team(2.0 * static_cast<double>(x.rows * x.cols * out.cols)), [&](int index, int team) {
    if (x.rows >= 6 * team) multiply(m, share(x.rows, index, team, 6), {0, m.b->blocks});
    else multiply(m, {0, x.rows}, share(m.b->blocks, index, team));
  });
}

void bias_gradient(const Tensor& dy, float* grad, bool accumulate) {
  if (!accumulate) memset(grad, 0, static_cast<size_t>(dy.cols) * 4);
  for (int64_t row = 0; row < dy.rows; ++row) kernels().add(dy.grad + row * dy.ld, grad, dy.cols);
}

void clear(const Tensor& t, bool accumulate) {
  if (t.grad && !accumulate) memset(t.grad, 0, static_cast<size_t>(t.bytes()));
}

// Returns whether the gradient of a row is not all zeros. A row that the loss ignores has zeros, and its x may be NaN: 0 * NaN is NaN.
bool is_live(const Tensor& dy, int64_t row) {
  const float* d = dy.grad + row * dy.ld;
  for (int64_t j = 0; j < dy.cols; ++j)
    if (d[j] != 0) return true;
  return false;
}

// Packs x for the weight's gradient, with zeros in place of rows whose gradient is zero.
void pack_live_rows(const Tensor& x, const Tensor& dy, Range rows, float* to) {
  for (int64_t first = rows.begin; first < rows.end;) {
    int64_t next = first;
    while (next < rows.end && is_live(dy, next)) ++next;
    pack_rows(x.data, x.ld, x.cols, {first, next}, x.rows, 0, to);
    for (first = next; first < rows.end && !is_live(dy, first);) ++first;
    clear_packed_rows(x.cols, {next, first}, x.rows, to);
  }
}

void backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &w = *plan.input(node, 1), *b = plan.input(node, 2),
               &dy = *plan.output(node, 0);
  if (!dy.grad) {  // nothing flows back
    for (size_t i = 0; i < node.in.size(); ++i)
      if (const Tensor* t = plan.input(node, i)) clear(*t, node.accumulate[i]);
    return;
  }
  const int team = plan.team(4.0 * static_cast<double>(x.rows * x.cols * dy.cols));
  float* packed = node.buffers[kPackedX].data;
  parallel(team, [&](int index, int size) {
    if (w.grad) pack_live_rows(x, dy, share(x.rows, index, size, 64), packed);
  });
  PackedProduct m;
  m.a = dy.grad;
  m.a_row = dy.ld;
  m.segment_length = dy.cols;
  m.b = x.wants_grad ? plan.store->packs[node.packs[kBackwardPack]].get() : nullptr;
  m.c = x.grad;
  m.c_row = x.ld;
  m.columns = x.ld;
  m.accumulate = node.accumulate[0];
  parallel(team, [&](int index, int size) {
    if (x.grad) multiply(m, share(x.rows, index, size, 6), {0, m.b->blocks});
    if (!w.grad) return;
    float* block = node.buffers[kBlock].data + index * tile_floats(x.cols);
    const Range blocks = share((dy.cols + 63) / 64, index, size);
    for (int64_t n = blocks.begin; n < blocks.end; ++n) {
      const int64_t width = dy.cols - n * 64 < 64 ? dy.cols - n * 64 : 64;
      weight_gradient_block(packed, x.cols, x.rows, dy.grad + n * 64, dy.ld, width, block);
      scatter_gradient(block, x.cols, width, w.grad, node.accumulate[1], [&](int64_t j) { return n * 64 + j; });
    }
  });
  if (b && b->grad) bias_gradient(dy, b->grad, node.accumulate[2]);
}
}  // namespace

const OpDef op_linear = {GC_OP_LINEAR, "linear", 2, 3, 1, 1, 0, true, false, true, check, prepare, forward, backward};
}  // namespace gatecell
