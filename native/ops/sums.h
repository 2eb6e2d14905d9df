// sums.h: sums over some dimensions of a tensor, in double and in a fixed order, so that any number of threads gives the same bits.
#pragma once
#include <algorithm>

#include "../core/op.h"
#include "../core/reduction.h"
#include "rows.h"

namespace gatecell {

// Calls body(row) for the source rows of row `target` of the result, in order.
template <class F>
void each_row(const Reduction& r, int64_t target, F body) {
  const SourceRows of = r.source_rows(target);
  for (int64_t i = 0; i < of.outer; ++i)
    for (int64_t j = 0; j < of.inner; ++j) body(of.first + i * of.outer_step + j * of.inner_step);
}

// Calls body(row, begin, columns) for strips of the result: its row, its first column, and the number of columns of the source to read.
// A strip has one column if the last dimension of the source is reduced. It is read in the rows each_row(r, row) of the source.
template <class F>
void each_strip(Plan& plan, const Reduction& r, F body) {
  const bool reduced = r.last_reduced();
  const int64_t width = r.width(), rows = r.targets() / width, strips = (width + kStrip - 1) / kStrip;
  parallel(plan.team(2.0 * static_cast<double>(r.rows() * r.columns())), [&](int index, int team) {
    const Range mine = share(rows * strips, index, team);
    for (int64_t unit = mine.begin; unit < mine.end; ++unit) {
      const int64_t begin = unit % strips * kStrip;
      body(unit / strips, begin, reduced ? r.columns() : std::min(kStrip, width - begin));
    }
  });
}

// Doubles that sum_rows needs as scratch memory.
int64_t sum_scratch(const Reduction& r);

// to[element of the result] (+)= scale * sum of source; `to` has rows of `columns` elements that are `to_ld` apart.
void sum_rows(Plan& plan, const Reduction& r, const float* source, double* scratch, float* to, int64_t columns,
              int64_t to_ld, double scale, bool accumulate);
}  // namespace gatecell
