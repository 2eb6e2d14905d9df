// loop.cc: loops of forward runs in which outputs feed inputs, without a return to the caller between two runs.
#include <chrono>
#include <cstring>

#include "claim.h"
#include "op.h"
#include "row_table.h"

namespace gatecell {
namespace {

int32_t* host_of(const Plan& plan, int32_t id) { return reinterpret_cast<int32_t*>(plan.host) + plan.tensors[id].slot; }

bool is_host(const Plan& plan, int32_t id) {
  return id >= 0 && id < static_cast<int32_t>(plan.tensors.size()) && plan.tensors[id].role == GC_HOST;
}

int64_t elements_of(const Plan& plan, int32_t id) { return plan.tensors[id].rows * plan.tensors[id].cols; }

// Returns whether carries of a run write a tensor: a device keeps such states, so a feed would not reach the next run.
bool is_carried(const Plan& plan, int32_t id) {
  for (size_t i = 1; i < plan.carry.size(); i += 2)
    if (plan.carry[i] == id) return true;
  return false;
}

gc_status check_feed(const Plan& plan, int32_t from, int32_t to) {
  if (!is_host(plan, from) || !is_host(plan, to) || plan.tensors[to].producer >= 0 || is_carried(plan, to))
    return fail(GC_INVALID_ARGUMENT, "expected a host tensor that feeds a host input, got the tensors %d and %d", from,
                to);
  const Tensor &a = plan.tensors[from], &b = plan.tensors[to];
  if (a.dtype == b.dtype && elements_of(plan, from) == elements_of(plan, to)) return GC_OK;
  return fail(GC_INVALID_SHAPE, "expected an input of the dtype and size of the output that feeds it, got %s from %s",
              b.shape().c_str(), a.shape().c_str());
}

// Checks the loop, and sets `width` to the number of elements that a run writes out.
gc_status check_loop(const Plan& plan, const gc_loop& loop, int64_t& width) {
  const auto fits = [](int32_t n) { return n >= 0 && n <= GC_LOOP_TENSORS; };
  if (!fits(loop.feed_count) || !fits(loop.record_count))
    return fail(GC_INVALID_ARGUMENT, "expected at most %d feeds and records of a loop, got %d and %d", GC_LOOP_TENSORS,
                loop.feed_count, loop.record_count);
  for (int32_t i = 0; i < loop.feed_count; ++i) {
    const gc_status status = check_feed(plan, loop.feeds[i][0], loop.feeds[i][1]);
    if (status != GC_OK) return status;
  }
  width = 0;
  for (int32_t i = 0; i < loop.record_count; ++i) {
    if (!is_host(plan, loop.records[i]))
      return fail(GC_INVALID_ARGUMENT, "expected a host tensor to record, got the tensor %d", loop.records[i]);
    width += elements_of(plan, loop.records[i]);
  }
  const auto is_ids = [&](int32_t id) { return is_host(plan, id) && plan.tensors[id].dtype == GC_I32; };
  if (loop.watched != -1 && !is_ids(loop.watched))
    return fail(GC_INVALID_ARGUMENT, "expected a host int32 tensor to watch, got the tensor %d", loop.watched);
  if (loop.rows == -1) return GC_OK;
  if (is_ids(loop.rows) && plan.tensors[loop.rows].producer < 0 && plan.tensors[loop.rows].cols == 4) return GC_OK;
  return fail(GC_INVALID_ARGUMENT, "expected a host int32 input [rows, 4] as the rows of a loop, got the tensor %d",
              loop.rows);
}

// Elements 2 and 3 of each row are the halves of its step.
void next_step(const Plan& plan, int32_t rows) {
  int32_t* row = host_of(plan, rows);
  for (int64_t r = 0; r < plan.tensors[rows].rows; ++r, row += 4) {
    const uint32_t low = static_cast<uint32_t>(row[2]) + 1;
    row[2] = static_cast<int32_t>(low);
    if (low == 0) row[3] = static_cast<int32_t>(static_cast<uint32_t>(row[3]) + 1);
  }
}

bool holds(const Plan& plan, int32_t watched, int32_t stop) {
  const int32_t* ids = host_of(plan, watched);
  for (int64_t i = 0; i < elements_of(plan, watched); ++i)
    if (ids[i] == stop) return true;
  return false;
}

// Writes the records of the last run, and returns the address for those of the next run.
int32_t* record(const Plan& plan, const gc_loop& loop, int32_t* out) {
  for (int32_t i = 0; i < loop.record_count; ++i) {
    const int64_t elements = elements_of(plan, loop.records[i]);
    memcpy(out, host_of(plan, loop.records[i]), static_cast<size_t>(elements) * 4);
    out += elements;
  }
  return out;
}

int64_t elapsed(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
}

// `table`: the rows that begin and end by themselves; null: the loop has none.
gc_status run_loop(Plan& plan, const gc_loop& loop, RowTable* table, int32_t count, int32_t* out, int32_t& done) {
  const auto begin = std::chrono::steady_clock::now();
  for (int32_t i = 0; i < count; ++i) {
    const gc_status status = run_plan(plan, GC_FORWARD);
    if (status != GC_OK) return status;
    plan.control[GC_C_STEP] += 1;
    out = record(plan, loop, out);
    for (int32_t f = 0; f < loop.feed_count; ++f) {
      const auto [from, to] = loop.feeds[f];
      memmove(host_of(plan, to), host_of(plan, from), static_cast<size_t>(elements_of(plan, from)) * 4);
    }
    if (loop.rows >= 0) next_step(plan, loop.rows);
    if (table) {
      const gc_status made = table->results(out);
      if (made != GC_OK) return made;
      out += table->width();
    }
    ++done;
    if (loop.watched >= 0 && holds(plan, loop.watched, loop.stop)) break;
    if (table && table->ends(elapsed(begin))) break;
  }
  return GC_OK;
}
}  // namespace
}  // namespace gatecell

using namespace gatecell;

namespace {
gc_status generate(Plan& plan, const gc_loop& loop, RowTable* table, int32_t count, int32_t* out, int64_t elements,
                   int32_t* done) {
  *done = 0;
  int64_t width = 0;
  gc_status status = check_loop(plan, loop, width);
  if (status == GC_OK && table) status = table->read();
  if (status != GC_OK) return status;
  if (table) width += table->width();
  if (count < 0 || (width > 0 && count > elements / width))
    return fail(GC_INVALID_ARGUMENT, "expected room for %d records of %lld elements, got %lld elements", count,
                static_cast<long long>(width), static_cast<long long>(elements));
  const auto begin = std::chrono::steady_clock::now();
  status = run_loop(plan, loop, table, count, out, *done);
  if (table) table->write(elapsed(begin));
  return status;
}
}  // namespace

gc_status gc_plan_generate(gc_plan* plan, const gc_loop* loop, int32_t count, int32_t* out, int64_t elements,
                           int32_t* done) {
  return claimed(*plan, [&] { return generate(*plan, *loop, nullptr, count, out, elements, done); });
}

gc_status gc_plan_generate_rows(gc_plan* plan, const gc_loop* loop, int32_t* table, int64_t words, int32_t count,
                                int32_t* out, int64_t elements, int32_t* done) {
  return claimed(*plan, [&] {
    RowTable rows(*plan, table, words);
    return generate(*plan, *loop, &rows, count, out, elements, done);
  });
}
