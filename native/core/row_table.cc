// row_table.cc: reads and checks the table of the rows, makes the results of a run, and writes the table back.
#include "row_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "philox.h"

namespace gatecell {
namespace {

bool is_host(const Plan& plan, int32_t id, gc_dtype dtype) {
  if (id < 0 || id >= static_cast<int32_t>(plan.tensors.size())) return false;
  return plan.tensors[id].role == GC_HOST && plan.tensors[id].dtype == dtype;
}

int32_t* host_of(const Plan& plan, int32_t id) { return reinterpret_cast<int32_t*>(plan.host) + plan.tensors[id].slot; }

// Returns whether x is in [low, high]; NaN is not.
bool within(float x, float low, float high) { return x >= low && x <= high; }

constexpr float kMost = 3.4e38f;
}  // namespace

float RowTable::number(int64_t at) const {
  const int32_t bits = word(at);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

uint64_t RowTable::whole(int64_t at) const {
  return static_cast<uint64_t>(static_cast<uint32_t>(word(at + 1))) << 32 | static_cast<uint32_t>(word(at));
}

bool RowTable::fits(const List& list, int64_t each) const {
  return list.count == 0 || (list.at >= GC_ROWS_HEAD && list.count > 0 && list.at + each * list.count <= count_);
}

gc_status RowTable::read_head() {
  if (count_ < GC_ROWS_HEAD)
    return fail(GC_INVALID_ARGUMENT, "expected a table of rows with at least %d words, got %lld", GC_ROWS_HEAD,
                static_cast<long long>(count_));
  const int32_t rows = word(GC_H_ROWS), logits = word(GC_H_LOGITS), token = word(GC_H_TOKEN);
  if (rows < 1 || rows > GC_MOST_ROWS || count_ < GC_ROWS_HEAD + int64_t{rows} * GC_ROW_WORDS)
    return fail(GC_INVALID_ARGUMENT, "expected a table of 1 to %d rows of %d words, got %d rows in %lld words",
                GC_MOST_ROWS, GC_ROW_WORDS, rows, static_cast<long long>(count_));
  rows_.resize(static_cast<size_t>(rows));
  microseconds_ = word(GC_H_MICROSECONDS), ends_ = word(GC_H_ENDS);
  stream_ = static_cast<uint32_t>(word(GC_H_STREAM));
  if (logits == -1 && token == -1) return GC_OK;
  if (!is_host(plan_, logits, GC_F32) || !is_host(plan_, token, GC_I32) || plan_.tensors[token].producer >= 0)
    return fail(GC_INVALID_ARGUMENT, "expected host logits and a host int32 input of tokens, got the tensors %d and %d",
                logits, token);
  const Tensor &from = plan_.tensors[logits], &to = plan_.tensors[token];
  if (from.rows != rows || to.rows * to.cols != rows)
    return fail(GC_INVALID_SHAPE, "expected logits and tokens of %d rows, got %s and %s", rows, from.shape().c_str(),
                to.shape().c_str());
  alternatives_ = word(GC_H_ALTERNATIVES);
  if (alternatives_ < -1 || alternatives_ > GC_MOST_ALTERNATIVES)
    return fail(GC_INVALID_ARGUMENT, "expected -1 to %d alternatives, got %d", GC_MOST_ALTERNATIVES, alternatives_);
  row_width_ = alternatives_ < 0 ? 1 : 2 + 2 * alternatives_;
  vocabulary_ = from.cols;
  logits_ = reinterpret_cast<const float*>(host_of(plan_, logits));
  tokens_ = host_of(plan_, token);
  stride_ = round_up(vocabulary_, 16);
  scratch_.resize(static_cast<size_t>(3 * stride_));
  return GC_OK;
}

gc_status RowTable::read_row(int64_t index, Row& row) const {
  const int64_t at = GC_ROWS_HEAD + index * GC_ROW_WORDS;
  row.left = word(at + GC_R_LEFT), row.ended = word(at + GC_R_ENDED), row.made = 0;
  row.notify = word(at + GC_R_NOTIFY), row.alternatives = word(at + GC_R_ALTERNATIVES);
  row.seed = whole(at + GC_R_SEED), row.step = whole(at + GC_R_STEP);
  const float top_p = number(at + GC_R_TOP_P);
  const int32_t top_k = word(at + GC_R_TOP_K);
  row.settings.temperature = number(at + GC_R_TEMPERATURE), row.settings.min_p = number(at + GC_R_MIN_P);
  row.settings.top_k = top_k < vocabulary_ ? top_k : 0;
  row.settings.top_p = top_p >= 1 ? 1 : static_cast<double>(top_p);
  row.repetition = number(at + GC_R_REPETITION);
  row.presence = number(at + GC_R_PRESENCE), row.frequency = number(at + GC_R_FREQUENCY);
  const auto list = [&](int64_t place) { return List{word(at + place), word(at + place + 1)}; };
  row.forced = list(GC_R_FORCED), row.stops = list(GC_R_STOPS), row.bias = list(GC_R_BIAS);
  row.counts = word(at + GC_R_COUNTS);
  return row.live() ? check_row(index, row) : GC_OK;
}

gc_status RowTable::check_row(int64_t index, const Row& row) const {
  const auto refuse = [&](const char* what) {
    return fail(GC_INVALID_ARGUMENT, "expected %s in row %lld of the table, got another value", what,
                static_cast<long long>(index));
  };
  const TokenSettings& s = row.settings;
  if (row.left < 0 || (row.left == 0 && row.forced.count == 0)) return refuse("a number of results above 0");
  if (vocabulary_ == 0) return row.forced.count == 0 ? GC_OK : refuse("no forced tokens");
  if (!within(s.temperature, 0, kMost)) return refuse("a temperature of at least 0");
  if (s.top_k < 0) return refuse("a top-k of at least 0");
  if (!(s.top_p > 0)) return refuse("a top-p above 0");
  if (!within(s.min_p, 0, 1)) return refuse("a min-p from 0 to 1");
  if (!(row.repetition > 0 && row.repetition <= kMost)) return refuse("a penalty of repetition above 0");
  if (!within(row.presence, -kMost, kMost) || !within(row.frequency, -kMost, kMost)) return refuse("finite penalties");
  if (row.alternatives > alternatives_) return refuse("at most as many alternatives as the table has");
  return check_lists(index, row);
}

gc_status RowTable::check_lists(int64_t index, const Row& row) const {
  const auto refuse = [&](const char* what) {
    return fail(GC_OUT_OF_RANGE, "expected %s in row %lld of the table, got others", what,
                static_cast<long long>(index));
  };
  const auto are_ids = [&](const List& list, int64_t each) {
    for (int64_t i = 0; i < list.count; ++i) {
      const int32_t id = word(list.at + each * i);
      if (id < 0 || id >= vocabulary_) return false;
    }
    return true;
  };
  if (!fits(row.forced, 1) || !fits(row.stops, 1) || !fits(row.bias, 2)) return refuse("lists within its words");
  if (row.counts != 0 && !fits({row.counts, vocabulary_}, 1)) return refuse("counts within its words");
  if (!are_ids(row.forced, 1) || !are_ids(row.bias, 2)) return refuse("ids of the vocabulary");
  return GC_OK;
}

gc_status RowTable::read() {
  gc_status status = read_head();
  for (size_t i = 0; i < rows_.size() && status == GC_OK; ++i) {
    status = read_row(static_cast<int64_t>(i), rows_[i]);
    live_ += rows_[i].live();
  }
  return status;
}

// Returns the logits after penalties and biases: in their own place if there are none.
const float* RowTable::adjusted(const Row& row, const float* logits) {
  const bool penalties = row.counts != 0 && (row.repetition != 1 || row.presence != 0 || row.frequency != 0);
  if (!penalties && row.bias.count == 0) return logits;
  float* const x = scratch_.data();
  memcpy(x, logits, static_cast<size_t>(vocabulary_) * 4);
  for (int64_t j = 0; penalties && j < vocabulary_; ++j) {
    const int32_t seen = word(row.counts + j), drawn = seen & (GC_COUNT_READ - 1);
    if (seen == 0) continue;
    if (row.repetition != 1) x[j] = x[j] > 0 ? x[j] / row.repetition : x[j] * row.repetition;
    if (drawn > 0) x[j] -= row.presence + row.frequency * static_cast<float>(drawn);
  }
  for (int64_t i = 0; i < row.bias.count; ++i) {
    const int32_t id = word(row.bias.at + 2 * i);
    if (id >= 0 && id < vocabulary_) x[id] += number(row.bias.at + 2 * i + 1);
  }
  return x;
}

int32_t RowTable::draw(const Row& row, const float* logits) {
  float* const weights = scratch_.data() + stride_;
  int32_t* const order = reinterpret_cast<int32_t*>(weights + stride_);
  const double u = Draws(row.seed, stream_, row.step, Draw::kSample).uniform(0);
  return static_cast<int32_t>(draw_token(adjusted(row, logits), vocabulary_, row.settings, u, weights, order));
}

// Writes the log probability of the token, the likeliest tokens and their log probabilities, after the token.
void RowTable::record(const Row& row, const float* logits, int32_t id, int32_t* out) {
  const double sum = log_sum_exp(logits, vocabulary_, scratch_.data() + stride_);
  const auto put = [&](int32_t token, int32_t* to) {
    const float value = token < 0 ? -INFINITY : static_cast<float>(static_cast<double>(logits[token]) - sum);
    memcpy(to, &value, sizeof value);
  };
  put(id, out);
  largest(logits, vocabulary_, row.alternatives, out + 1);
  for (int32_t i = 0; i < row.alternatives; ++i) put(out[1 + i], out + 1 + alternatives_ + i);
}

bool RowTable::stops(const Row& row, int32_t id) const {
  for (int64_t i = 0; i < row.stops.count; ++i)
    if (word(row.stops.at + i) == id) return true;
  return false;
}

void RowTable::count(const Row& row, int32_t id) const {
  if (row.counts == 0) return;
  const int32_t seen = word(row.counts + id);
  if ((seen & (GC_COUNT_READ - 1)) < GC_COUNT_READ - 1)
    __atomic_store_n(words_ + row.counts + id, seen + 1, __ATOMIC_RELAXED);
}

gc_status RowTable::result(Row& row, int64_t index, int32_t* out) {
  const bool forced = row.forced.count > 0;
  if (vocabulary_ > 0) {
    const float* logits = logits_ + index * vocabulary_;
    const int32_t id = forced ? word(row.forced.at) : draw(row, logits);
    if (!forced && id < 0) {
      row.ended = GC_ROW_BAD;
      return GC_OK;
    }
    if (id < 0 || id >= vocabulary_)
      return fail(GC_OUT_OF_RANGE, "expected ids of the vocabulary in row %lld of the table, got others",
                  static_cast<long long>(index));
    out[0] = tokens_[index] = id;
    if (row.alternatives >= 0) record(row, logits, id, out + 1);
    if (!forced) count(row, id);
    if (!forced && stops(row, id)) row.ended = GC_ROW_STOPPED;
  }
  ++row.made, ++row.step;
  if (forced) ++row.forced.at, --row.forced.count;
  else --row.left;
  if (row.live() && row.left == 0 && row.forced.count == 0) row.ended = GC_ROW_FULL;
  return GC_OK;
}

gc_status RowTable::results(int32_t* out) {
  for (size_t i = 0; i < rows_.size(); ++i, out += row_width_) {
    Row& row = rows_[i];
    if (!row.live()) continue;
    const gc_status status = result(row, static_cast<int64_t>(i), out);
    if (status != GC_OK) return status;
    const bool notified = row.notify > 0 && --row.notify == 0;
    if (!row.live()) --live_;
    if (notified || !row.live()) ++events_;
  }
  return GC_OK;
}

bool RowTable::ends(int64_t elapsed) const {
  return live_ == 0 || (ends_ > 0 && events_ >= ends_) || (microseconds_ > 0 && elapsed >= microseconds_) ||
         word(GC_H_INTERRUPT) != 0;
}

void RowTable::write(int64_t elapsed) const {
  __atomic_store_n(words_ + GC_H_ELAPSED, static_cast<int32_t>(std::min<int64_t>(elapsed, INT32_MAX)),
                   __ATOMIC_RELAXED);
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    int32_t* const words = words_ + GC_ROWS_HEAD + static_cast<int64_t>(i) * GC_ROW_WORDS;
    const auto put = [&](int word, int64_t value) {
      __atomic_store_n(words + word, static_cast<int32_t>(value), __ATOMIC_RELAXED);
    };
    put(GC_R_LEFT, row.left), put(GC_R_ENDED, row.ended), put(GC_R_MADE, row.made), put(GC_R_NOTIFY, row.notify);
    put(GC_R_STEP, static_cast<int64_t>(row.step & 0xffffffff)),
        put(GC_R_STEP + 1, static_cast<int64_t>(row.step >> 32));
    put(GC_R_FORCED, row.forced.at), put(GC_R_FORCED + 1, row.forced.count);
  }
}
}  // namespace gatecell
