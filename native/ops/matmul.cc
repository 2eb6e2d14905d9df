// matmul.cc: c = a b of matrices in the last two dimensions, either of them transposed; leading dimensions are a batch and broadcast.
// Each element of c and of the gradients is one chain of fused multiply-adds, so the bits depend neither on threads nor on how the
// work is split. Gradients of a broadcast matrix continue one chain over the batch in its order.
#include <algorithm>

#include "../core/batches.h"
#include "../core/product.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
enum { kScratch, kBackwardScratch };  // buffers

gc_status check(Plan& plan, Node& node) {
  const Tensor &a = *plan.input(node, 0), &b = *plan.input(node, 1), &out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, a, "a", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, b, "b", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status != GC_OK) return status;
  for (double flag : node.attributes)
    if (flag != 0 && flag != 1)
      return fail(GC_INVALID_ARGUMENT, "matmul: expected 0 or 1 for transposed, got %g", flag);
  if (fits_matmul(a, b, out, node.attributes[0] != 0, node.attributes[1] != 0)) return GC_OK;
  return fail(GC_INVALID_SHAPE, "matmul: %s%s times %s%s does not give %s", a.shape().c_str(),
              node.attributes[0] != 0 ? " transposed" : "", b.shape().c_str(),
              node.attributes[1] != 0 ? " transposed" : "", out.shape().c_str());
}

MatMulSizes sizes_of(Plan& plan, const Node& node) {
  return MatMulSizes(*plan.input(node, 0), *plan.input(node, 1), *plan.output(node, 0), node.attributes[0] != 0,
                     node.attributes[1] != 0);
}

int64_t scratch_bytes(const Plan& plan, const BatchPass& pass) {
  return plan.threads * product_scratch(pass.inner, pass.a.transposed) * 4;
}

void prepare(Plan& plan, Node& node) {
  const MatMulSizes s = sizes_of(plan, node);
  node.buffers.push_back({scratch_bytes(plan, s.forward()), Life::kForward});
  node.buffers.push_back(
      {std::max(scratch_bytes(plan, s.gradient_a()), scratch_bytes(plan, s.gradient_b())), Life::kBackward});
  node.why = "operands packed in blocks of 64 columns while they are multiplied";
}

// A thread's unit of work is up to kProductRows rows of one matrix, and some blocks of its columns.
void run_pass(Plan& plan, const BatchPass& pass, const float* a, const float* b, float* c, bool accumulate,
              float* scratch) {
  const int64_t chunks = (pass.rows + kProductRows - 1) / kProductRows, blocks = (pass.columns + 63) / 64;
  const int64_t targets = pass.targets(), terms = pass.terms();
  const double flops = 2.0 * static_cast<double>(pass.rows * pass.columns) * static_cast<double>(pass.inner * terms);
  const int64_t room = product_scratch(pass.inner, pass.a.transposed);
  parallel(plan.team(flops * static_cast<double>(targets)), [&](int index, int team) {
    // Few matrices of few rows: the blocks of columns are split, too.
    const int64_t wanted = (4 * team + targets * chunks - 1) / (targets * chunks);
    const int groups = static_cast<int>(std::min(blocks, team > 1 ? wanted : 1));
    const Range mine = share(targets * chunks * groups, index, team);
    for (int64_t unit = mine.begin; unit < mine.end; ++unit) {
      const int64_t target = unit / (chunks * groups), row = unit / groups % chunks * kProductRows;
      Product p;
      p.a.ld = pass.a.ld, p.a.transposed = pass.a.transposed;
      p.b.ld = pass.b.ld, p.b.transposed = pass.b.transposed;
      p.rows = pass.rows, p.columns = pass.columns, p.inner = pass.inner;
      p.c = c + pass.place(pass.c, target, 0), p.c_row = pass.c.ld;
      for (int64_t term = 0; term < terms; ++term) {
        p.a.data = a + pass.place(pass.a, target, term);
        p.b.data = b + pass.place(pass.b, target, term);
        p.accumulate = accumulate || term > 0;
        multiply_part(p, {row, std::min(row + kProductRows, pass.rows)},
                      share(blocks, static_cast<int>(unit % groups), groups), scratch + index * room);
      }
    }
  });
}

void forward(Plan& plan, Node& node) {
  const Tensor &a = *plan.input(node, 0), &b = *plan.input(node, 1), &out = *plan.output(node, 0);
  run_pass(plan, sizes_of(plan, node).forward(), a.data, b.data, out.data, false, node.buffers[kScratch].data);
}

void backward(Plan& plan, Node& node) {
  const Tensor &a = *plan.input(node, 0), &b = *plan.input(node, 1), &out = *plan.output(node, 0);
  if (!out.grad) return no_gradients(plan, node);
  const MatMulSizes s = sizes_of(plan, node);
  float* scratch = node.buffers[kBackwardScratch].data;
  const auto gradient = [&](const BatchPass& pass, const Tensor& of, const Tensor& other, size_t input) {
    if (!of.grad) return;
    const float* left = pass.gradient_first ? out.grad : other.data;
    const float* right = pass.gradient_first ? other.data : out.grad;
    run_pass(plan, pass, left, right, of.grad, node.accumulate[input], scratch);
  };
  gradient(s.gradient_a(), a, b, 0);
  gradient(s.gradient_b(), b, a, 1);
}
}  // namespace

const OpDef op_matmul = {GC_OP_MATMUL, "matmul", 2, 2, 1, 1, 2, true, false, false, check, prepare, forward, backward};
}  // namespace gatecell
