// lstm_copies.cc: copies of the cells and gates of each step, in the order of the batch, for callers that read them. A layer has them only
// if its op has tensors for them: the gate buffer has one chunk of steps, and the backward pass overwrites it.
#include <algorithm>
#include <cstring>

#include "lstm.h"

namespace gatecell {

void lstm_clear_copies(const Lstm& s, int index, int team) {
  if (!s.has_copies) return;
  for (const Tensor* t : s.copies)
    if (t) lstm_clear_padding(s, t->data, t->ld, index, team);
}

void lstm_copy_step(const Lstm& s, const Share& mine, Range rows, int64_t step) {
  const int64_t first = s.rows.first(step);
  for (int i = 0; i < 5; ++i) {
    const Tensor* t = s.copies[i];
    if (!t) continue;
    for (int64_t p = mine.panels.begin; p < mine.panels.end; ++p) {
      const int64_t unit = p * 16, units = std::min<int64_t>(16, s.H - unit);
      for (int64_t r = rows.begin; r < rows.end; ++r) {
        const float* from = i == 0 ? s.c_after(step) + r * s.ld + unit : s.gate_rows(p, first + r) + (i - 1) * 16;
        float* to = t->data + s.rows.at(first + r) * t->ld + unit;
        memcpy(to, from, static_cast<size_t>(units) * 4);
        std::fill(to + units, to + std::min<int64_t>(16, t->ld - unit), 0.0f);
      }
    }
  }
}
}  // namespace gatecell
