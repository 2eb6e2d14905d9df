// loops.h: descriptions of native loops for tests.
#pragma once
#include "lab.h"

namespace lab {

// Returns the loop with these feeds (from, to) and records;
// `rows`: see gc_loop.
inline gc_loop loop_of(const std::vector<std::pair<int, int>>& feeds, const std::vector<int>& records, int rows = -1) {
  gc_loop loop = {};
  for (const auto& [from, to] : feeds) {
    loop.feeds[loop.feed_count][0] = from;
    loop.feeds[loop.feed_count++][1] = to;
  }
  for (int id : records) loop.records[loop.record_count++] = id;
  loop.rows = rows, loop.watched = -1, loop.stop = -1;
  return loop;
}
}  // namespace lab
