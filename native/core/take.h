// take.h: rows that ids name along one dimension, for gather and scatter_add on the processor and on the device.
#pragma once
#include <cstdint>

#include "both_sides.h"

namespace gatecell {

// The table [outer, size, inner] and the rows [outer, count, inner] that `count` ids name along its middle dimension. Elements count in
// row-major order; rows of memory have `cols` elements and are `ld` apart.
struct Take {
  int64_t outer = 1, size = 1, count = 1, inner = 1;
  int64_t table_cols, table_ld, rows_cols, rows_ld;

  template <class T>
  Take(const T& table, const T& ids, const T& rows, int axis)
      : size(table.dims[axis]),
        count(ids.rows * ids.cols),
        table_cols(table.cols),
        table_ld(table.ld),
        rows_cols(rows.cols),
        rows_ld(rows.ld) {
    for (int d = 0; d < axis; ++d) outer *= table.dims[d];
    for (int d = axis + 1; d < table.rank; ++d) inner *= table.dims[d];
  }

  GC_BOTH_SIDES int64_t in_table(int64_t o, int64_t id, int64_t i) const {
    const int64_t element = (o * size + id) * inner + i;
    return element / table_cols * table_ld + element % table_cols;
  }
  GC_BOTH_SIDES int64_t in_rows(int64_t o, int64_t at, int64_t i) const {
    const int64_t element = (o * count + at) * inner + i;
    return element / rows_cols * rows_ld + element % rows_cols;
  }
};
}  // namespace gatecell
