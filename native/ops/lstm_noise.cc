// lstm_noise.cc: the random parts of a recurrence, and the operand of its product.
//
// Recurrent dropout: one mask of 0 or 1 / (1 - p) on h for all steps of a row (Gal and Ghahramani 2016, "A theoretically grounded
// application of dropout in recurrent neural networks"). Zoneout: each unit of c and of h keeps its value of the step before with
// probability z (Krueger et al. 2017); outside training its expectation. Element e of a mask is word e % 4 of Philox block e / 4
// of (seed; stream, step): e = b * R' + u for dropout, (t * B + b) * H' + u for zoneout, with R' and H' rounded up to 4 and b the number of
// the row in the batch. Hence no mask depends on threads, on the order of rows, or on earlier draws.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

#include "../core/machine.h"
#include "../core/philox.h"
#include "lstm.h"

namespace gatecell {
namespace {

uint32_t threshold(double p) { return static_cast<uint32_t>(std::min(p * 4294967296.0, 4294967295.0)); }

// Draws one row of a mask: `hit` for words below the threshold, `miss` for others, zeros in the padding.
void draw_row(const Draws& draws, int64_t row, int64_t width, uint32_t below, float hit, float miss, float* to) {
  const uint64_t first = static_cast<uint64_t>(row) * static_cast<uint64_t>((width + 3) / 4);
  for (int64_t u = 0; u < width; u += 4) {
    const PhiloxBlock block = draws.block(first + static_cast<uint64_t>(u) / 4);
    for (int64_t i = 0; i < 4 && u + i < width; ++i) to[u + i] = block.word[i] < below ? hit : miss;
  }
  std::fill(to + width, to + panels_of(width) * 16, 0.0f);
}
}  // namespace

void lstm_draw_masks(Plan& plan, const Node& node, const Lstm& s) {
  const auto stream = static_cast<uint64_t>(node.attributes[kStream]);
  if (s.zones && s.zone_row == 0) {  // one row for all: also where a training run needs no gradient of this layer
    std::fill(s.zone_c, s.zone_c + 16, static_cast<float>(s.zoneout_c));
    std::fill(s.zone_h, s.zone_h + 16, static_cast<float>(s.zoneout_h));
  }
  if (s.drops) {
    const Draws draws(plan.seed(), stream, plan.step(), Draw::kMask);
    const float scale = static_cast<float>(1 / (1 - s.dropout));
    for (int64_t r = 0; r < s.B; ++r)
      draw_row(draws, s.rows.batch_row(r), s.R, threshold(s.dropout), 0, scale, s.drop_mask + r * s.h_ld);
  }
  if (!s.zones || s.zone_row == 0) return;
  const Draws c(plan.seed(), stream, plan.step(), Draw::kZoneoutCell);
  const Draws h(plan.seed(), stream, plan.step(), Draw::kZoneoutState);
  parallel(plan.team(20.0 * static_cast<double>(s.rows.count() * s.H)), [&](int index, int team) {
    const Range mine = share(s.rows.count(), index, team);
    for (int64_t row = mine.begin; row < mine.end; ++row) {
      draw_row(c, s.rows.at(row), s.H, threshold(s.zoneout_c), 1, 0, s.zone_c + row * s.ld);
      draw_row(h, s.rows.at(row), s.H, threshold(s.zoneout_h), 1, 0, s.zone_h + row * s.ld);
    }
  });
}

// int8: sets the bounds of |h| before the first step, so that threads which share a row need not agree on its range. The output of the cell is
// at most 1; zoneout keeps a part of the initial state, which may be larger.
void lstm_start_ranges(const Lstm& s) {
  if (s.format != Format::kInt8) return;
  for (int64_t r = 0; r < s.B; ++r) {
    const float* h = s.h_start() + r * s.h_ld;
    float most = 1;
    bool finite = true;
    for (int64_t u = 0; u < s.h_ld; ++u) {
      const float size = std::fabs(h[u]);
      finite &= size <= FLT_MAX;
      most = size > most ? size : most;
    }
    s.h_bounds[r] = finite ? most : NAN;
    s.h_bounds[s.B + r] = s.zones ? s.h_bounds[r] : 1;
  }
  for (int64_t step = 0; step < s.rows.steps(); ++step)
    memcpy(s.h_ranges + s.rows.first(step), s.h_bounds + (step > 0 ? s.B : 0),
           static_cast<size_t>(s.rows.live(step)) * 4);
}

// Makes the operand of `step` from the rows of h before it, if the operand is a copy.
void lstm_publish(const Lstm& s, const float* h, Range rows, Range columns, int64_t step) {
  if (!s.copies_h() || step >= s.rows.steps()) return;
  const Range mine = s.rows.active(rows, step);
  const int64_t count = mine.end - mine.begin, width = columns.end - columns.begin;
  if (count <= 0) return;
  const int64_t from = mine.begin * s.h_ld + columns.begin, to = s.rows.first(step) * s.h_ld + from;
  const float* source = h + from;
  if (s.drops) {
    for (int64_t r = 0; r < count; ++r) {
      const float *a = source + r * s.h_ld, *mask = s.drop_mask + from + r * s.h_ld;
      float* masked = s.masked_h + to + r * s.h_ld;
      for (int64_t u = 0; u < width; ++u) masked[u] = a[u] * mask[u];
    }
    source = s.masked_h + to;
  }
  if (s.half) bf16_kernels().narrow(source, s.h_ld, s.h16 + to, s.h_ld, count, width);
  if (s.format != Format::kInt8) return;
  const float* bounds = s.h_bounds + (step > 0 ? s.B : 0) + mine.begin;
  int8_kernels().quantize_within(source, s.h_ld, s.h8 + to, s.h_ld, count, width, bounds,
                                 s.h_ranges + s.rows.first(step) + mine.begin);
}

// Computes dh of the step before: its part that does not go through the product (zoneout) + mask * product.
void lstm_masked_gradient(const Lstm& s, Range rows, Range columns) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const float *mask = s.drop_mask + r * s.h_ld, *product = s.product + r * s.h_ld;
    float* dh = s.dh + r * s.h_ld;
    if (s.passes()) {
      for (int64_t u = columns.begin; u < columns.end; ++u) dh[u] += mask[u] * product[u];
    } else {
      for (int64_t u = columns.begin; u < columns.end; ++u) dh[u] = mask[u] * product[u];
    }
  }
}
}  // namespace gatecell
