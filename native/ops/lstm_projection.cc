// lstm_projection.cc: h = W_hr m, the output projection of Sak, Senior and Beaufays 2014 ("Long short-term memory recurrent neural
// network architectures for large scale acoustic modeling"; PyTorch's proj_size): the output of the cell is m [H]; the recurrence and the
// layers above get h [R]. Always in float32. Threads split the rows of the batch, so no barrier is needed.
#include <cstring>

#include "../core/machine.h"
#include "lstm.h"
#include "weight_gradient.h"

namespace gatecell {

void lstm_project(Plan& plan, const Node& node, const Lstm& s, Range rows, int64_t step) {
  PackedProduct m;
  m.a = s.output_of(step);
  m.a_row = s.ld;
  m.segment_length = s.H;
  m.b = plan.store->packs[node.packs[kHrForward]].get();
  m.c = s.h_after(step);
  m.c_row = s.h_ld;
  m.columns = s.h_ld;
  multiply(m, rows, {0, m.b->blocks});
}

// Computes the gradient of m from that of h, which is complete now (from above and from the next step) and is kept for W_hr.
void lstm_project_backward(Plan& plan, const Node& node, const Lstm& s, Range rows, int64_t step) {
  float* dr = s.dr + s.rows.first(step) * s.h_ld;
  const float* dy = s.dy_of(step);
  for (int64_t i = rows.begin * s.h_ld; i < rows.end * s.h_ld; ++i) dr[i] = dy ? s.dh[i] + dy[i] : s.dh[i];
  PackedProduct m;
  m.a = dr;
  m.a_row = s.h_ld;
  m.segment_length = s.R;
  m.b = plan.store->packs[node.packs[kHrBackward]].get();
  m.c = s.dm;
  m.c_row = s.ld;
  m.columns = s.ld;
  multiply(m, rows, {0, m.b->blocks});
}

void lstm_pack_projection(const Lstm& s, int index, int team) {
  const int64_t rows = s.rows.count();
  if (s.projection) pack_rows(s.outputs, s.ld, s.H, share(rows, index, team, 64), rows, 0, s.packed_m);
}

void lstm_projection_gradient(Plan& plan, const Node& node, const Lstm& s, float* block, int index, int team) {
  const Tensor* w = plan.input(node, kWeightHr);
  if (!w || !w->grad) return;
  const Range blocks = share((s.R + 63) / 64, index, team);
  for (int64_t n = blocks.begin; n < blocks.end; ++n) {
    const int64_t width = s.R - n * 64 < 64 ? s.R - n * 64 : 64;
    if (s.rows.count() == 0) memset(block, 0, static_cast<size_t>(s.H) * 64 * 4);  // no row was active
    weight_gradient_block(s.packed_m, s.H, s.rows.count(), s.dr + n * 64, s.h_ld, width, block);
    scatter_gradient(block, s.H, width, w->grad, node.accumulate[kWeightHr], [&](int64_t j) { return n * 64 + j; });
  }
}
}  // namespace gatecell
