// scatter.h: sums of the rows that belong to one id, in the order of the ids, without atomics: positions are sorted by id with a stable sort,
// and each sum is one chain over its positions.
#pragma once
#include "../../core/take.h"
#include "../op.h"

namespace gatecell {
namespace cuda {

// Returns the bytes of the order of `count` ids.
inline int64_t order_bytes(int64_t count) { return count * 4; }

// Adds to each row of the table that an id names the rows of that id. `order` has order_bytes(take.count). The rows of the id `skipped` are
// not added; -1: none is skipped.
void add_rows(Queue& queue, const Take& take, const float* rows, const int32_t* ids, int32_t* order, float* table,
              int32_t skipped = -1);
}  // namespace cuda
}  // namespace gatecell
