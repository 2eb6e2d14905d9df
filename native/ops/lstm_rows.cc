// lstm_rows.cc: the rows that are active at each step, and the copies between the order of the batch and that of the rows.
#include <algorithm>
#include <cstring>

#include "../core/machine.h"
#include "lstm.h"

namespace gatecell {

void LstmRows::set_arrays(int64_t* at) {
  batch_sizes = at;
  begin = batch_sizes + T;
  order = begin + T + 1;
  length = order + B;
  positions = length + B;
}

void LstmRows::plan(const int32_t* lengths) {
  // Counting sort, longest first: batch_sizes[t] is the number of rows longer than t.
  std::fill(batch_sizes, batch_sizes + T, 0);
  for (int64_t b = 0; b < B; ++b)
    if (lengths[b] > 0) ++batch_sizes[lengths[b] - 1];
  for (int64_t t = T - 2; t >= 0; --t) batch_sizes[t] += batch_sizes[t + 1];
  begin[0] = 0;
  for (int64_t t = 0; t < T; ++t) begin[t + 1] = begin[t] + batch_sizes[t];
  // Rows of length n begin at offset batch_sizes[n], after all longer rows. `positions` is filled below; until then it is the counters.
  int64_t* next = positions;
  for (int64_t n = 0; n < T; ++n) next[n] = batch_sizes[n];
  int64_t full = 0;  // rows of length T
  for (int64_t b = 0; b < B; ++b) {
    const int64_t r = lengths[b] == T ? full++ : next[lengths[b]]++;
    order[r] = b;
    length[r] = lengths[b];
  }
  for (int64_t step = 0; step < T; ++step)
    for (int64_t r = 0; r < batch_sizes[step]; ++r)
      positions[begin[step] + r] = (reverse ? length[r] - 1 - step : step) * B + order[r];
}

Range LstmRows::owned(int index, int team) const {
  if (!has_lengths) return share(B, index, team);
  const int64_t total = count();
  const auto bound = [&](int64_t part) {
    int64_t r = 0;
    for (int64_t sum = 0; r < B && sum * team < total * part; ++r) sum += length[r];
    return part == team ? B : r;
  };
  return {bound(index), bound(index + 1)};
}

bool lstm_read_lengths(Plan& plan, const Node& node, const Lstm& s) {
  if (!s.lengths) return true;
  for (int64_t b = 0; b < s.B; ++b) {
    const int32_t n = s.lengths->ids[b];
    if (n >= 0 && n <= s.T) continue;
    plan.run_status = fail(GC_OUT_OF_RANGE, "%s: expected lengths from 0 to %lld, got %d for row %lld", node.op->name,
                           static_cast<long long>(s.T), n, static_cast<long long>(b));
    return false;
  }
  LstmRows rows = s.rows;
  rows.plan(s.lengths->ids);
  return true;
}

namespace {
// Copies one initial state: the rows of the tensor with the longest first, or a learned row for all.
void start_state(const Lstm& s, const Tensor* from, int64_t ld, float* to) {
  for (int64_t r = 0; r < s.B; ++r) {
    float* row = to + r * ld;
    if (!from) {
      memset(row, 0, static_cast<size_t>(ld) * 4);
    } else if (from->role == GC_PARAMETER) {
      memcpy(row, from->data, static_cast<size_t>(from->cols) * 4);
      memset(row + from->cols, 0, static_cast<size_t>(ld - from->cols) * 4);
    } else {
      memcpy(row, from->data + s.rows.batch_row(r) * ld, static_cast<size_t>(ld) * 4);
    }
  }
}

// Copies the state after the last step of each row. after(step) returns the rows after a step.
template <class After>
void final_state(const Lstm& s, const Tensor* to, const float* start, int64_t ld, After after) {
  if (!to) return;
  if (!s.rows.has_lengths) {
    memcpy(to->data, after(s.T - 1), static_cast<size_t>(s.B * ld) * 4);
    return;
  }
  for (int64_t r = 0; r < s.B; ++r) {
    const int64_t n = s.rows.length[r];
    const float* from = (n > 0 ? after(n - 1) : start) + r * ld;
    memcpy(to->data + s.rows.order[r] * ld, from, static_cast<size_t>(ld) * 4);
  }
}

void final_gradient(const Lstm& s, const Tensor* from, int64_t ld, float* to) {
  if (!from || !from->grad) {
    memset(to, 0, static_cast<size_t>(s.B * ld) * 4);
    return;
  }
  for (int64_t r = 0; r < s.B; ++r)
    memcpy(to + r * ld, from->grad + s.rows.batch_row(r) * ld, static_cast<size_t>(ld) * 4);
}

void start_gradient(const Lstm& s, const Tensor* to, const float* from, int64_t ld, bool accumulate) {
  if (!to || !to->grad) return;
  const bool learned = to->role == GC_PARAMETER;
  if (learned && !accumulate) memset(to->grad, 0, static_cast<size_t>(to->cols) * 4);
  for (int64_t r = 0; r < s.B; ++r) {
    if (learned) {
      kernels().add(from + r * ld, to->grad, to->cols);
    } else if (accumulate) {
      kernels().add(from + r * ld, to->grad + s.rows.batch_row(r) * ld, ld);
    } else {
      memcpy(to->grad + s.rows.batch_row(r) * ld, from + r * ld, static_cast<size_t>(ld) * 4);
    }
  }
}
}  // namespace

void lstm_start_states(const Lstm& s) {
  if (!s.starts && (!s.h0 || !s.c0)) memset(s.zeros, 0, static_cast<size_t>(s.B * std::max(s.ld, s.h_ld)) * 4);
  if (!s.starts) return;
  start_state(s, s.h0, s.h_ld, s.start_h);
  start_state(s, s.c0, s.ld, s.start_c);
}

// Copies columns of h after a step to their positions in y.
void lstm_scatter_output(const Lstm& s, Range rows, Range columns, int64_t step) {
  if (!s.rows.has_lengths) return;
  const float* h = s.h_after(step);
  const int64_t first = s.rows.first(step);
  for (int64_t r = rows.begin; r < rows.end; ++r)
    memcpy(s.y->data + s.rows.positions[first + r] * s.h_ld + columns.begin, h + r * s.h_ld + columns.begin,
           static_cast<size_t>(columns.end - columns.begin) * 4);
}

// Sets [T, B, ld] to zero after the end of each row.
void lstm_clear_padding(const Lstm& s, float* to, int64_t ld, int index, int team) {
  if (!s.rows.has_lengths) return;
  const Range mine = share(s.B, index, team);
  for (int64_t r = mine.begin; r < mine.end; ++r)
    for (int64_t t = s.rows.length[r]; t < s.T; ++t)
      memset(to + (t * s.B + s.rows.order[r]) * ld, 0, static_cast<size_t>(ld) * 4);
}

void lstm_final_states(const Lstm& s, const Tensor* hT, const Tensor* cT) {
  final_state(s, hT, s.h_start(), s.h_ld, [&](int64_t step) { return s.h_after(step); });
  final_state(s, cT, s.c_start(), s.ld, [&](int64_t step) { return s.c_after(step); });
}

void lstm_final_gradients(const Lstm& s, const Tensor* hT, const Tensor* cT) {
  final_gradient(s, hT, s.h_ld, s.dh);
  final_gradient(s, cT, s.ld, s.dc);
}

void lstm_start_gradients(Plan&, const Node& node, const Lstm& s) {
  start_gradient(s, s.h0, s.dh, s.h_ld, s.h0 ? node.accumulate[kH0] : false);
  start_gradient(s, s.c0, s.dc, s.ld, s.c0 ? node.accumulate[kC0] : false);
}
}  // namespace gatecell
