// row_table.h: the rows of a loop that begin and end by themselves (gatecell/row_table.h): their results, draws and ends.
#pragma once
#include <vector>

#include "gatecell/row_table.h"
#include "op.h"
#include "token_draw.h"

namespace gatecell {

// The table of one call. The caller may write to its memory at any time: numbers are read once and checked, and ids that are read later are
// checked again.
class RowTable {
 public:
  RowTable(Plan& plan, int32_t* words, int64_t count) : plan_(plan), words_(words), count_(count) {}
  // Reads and checks the table.
  gc_status read();
  // Returns the number of words that a run writes out for all rows.
  int64_t width() const { return rows_.size() * static_cast<size_t>(row_width_); }
  // Makes the results of a run: writes them to `out`, which has room for width() words, and to the input of the tokens.
  gc_status results(int32_t* out);
  // Returns whether the loop ends after the run whose results were made last. `elapsed`: microseconds since its beginning.
  bool ends(int64_t elapsed) const;
  // Writes the state of the rows back, and the time of all runs in microseconds.
  void write(int64_t elapsed) const;

 private:
  struct List {
    int64_t at = 0, count = 0;
  };
  struct Row {
    int32_t left, ended, made, notify, alternatives;
    uint64_t seed, step;
    TokenSettings settings;
    float repetition, presence, frequency;
    List forced, stops, bias;
    int64_t counts;
    bool live() const { return ended == GC_ROW_LIVE; }
  };
  int32_t word(int64_t at) const { return __atomic_load_n(words_ + at, __ATOMIC_RELAXED); }
  float number(int64_t at) const;
  uint64_t whole(int64_t at) const;
  bool fits(const List& list, int64_t each) const;
  gc_status read_head();
  gc_status read_row(int64_t index, Row& row) const;
  gc_status check_row(int64_t index, const Row& row) const;
  gc_status check_lists(int64_t index, const Row& row) const;
  gc_status result(Row& row, int64_t index, int32_t* out);
  const float* adjusted(const Row& row, const float* logits);
  int32_t draw(const Row& row, const float* logits);
  void record(const Row& row, const float* logits, int32_t id, int32_t* out);
  bool stops(const Row& row, int32_t id) const;
  void count(const Row& row, int32_t id) const;

  Plan& plan_;
  int32_t* words_;
  int64_t count_;
  std::vector<Row> rows_;
  int64_t vocabulary_ = 0;  // 0: the loop only counts results
  const float* logits_ = nullptr;
  int32_t* tokens_ = nullptr;
  uint64_t stream_ = 0;
  int32_t ends_ = 0, events_ = 0, live_ = 0, alternatives_ = -1, row_width_ = 0;
  int64_t microseconds_ = 0;
  std::vector<float> scratch_;  // adjusted logits, weights, order: each of `stride_` elements
  int64_t stride_ = 0;
};
}  // namespace gatecell
