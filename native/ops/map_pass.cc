// map_pass.cc: the blocks of a pass of a map program, and the addresses of its values in each of them.
#include "map_pass.h"

#include <algorithm>

#include "../core/machine.h"
#include "rows.h"

namespace gatecell {
namespace map {
namespace {

// `rows` whole rows, or a piece of one row that begins at `column`.
struct Block {
  int64_t row, rows, column, width;
  int64_t size() const { return rows * width; }
};

// Whether a block lies in one piece in memory whose rows are `ld` apart. A block of one row may be wider than such a row, because it may
// include the padding of the result.
bool adjoins(const Block& b, int64_t ld, bool flat) {
  return flat || (b.rows > 1 ? ld == b.width : b.column + b.width <= ld);
}

// The place of a block in a root if it may be written there at once, else null.
float* direct(const Root& root, const Block& b, bool flat) {
  return root.accumulate || !adjoins(b, root.ld, flat) ? nullptr : root.data + b.row * root.ld + b.column;
}

void store(const Root& root, const Block& b, const float* from, bool flat) {
  const int64_t n = flat ? b.width : std::min(b.width, root.cols - b.column);
  for (int64_t r = 0; r < b.rows; ++r)
    put(root.data + (b.row + r) * root.ld + b.column, n, root.accumulate,
        [=](int64_t j) { return from[r * b.width + j]; });
}

// The blocks of a pass. Padding is computed, too, where that makes rows adjoin: the executor sets it to zero afterwards.
struct Blocks {
  bool flat;  // one row of all elements
  int64_t rows, cols, per_row, rows_each, count;
  Blocks(bool is_flat, int64_t of_rows, int64_t of_cols) : flat(is_flat), rows(of_rows), cols(of_cols) {
    per_row = (cols + kMapBlock - 1) / kMapBlock;
    rows_each = cols >= kMapBlock / 4 ? 1 : kMapBlock / cols;
    count = (rows + rows_each - 1) / rows_each * per_row;
  }
  Block at(int64_t i) const {
    const int64_t row = i / per_row * rows_each, column = i % per_row * kMapBlock;
    return {row, std::min(rows_each, rows - row), column, std::min(kMapBlock, cols - column)};
  }
};

// The elements of a leaf for a block: where they lie, or in `to`.
const float* load(const Leaf& leaf, const Block& b, float* to, bool flat) {
  const auto row_of = [&](int64_t row) { return leaf.one_row ? 0 : leaf.row(row); };
  if (leaf.cols > 1 || b.width == 1) {
    if ((b.rows == 1 || leaf.row.same()) && adjoins(b, leaf.ld, flat))
      return leaf.data + row_of(b.row) * leaf.ld + b.column;
    const int64_t known = std::min(b.width, leaf.cols - b.column);
    for (int64_t r = 0; r < b.rows; ++r) {
      const float* from = leaf.data + row_of(b.row + r) * leaf.ld + b.column;
      float* row = to + r * b.width;
      for (int64_t j = 0; j < known; ++j) row[j] = from[j];
      for (int64_t j = known; j < b.width; ++j) row[j] = 0;  // padding
    }
    return to;
  }
  for (int64_t r = 0; r < b.rows; ++r) std::fill_n(to + r * b.width, b.width, leaf.data[leaf.row(b.row + r) * leaf.ld]);
  return to;
}

// Returns how the elements are cut into blocks: without regard to rows if all memory has the form of the result, else with the padding of
// its rows if all tensors of its shape have that, else without it.
Blocks blocks_of(const Pass& pass, const Tensor& out) {
  const bool narrow = out.ld > 2 * out.cols;  // most of it would be padding
  bool flat = !narrow, padded = !narrow && out.ld < kMapBlock / 4;
  for (int id = 0; id < pass.program.count; ++id) {
    const Leaf* from = pass.leaf_of(id);
    if (!from || from->single) continue;
    flat = flat && from->same && from->ld == out.ld;
    padded = padded && (!from->same || from->ld == out.ld);
  }
  for (int i = 0; i < pass.code.roots; ++i) flat = flat && pass.root[i].ld == out.ld;
  if (flat) return Blocks(true, 1, out.rows * out.ld);
  return Blocks(false, out.rows, padded ? out.ld : out.cols);
}

// The addresses of one thread's values. They stay from block to block, but for leaves and for roots that are written where they belong.
class Frame {
 public:
  Frame(const Pass& pass, const Blocks& blocks, float* registers) : pass_(pass), flat_(blocks.flat) {
    const MapProgram& program = pass.program;
    const MapCode& code = pass.code;
    for (int id = 0; id < program.count; ++id) {
      if (code.place[id] < 0) continue;
      float* own = registers + code.place[id] * kMapBlock;
      at_[id] = own;
      const Leaf* from = pass.leaf_of(id);
      if (from && from->single) std::fill_n(own, kMapBlock, from->data[0]);
      else if (from && from->one_row && blocks.rows_each > 1)
        at_[id] = load(*from, blocks.at(0), own, flat_);  // for all blocks
      else if (from) leaves_[leaf_count_++] = {id, from, own};
      else if (code.place[id] < code.fixed) std::fill_n(own, kMapBlock, program.value[id].constant);
    }
    for (int i = 0; i < code.roots; ++i) {
      own_[i] = registers + code.place[code.root[i]] * kMapBlock;
      for (int k = 0; k < code.steps; ++k) computed_[i] = computed_[i] || code.step[k] == code.root[i];
    }
  }

