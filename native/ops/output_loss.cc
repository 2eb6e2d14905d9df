// output_loss.cc: a linear layer and the cross-entropy of its logits as one node, into which rewrites.cc joins the two. The logits are computed for a
// block of rows, and so are their gradients: a run that has a backward pass computes the gradients of x, weight and bias of a block while it has its
// logits, as if the gradient of the loss were 1, and the backward pass multiplies them by that gradient. Rows that do not count are left out of every
// product. A chain of a product is continued from block to block, so no bit depends on the size of the blocks, and with a gradient of 1 all bits
// are those of the two ops.
#include <algorithm>
#include <cstring>

#include "../core/packed_product.h"
#include "../core/rewrites.h"
#include "cross_entropy.h"
#include "ops.h"
#include "rows.h"
#include "weight_gradient.h"

namespace gatecell {
namespace {
enum { kX, kWeight = 4, kBias, kInputs };  // inputs besides those of cross_entropy.h
enum { kForwardPack, kBackwardPack };
enum { kRows, kNats, kStart, kDense, kPackedX, kRowLogits, kDx, kDw, kDb };  // buffers
constexpr int64_t kBlockRows = 384, kThreadRows = 24;  // rows of a block, of which each thread has at least kThreadRows

// Floats from row to row of the logits of a block: an odd number of cache lines, so that the rows of a column are spread over all sets of a cache.
int64_t logits_ld(int64_t classes) { return (round_up(classes, 16) / 16 | 1) * 16; }

struct Layer {
  Plan& plan;
  Node& node;
  const Tensor &x, &w, *bias, &targets;
  int64_t classes, ld, block;
  bool trains_x, trains_w, trains_bias;

  Layer(Plan& p, Node& n)
      : plan(p),
        node(n),
        x(*p.input(n, kX)),
        w(*p.input(n, kWeight)),
        bias(p.input(n, kBias)),
        targets(*p.input(n, kTargets)),
        classes(w.rows),
        ld(logits_ld(w.rows)),
        block(std::min(round_up(x.rows, kRowTile), round_up(std::max(kBlockRows, kThreadRows * p.threads), kRowTile))),
        trains_x(n.trains && x.wants_grad),
        trains_w(n.trains && w.wants_grad),
        trains_bias(n.trains && bias && bias->wants_grad) {}

