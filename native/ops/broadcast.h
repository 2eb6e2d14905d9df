// broadcast.h: tensors that are used for every index of a dimension in which they have size 1 or none, aligned at the last dimension.
#pragma once
#include "../core/op.h"

namespace gatecell {

// Returns whether x can be broadcast to the shape of `out`.
inline bool broadcasts(const Tensor& x, const Tensor& out) {
  if (x.rank > out.rank) return false;
  for (int d = 0; d < x.rank; ++d) {
    const int64_t size = x.dims[x.rank - 1 - d];
    if (size != 1 && size != out.dims[out.rank - 1 - d]) return false;
  }
  return true;
}

// The row of x for each row of a tensor of the shape of `out`.
class RowOf {
 public:
  RowOf() = default;
  RowOf(const Tensor& x, const Tensor& out) {
    int64_t stride = 1;
    for (int d = 1; d < out.rank; ++d) {
      const int64_t size = d < x.rank ? x.dims[x.rank - 1 - d] : 1, whole = out.dims[out.rank - 1 - d];
      size_[d - 1] = whole;
      step_[d - 1] = size == 1 ? 0 : stride;
      stride *= size;
    }
    count_ = out.rank - 1;
    same_ = x.rows == out.rows;
  }
  bool same() const { return same_; }  // every row has its own
  int64_t operator()(int64_t row) const {
    if (same_) return row;
    int64_t at = 0;
    for (int d = 0; d < count_; ++d) at += row % size_[d] * step_[d], row /= size_[d];
    return at;
  }

 private:
  int64_t size_[3] = {}, step_[3] = {};
  int count_ = 0;
  bool same_ = false;
};
}  // namespace gatecell
