// map_pass.h: one pass of a map program over the elements of a tensor: the tensors that it reads and writes.
#pragma once
#include "broadcast.h"
#include "map_program.h"

namespace gatecell {
namespace map {

// A leaf of a program: memory that is read where it lies, or copied into a register where a block does not adjoin there.
struct Leaf {
  const float* data = nullptr;
  int64_t ld = 0, cols = 0;
  RowOf row;
  bool single = false;   // one element for all
  bool one_row = false;  // one row for all
  bool same = false;     // of the shape of the result
  Leaf() = default;
  Leaf(const float* from, const Tensor& x, const Tensor& out)
      : data(from),
        ld(x.ld),
        cols(x.cols),
        row(x, out),
        single(x.rows * x.cols == 1),
        one_row(x.rows == 1 && x.cols == out.cols),
        same(x.rows == out.rows && x.cols == out.cols) {}
};

// Where a root is written: rows of `cols` elements.
struct Root {
  float* data;
  int64_t ld, cols;
  bool accumulate;
};

// One pass of a program over all elements of the result.
struct Pass {
  const MapProgram& program;
  const MapCode& code;
  const Leaf* leaf[kMostMapInputs + 2];  // by input, then the gradient, then the result
  int result_leaf = -1;                  // value that the last leaf holds
  Root root[kMostMapInputs];

  const Leaf* leaf_of(int id) const {
    if (!code.is_fixed(id)) return nullptr;
    if (id == result_leaf) return leaf[program.inputs + 1];
    return id <= program.inputs ? leaf[id] : nullptr;
  }
};

// Runs a pass on the team; each thread has code.registers * kMapBlock floats of `registers`.
void run_pass(Plan& plan, const Tensor& out, const Pass& pass, float* registers);
}  // namespace map
}  // namespace gatecell
