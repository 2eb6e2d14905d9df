// dropout.cc: each element is zero with probability p, else scaled by 1 / (1 - p) (Srivastava et al. 2014); outside training the
// identity. Locked: one mask for all steps of dimension 0 (Gal and Ghahramani 2016).
//
// Element e of the mask belongs to word e % 4 of Philox block e / 4 of (seed; stream, step), and is kept if the word is at least p * 2^32:
// the mask depends on nothing else. It is saved as bytes: drawing it again would take about twice the time of reading it.
#include <algorithm>

#include "../core/philox.h"
#include "draws.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
enum { kRate, kVariational, kStream };  // attributes

int64_t mask_rows(const Tensor& x, const Node& node) {
  return node.attributes[kVariational] != 0 ? x.rows / x.dims[0] : x.rows;
}

gc_status check(Plan& plan, Node& node) {
  const double p = node.attributes[kRate], variational = node.attributes[kVariational],
               stream = node.attributes[kStream];
  if (!(p >= 0 && p < 1)) return fail(GC_INVALID_ARGUMENT, "dropout: expected p from 0 to below 1, got %g", p);
  if (variational != 0 && variational != 1)
    return fail(GC_INVALID_ARGUMENT, "dropout: expected variational to be 0 or 1, got %g", variational);
  gc_status status = check_stream(node, stream);
  if (status == GC_OK) status = check_like(plan, node, 1);
  if (status != GC_OK || variational == 0 || plan.input(node, 0)->rank > 1) return status;
  return fail(GC_INVALID_SHAPE, "dropout: expected rank 2 or more for a variational mask, got %s",
              plan.input(node, 0)->shape().c_str());
}

void prepare(Plan& plan, Node& node) {
  const Tensor& x = *plan.input(node, 0);
  if (node.attributes[kRate] > 0 && plan.loss >= 0) node.buffers.push_back({mask_rows(x, node) * x.cols, Life::kSaved});
}

// Draws mask[e] for e in [begin, end); `begin` is a multiple of 4.
void keep_bytes(const Draws& draws, uint32_t threshold, Range range, uint8_t* mask) {
  int64_t e = range.begin;
  for (; e + 4 <= range.end; e += 4) {
    const PhiloxBlock block = draws.block(static_cast<uint64_t>(e) / 4);
    for (int i = 0; i < 4; ++i) mask[e + i] = block.word[i] >= threshold;
  }
  if (e >= range.end) return;
  const PhiloxBlock block = draws.block(static_cast<uint64_t>(e) / 4);
  for (int i = 0; e + i < range.end; ++i) mask[e + i] = block.word[i] >= threshold;
}

void draw_mask(Plan& plan, const Node& node, uint8_t* mask, int64_t elements) {
  const double p = node.attributes[kRate];
  const uint32_t threshold = static_cast<uint32_t>(std::min(p * 4294967296.0, 4294967295.0));
  const Draws draws(plan.seed(), static_cast<uint64_t>(node.attributes[kStream]), plan.step(), Draw::kMask);
  parallel(plan.team(6.0 * static_cast<double>(elements)),
           [&](int index, int team) { keep_bytes(draws, threshold, share(elements, index, team, 64), mask); });
}

float scale_of(const Node& node) { return static_cast<float>(1 / (1 - node.attributes[kRate])); }

bool drops(const Plan& plan, const Node& node) { return plan.noise && !node.buffers.empty(); }

void forward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, 0), &out = *plan.output(node, 0);
  if (!drops(plan, node)) {
    for_rows(plan, x, 1, [&](int64_t row) {
      memcpy(out.data + row * out.ld, x.data + row * x.ld, static_cast<size_t>(x.cols) * 4);
    });
    return;
  }
  uint8_t* mask = reinterpret_cast<uint8_t*>(node.buffers[0].data);
  const int64_t rows = mask_rows(x, node);
  draw_mask(plan, node, mask, rows * x.cols);
  const float scale = scale_of(node);
  for_rows(plan, x, 2, [&](int64_t row) {
    const float* from = x.data + row * x.ld;
    const uint8_t* keep = mask + row % rows * x.cols;
    put(out.data + row * out.ld, x.cols, false, [=](int64_t j) {
      const float scaled = from[j] * scale;  // computed before the choice, so that it needs no branch
      return keep[j] ? scaled : 0.0f;
    });
  });
}

void backward(Plan& plan, Node& node) {
  const Tensor& x = *plan.input(node, 0);
  if (!drops(plan, node)) {
    unary_gradient(plan, node, 1, [](const float* d, int64_t) { return [=](int64_t j) { return d[j]; }; });
    return;
  }
  const uint8_t* mask = reinterpret_cast<const uint8_t*>(node.buffers[0].data);
  const int64_t rows = mask_rows(x, node);
  const float scale = scale_of(node);
  unary_gradient(plan, node, 2, [&](const float* d, int64_t row) {
    const uint8_t* keep = mask + row % rows * x.cols;
    return [=](int64_t j) {
      const float scaled = d[j] * scale;
      return keep[j] ? scaled : 0.0f;
    };
  });
}
}  // namespace

const OpDef op_dropout = {GC_OP_DROPOUT, "dropout", 1,     1,     1,       1,       3,
                          false,         false,     false, check, prepare, forward, backward};
}  // namespace gatecell
