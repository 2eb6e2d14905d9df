// orthonormal.cc: Gram-Schmidt on the rows of square blocks, for the first values of recurrent weights.
// Every sum is one chain over the columns in increasing order, in double and without contraction, so the values are the same
// bits on every machine. A chain waits for its last addition, so the blocks of a matrix (the four gates) run side by side in the
// lanes of a vector: element [row][column][lane]. The arithmetic of a block does not depend on the others.
#include <cmath>

#include "gatecell/gatecell.h"
#include "status.h"

namespace gatecell {
namespace {
constexpr int kLanes = GC_ORTHONORMAL_LANES;
typedef double Lanes __attribute__((vector_size(kLanes * sizeof(double)), aligned(16)));

void dot(const Lanes* a, const Lanes* b, int64_t columns, Lanes& out) {
  Lanes sum = {};
  for (int64_t k = 0; k < columns; ++k) sum += a[k] * b[k];
  out = sum;
}

// Subtracts from `current` its components along the rows before it, in their order. The subtraction of one component and the scalar product
// with the next row share a loop: each column is ready for the product as soon as it is changed.
void project(Lanes* current, const Lanes* rows, int64_t count, int64_t columns) {
  if (count == 0) return;
  Lanes along;
  dot(current, rows, columns, along);
  for (int64_t other = 0; other < count; ++other) {
    const Lanes *done = rows + other * columns, *next = done + columns;
    Lanes sum = {};
    if (other + 1 < count) {
      for (int64_t k = 0; k < columns; ++k) {
        current[k] -= along * done[k];
        sum += current[k] * next[k];
      }
    } else {
      for (int64_t k = 0; k < columns; ++k) current[k] -= along * done[k];
    }
    along = sum;
  }
}

void normalise(Lanes* row, int64_t columns) {
  Lanes square, scale;
  dot(row, row, columns, square);
  for (int lane = 0; lane < kLanes; ++lane) scale[lane] = 1 / std::sqrt(square[lane]);
  for (int64_t k = 0; k < columns; ++k) row[k] *= scale;
}
}  // namespace
}  // namespace gatecell

using namespace gatecell;

gc_status gc_orthonormalize(double* values, int64_t rows, int64_t columns, int64_t from, int64_t to) {
  if (columns < 1 || rows < 0 || rows > columns || from < 0 || from > to || to > rows ||
      columns > INT64_MAX / 8 / kLanes / columns)
    return fail(GC_INVALID_SHAPE, "expected rows [from, to) of at most as many rows as columns");
  Lanes* q = reinterpret_cast<Lanes*>(values);
  for (int64_t row = from; row < to; ++row) {
    Lanes* current = q + row * columns;
    for (int pass = 0; pass < 2; ++pass) project(current, q, row, columns);  // twice is enough (Kahan and Parlett)
    normalise(current, columns);
  }
  return GC_OK;
}