  void run(const Block& b) {
    const MapProgram& program = pass_.program;
    const MapCode& code = pass_.code;
    for (int i = 0; i < leaf_count_; ++i) at_[leaves_[i].id] = load(*leaves_[i].from, b, leaves_[i].own, flat_);
    for (int i = 0; i < code.roots; ++i) {
      float* place = computed_[i] ? direct(pass_.root[i], b, flat_) : nullptr;
      if (computed_[i]) at_[code.root[i]] = place ? place : own_[i];
    }
    for (int i = 0; i < code.steps; ++i) {
      const MapProgram::Value& v = program.value[code.step[i]];
      const auto operand = [&](int k) { return v.operand[k] < 0 ? nullptr : at_[v.operand[k]]; };
      // Leaves are never results of an instruction, so the address is that of a register or a root.
      steps_[i] = {v.code, const_cast<float*>(at_[code.step[i]]), operand(0), operand(1), operand(2)};
    }
    kernels().map(steps_, code.steps, b.size());
    for (int i = 0; i < code.roots; ++i) {
      const Root& root = pass_.root[i];
      const float* from = at_[code.root[i]];
      if (root.accumulate || from != root.data + b.row * root.ld + b.column) store(root, b, from, flat_);
    }
  }

 private:
  struct Read {
    int id;
    const Leaf* from;
    float* own;
  };
  const Pass& pass_;
  const bool flat_;
  int leaf_count_ = 0;
  Read leaves_[kMostMapInputs + 2];
  const float* at_[kMostMapValues];
  float* own_[kMostMapInputs];
  bool computed_[kMostMapInputs] = {};
  gc_map_step steps_[kMostMapValues];
};

}  // namespace

void run_pass(Plan& plan, const Tensor& out, const Pass& pass, float* registers) {
  const Blocks blocks = blocks_of(pass, out);
  const double cost = static_cast<double>(out.rows * out.cols) * (1 + 4 * pass.code.steps);
  parallel(plan.team(cost), [&](int index, int team) {
    const Range mine = share(blocks.count, index, team);
    if (mine.begin == mine.end) return;
    Frame frame(pass, blocks, registers + index * pass.code.registers * kMapBlock);
    for (int64_t i = mine.begin; i < mine.end; ++i) frame.run(blocks.at(i));
  });
}

}  // namespace map
}  // namespace gatecell