  float* buffer(int i) const { return node.buffers[static_cast<size_t>(i)].data; }
  // The numbers of the rows that count, and at [x.rows] how many they are.
  int32_t* rows() const { return reinterpret_cast<int32_t*>(buffer(kRows)); }
  int64_t blocks_of_columns() const { return (classes + 63) / 64; }
  int64_t width(int64_t n) const { return std::min<int64_t>(64, classes - n * 64); }
};

void prepare(Plan& plan, Node& node) {
  const Layer l(plan, node);
  const auto ask = [&](int64_t floats, Life life) { node.buffers.push_back({floats * 4, life}); };
  const int slot = l.w.slot;
  node.packs.push_back(plan.store->request_pack(slot, PackKind::kForward));
  if (l.trains_x) node.packs.push_back(plan.store->request_pack(slot, PackKind::kBackward));
  ask(l.x.rows + 1, Life::kSaved);
  ask(l.x.rows * 2, Life::kForward);
  ask(round_up(l.classes, 64), Life::kForward);
  ask(l.block * l.x.ld, Life::kForward);
  ask(l.trains_w ? packed_rows_floats(l.block, l.x.cols) : 16, Life::kForward);
  ask(l.block * l.ld, Life::kForward);
  ask(l.trains_x ? l.x.rows * l.x.ld : 16, Life::kSaved);
  ask(l.trains_w ? l.blocks_of_columns() * round_up(l.x.cols, kRowTile) * 64 : 16, Life::kSaved);
  ask(l.trains_bias ? l.classes : 16, Life::kSaved);
  node.why = "output layer and loss in blocks of " + std::to_string(l.block) + " rows, only those with a target";
}

// The part of one run that all blocks have in common.
struct Run {
  const Layer& l;
  const Classes& classes;
  const RowWeights& row_weight;
  double scale;    // of the gradients; see gradient_scale
  bool gradients;  // the run has a backward pass
};

// Computes the logits of the rows `mine` of a block of `count` rows from the row number `first` on, and in place their gradients.
void logits_part(const Run& run, int64_t first, int64_t count, Range mine) {
  const Layer& l = run.l;
  float *dense = l.buffer(kDense), *logits = l.buffer(kRowLogits);
  const int32_t* rows = l.rows() + first;
  for (int64_t i = mine.begin; i < mine.end; ++i)
    memcpy(dense + i * l.x.ld, l.x.data + rows[i] * l.x.ld, static_cast<size_t>(l.x.cols) * 4);
  PackedProduct m;
  m.a = dense;
  m.a_row = l.x.ld;
  m.segment_length = l.x.cols;
  m.b = l.plan.store->packs[l.node.packs[kForwardPack]].get();
  m.c = logits;
  m.c_row = l.ld;
  m.columns = l.classes;
  m.start = l.buffer(kStart);
  multiply(m, mine, {0, m.b->blocks});
  double* nats = reinterpret_cast<double*>(l.buffer(kNats));
  for (int64_t i = mine.begin; i < mine.end; ++i) {
    float* row = logits + i * l.ld;
    const int32_t target = l.targets.ids[rows[i]];
    nats[first + i] = run.classes.nats(row, row, target);
    if (run.gradients) run.classes.gradient(row, target, run.row_weight(rows[i]), run.scale);
  }
  if (run.gradients && l.trains_w) pack_rows(dense, l.x.ld, l.x.cols, mine, count, 0, l.buffer(kPackedX));
}

// Computes the gradients of x for the rows `mine` of a block, and adds those of weight and bias for the `columns`, 64 classes each.
void gradients_part(const Layer& l, int64_t first, int64_t count, Range mine, Range columns) {
  const float* d = l.buffer(kRowLogits);
  if (l.trains_x) {
    PackedProduct m;
    m.a = d;
    m.a_row = l.ld;
    m.segment_length = l.classes;
    m.b = l.plan.store->packs[l.node.packs[kBackwardPack]].get();
    m.c = l.buffer(kDx) + first * l.x.ld;
    m.c_row = l.x.ld;
    m.columns = l.x.ld;
    multiply(m, mine, {0, m.b->blocks});
  }
  for (int64_t n = columns.begin; n < columns.end; ++n) {
    if (l.trains_w)
      weight_gradient_block(l.buffer(kPackedX), l.x.cols, count, d + n * 64, l.ld, l.width(n),
                            l.buffer(kDw) + n * l.x.cols * 64, Format::kF32, first > 0);
    for (int64_t i = 0; i < count && l.trains_bias; ++i)
      kernels().add(d + i * l.ld + n * 64, l.buffer(kDb) + n * 64, l.width(n));
  }
}

// Computes the nats of all rows that count, and the gradients; returns the sum of the nats by their weights.
double all_blocks(const Run& run) {
  const Layer& l = run.l;
  const int64_t total = l.rows()[l.x.rows], blocks = (total + l.block - 1) / l.block;
  const double flops = 2.0 * static_cast<double>(l.x.cols * l.classes);
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t first = total * b / blocks, count = total * (b + 1) / blocks - first;
    const int team = l.plan.team(flops * static_cast<double>(count));
    parallel(team, [&](int index, int size) { logits_part(run, first, count, share(count, index, size, kRowTile)); });
    if (!run.gradients) continue;
    parallel(team, [&](int index, int size) {
      gradients_part(l, first, count, share(count, index, size, kRowTile), share(l.blocks_of_columns(), index, size));
    });
  }
  const double* nats = reinterpret_cast<const double*>(l.buffer(kNats));
  double sum = 0;
  for (int64_t i = 0; i < total; ++i) sum += run.row_weight(l.rows()[i]) * nats[i];
  return sum;
}

void forward(Plan& plan, Node& node) {
  const Layer l(plan, node);
  const Tensor& out = *plan.output(node, 0);
  const Classes classes(plan, node, l.classes);
  const RowWeights row_weight{plan.input(node, kRowWeights)};
  double divisor = 0;
  plan.run_status = read_targets(node, classes, l.targets, row_weight, &divisor);
  if (plan.run_status != GC_OK) return;
  const int32_t ignored = ignored_target(node);
  int32_t* rows = l.rows();
  int32_t total = 0;
  for (int64_t i = 0; i < l.x.rows; ++i)
    if (classes.counts(l.targets.ids[i], ignored) && row_weight(i) != 0) rows[total++] = static_cast<int32_t>(i);
  rows[l.x.rows] = total;
  float* start = l.buffer(kStart);
  memset(start, 0, static_cast<size_t>(round_up(l.classes, 64)) * 4);
  if (l.bias) memcpy(start, l.bias->data, static_cast<size_t>(l.classes) * 4);
  if (l.trains_bias) memset(l.buffer(kDb), 0, static_cast<size_t>(l.classes) * 4);
  out.data[1] = static_cast<float>(divisor);
  const double scale = gradient_scale(1, out.data[1], classes.plain() && !row_weight.weights);
  const double sum = all_blocks({l, classes, row_weight, scale, plan.training && node.trains});
  out.data[0] = divisor > 0 ? static_cast<float>(sum / divisor) : 0.0f;
}

// Writes the gradient of x: that of a row that counts, times the gradient of the loss, or zeros.
void spread_rows(const Layer& l, float scale) {
  const int32_t* rows = l.rows();
  const int64_t total = rows[l.x.rows];
  const bool accumulate = l.node.accumulate[kX];
  if (!accumulate) memset(l.x.grad, 0, static_cast<size_t>(l.x.bytes()));
  parallel(l.plan.team(4.0 * static_cast<double>(total * l.x.cols)), [&](int index, int size) {
    const Range mine = share(total, index, size);
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      const float* d = l.buffer(kDx) + i * l.x.ld;
      put(l.x.grad + rows[i] * l.x.ld, l.x.cols, accumulate, [=](int64_t j) { return d[j] * scale; });
    }
  });
}

