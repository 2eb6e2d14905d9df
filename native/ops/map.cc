// map.cc: a function of tensors, element by element, in one pass: a program runs on blocks of kMapBlock elements, whose values between
// two instructions stay in the first level of cache. The gradient is a second pass, of programs that the recorder has derived. Gradients
// of broadcast inputs are written for every element, then summed in double, in an order that does not depend on threads.
#include <algorithm>

#include "../core/machine.h"
#include "broadcast.h"
#include "map_program.h"
#include "ops.h"
#include "rows.h"
#include "sums.h"

namespace gatecell {
namespace {
enum { kRegisters, kBackwardRegisters, kScratch, kFirstGradient };  // buffers

gc_status check(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  gc_status status = expect_dtype(node, out, "the result", GC_F32);
  for (size_t i = 0; i < node.in.size() && status == GC_OK; ++i) {
    const Tensor* x = plan.input(node, i);
    if (!x) return fail(GC_INVALID_ARGUMENT, "map: input %zu is absent", i);
    status = expect_dtype(node, *x, "the inputs", GC_F32);
    if (status == GC_OK && !broadcasts(*x, out))
      return fail(GC_INVALID_SHAPE, "map: input %zu of shape %s does not broadcast to %s", i, x->shape().c_str(),
                  out.shape().c_str());
  }
  if (status != GC_OK) return status;
  for (int d = 0; d < out.rank; ++d) {
    bool reached = false;
    for (size_t i = 0; i < node.in.size() && !reached; ++i) {
      const Tensor& x = *plan.input(node, i);
      reached = d < x.rank && x.dims[x.rank - 1 - d] == out.dims[out.rank - 1 - d];
    }
    if (!reached) return fail(GC_INVALID_SHAPE, "map: no input has the size of the result %s", out.shape().c_str());
  }
  MapProgram program;
  return read_map(node, program);
}

// A leaf of a program: rows of memory that are read where they lie, or copied into a register where a block does not adjoin there.
struct Leaf {
  const float* data = nullptr;
  int64_t ld = 0, cols = 0;
  RowOf row;
  bool single = false;  // one element for all
  Leaf() = default;
  Leaf(const float* from, const Tensor& x, const Tensor& out)
      : data(from), ld(x.ld), cols(x.cols), row(x, out), single(x.rows * x.cols == 1) {}
};

// `rows` whole rows, or a piece of one row that begins at `column`.
struct Block {
  int64_t row, rows, column, width;
  int64_t size() const { return rows * width; }
};

struct Blocks {
  int64_t rows, cols, per_row, rows_each, count;
  explicit Blocks(const Tensor& out) : rows(out.rows), cols(out.cols) {
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
const float* load(const Leaf& leaf, const Block& b, float* to) {
  if (leaf.single) return to;  // filled once
  if (leaf.cols > 1 || b.width == 1) {
    if (b.rows == 1) return leaf.data + leaf.row(b.row) * leaf.ld + b.column;
    if (leaf.row.same() && leaf.ld == b.width) return leaf.data + b.row * leaf.ld;
    for (int64_t r = 0; r < b.rows; ++r) {
      const float* from = leaf.data + leaf.row(b.row + r) * leaf.ld;
      for (int64_t j = 0; j < b.width; ++j) to[r * b.width + j] = from[j];
    }
    return to;
  }
  for (int64_t r = 0; r < b.rows; ++r) std::fill_n(to + r * b.width, b.width, leaf.data[leaf.row(b.row + r) * leaf.ld]);
  return to;
}

// Where a root is written: rows of memory.
struct Root {
  float* data;
  int64_t ld;
  bool accumulate;
  // The place of a block if it may be written there at once, else null.
  float* direct(const Block& b) const {
    if (accumulate || (b.rows > 1 && ld != b.width)) return nullptr;
    return data + b.row * ld + b.column;
  }
  void store(const Block& b, const float* from) const {
    for (int64_t r = 0; r < b.rows; ++r)
      put(data + (b.row + r) * ld + b.column, b.width, accumulate, [=](int64_t j) { return from[r * b.width + j]; });
  }
};

// One pass of a program over all elements of `out`.
struct Pass {
  const MapProgram& program;
  const MapCode& code;
  const Leaf* leaf[kMostMapInputs + 2];  // by input, then the gradient, then the result
  int result_leaf = -1;                  // value that the last leaf holds
  Root root[kMostMapInputs];

  const Leaf* leaf_of(int id) const {
    if (id == result_leaf) return leaf[program.inputs + 1];
    return id <= program.inputs ? leaf[id] : nullptr;
  }
  // What stays the same in all blocks: constants and single elements.
  void fill(float* registers) const {
    for (int id = 0; id < program.count; ++id) {
      if (!code.is_fixed(id)) continue;
      const Leaf* from = leaf_of(id);
      if (from && !from->single) continue;
      if (!from && program.value[id].code != GC_MAP_CONSTANT) continue;
      std::fill_n(registers + code.place[id] * kMapBlock, kMapBlock, from ? from->data[0] : program.value[id].constant);
    }
  }
  void run(const Block& b, float* registers, gc_map_step* steps) const {
    const float* at[kMostMapValues];
    float* target[kMostMapValues] = {};
    for (int id = 0; id < program.count; ++id) {
      if (code.place[id] < 0) continue;
      float* own = registers + code.place[id] * kMapBlock;
      const Leaf* from = code.is_fixed(id) ? leaf_of(id) : nullptr;
      at[id] = from ? load(*from, b, own) : own;
    }
    for (int i = 0; i < code.steps; ++i) target[code.step[i]] = registers + code.place[code.step[i]] * kMapBlock;
    for (int i = 0; i < code.roots; ++i) {
      float* direct = root[i].direct(b);
      if (direct && target[code.root[i]]) at[code.root[i]] = target[code.root[i]] = direct;
    }
    for (int i = 0; i < code.steps; ++i) {
      const MapProgram::Value& v = program.value[code.step[i]];
      const auto operand = [&](int k) { return v.operand[k] < 0 ? nullptr : at[v.operand[k]]; };
      steps[i] = {v.code, target[code.step[i]], operand(0), operand(1), operand(2)};
    }
    kernels().map(steps, code.steps, b.size());
    for (int i = 0; i < code.roots; ++i)
      if (at[code.root[i]] != root[i].data + b.row * root[i].ld + b.column || root[i].accumulate)
        root[i].store(b, at[code.root[i]]);
  }
};

void run_pass(Plan& plan, const Tensor& out, const Pass& pass, float* registers) {
  const Blocks blocks(out);
  const double cost = static_cast<double>(out.rows * out.cols) * (1 + 4 * pass.code.steps);
  parallel(plan.team(cost), [&](int index, int team) {
    const Range mine = share(blocks.count, index, team);
    if (mine.begin == mine.end) return;
    float* own = registers + index * pass.code.registers * kMapBlock;
    gc_map_step steps[kMostMapValues];
    pass.fill(own);
    for (int64_t i = mine.begin; i < mine.end; ++i) pass.run(blocks.at(i), own, steps);
  });
}

// The inputs whose gradients the backward pass computes.
void find_wanted(Plan& plan, const Node& node, bool* wanted) {
  for (size_t i = 0; i < node.in.size(); ++i) wanted[i] = plan.input(node, i)->wants_grad;
}

void prepare(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  MapProgram program;
  if (read_map(node, program) != GC_OK) return;  // `check` has read it
  bool wanted[kMostMapInputs];
  find_wanted(plan, node, wanted);
  const auto bytes = [&](const MapCode& code) { return int64_t{plan.threads} * code.registers * kMapBlock * 4; };
  const MapCode forward = forward_code(program), backward = backward_code(program, wanted);
  node.buffers.push_back({bytes(forward), Life::kForward});
  node.buffers.push_back({bytes(backward), Life::kBackward});
  int64_t scratch = 0;
  for (size_t i = 0; i < node.in.size(); ++i)
    scratch = std::max(scratch, sum_scratch(Reduction::to_shape(out, *plan.input(node, i), out.cols)));
  node.buffers.push_back({scratch * 8, Life::kBackward});
  for (size_t i = 0; i < node.in.size(); ++i) {
    const bool summed = wanted[i] && program.grads[i] >= 0 && !plan.input(node, i)->same_shape(out);
    node.buffers.push_back({summed ? out.rows * out.cols * 4 : 0, Life::kBackward});
  }
  node.why = std::to_string(forward.steps) + " instructions on blocks of 512 elements, " +
             std::to_string(backward.steps) + " in the backward pass";
}

void forward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  MapProgram program;
  if (read_map(node, program) != GC_OK) return;
  const MapCode code = forward_code(program);
  Leaf leaves[kMostMapInputs];
  Pass pass = {program, code, {}, -1, {}};
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor& x = *plan.input(node, i);
    leaves[i] = Leaf(x.data, x, out);
    pass.leaf[i] = &leaves[i];
  }
  pass.root[0] = {out.data, out.ld, false};
  run_pass(plan, out, pass, node.buffers[kRegisters].data);
}

void backward(Plan& plan, Node& node) {
  const Tensor& out = *plan.output(node, 0);
  if (!out.grad) return no_gradients(plan, node);
  MapProgram program;
  if (read_map(node, program) != GC_OK) return;
  bool wanted[kMostMapInputs];
  find_wanted(plan, node, wanted);
  const MapCode code = backward_code(program, wanted);
  Leaf leaves[kMostMapInputs + 2];
  Pass pass = {program, code, {}, map_result_leaf(program), {}};
  int roots = 0;
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor& x = *plan.input(node, i);
    leaves[i] = Leaf(x.data, x, out);
    if (!wanted[i]) continue;
    if (program.grads[i] < 0) no_gradient(plan, node, i);
    else if (x.same_shape(out)) pass.root[roots++] = {x.grad, x.ld, node.accumulate[i]};
    else pass.root[roots++] = {node.buffers[kFirstGradient + i].data, out.cols, false};
  }
  leaves[node.in.size()] = Leaf(out.grad, out, out);
  leaves[node.in.size() + 1] = Leaf(out.data, out, out);
  for (size_t i = 0; i < node.in.size() + 2; ++i) pass.leaf[i] = &leaves[i];
  if (roots > 0) run_pass(plan, out, pass, node.buffers[kBackwardRegisters].data);
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor& x = *plan.input(node, i);
    if (!wanted[i] || program.grads[i] < 0 || x.same_shape(out)) continue;
    sum_rows(plan, Reduction::to_shape(out, x, out.cols), node.buffers[kFirstGradient + i].data,
             reinterpret_cast<double*>(node.buffers[kScratch].data), x.grad, x.cols, x.ld, 1, node.accumulate[i]);
  }
}
}  // namespace

const OpDef op_map = {GC_OP_MAP, "map",   1,       kMostMapInputs, 1,
                      1,         3,       true,    true,           false,
                      check,     prepare, forward, backward,       2 + kMostMapInputs + 4 * kMostMapValues,
                      true};
}  // namespace gatecell