void write_weight(const Layer& l, float scale) {
  const int team = l.plan.team(8.0 * static_cast<double>(l.w.rows * l.w.cols));
  parallel(team, [&](int index, int size) {
    const Range blocks = share(l.blocks_of_columns(), index, size);
    for (int64_t n = blocks.begin; n < blocks.end; ++n) {
      float* block = l.buffer(kDw) + n * l.x.cols * 64;
      for (int64_t i = 0; i < l.x.cols * 64 && scale != 1; ++i) block[i] *= scale;
      scatter_gradient(block, l.x.cols, l.width(n), l.w.grad, l.node.accumulate[kWeight],
                       [&](int64_t j) { return n * 64 + j; });
    }
  });
}

// No gradient flows to the weights of classes and rows.
void backward(Plan& plan, Node& node) {
  const Layer l(plan, node);
  const Tensor& out = *plan.output(node, 0);
  no_gradient(plan, node, kClassWeights);
  no_gradient(plan, node, kRowWeights);
  if (!out.grad || l.rows()[l.x.rows] == 0) {
    for (size_t i : {static_cast<size_t>(kX), static_cast<size_t>(kWeight), static_cast<size_t>(kBias)})
      no_gradient(plan, node, i);
    return;
  }
  const float scale = out.grad[0];
  if (l.x.grad) spread_rows(l, scale);
  if (l.w.grad) write_weight(l, scale);
  if (l.bias && l.bias->grad) {
    const float* d = l.buffer(kDb);
    put(l.bias->grad, l.classes, node.accumulate[kBias], [=](int64_t j) { return d[j] * scale; });
  }
}
}  // namespace

const OpDef op_output_loss = {0,     "output_loss", kInputs, kInputs, 1,       1,        0, false,
                              false, true,          nullptr, prepare, forward, backward, 2};
}  // namespace gatecell
