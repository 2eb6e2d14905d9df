// map_program.h: a map program read from a node's attributes and checked, and the code of one pass: its live instructions and registers.
#pragma once
#include "../core/op.h"

namespace gatecell {

constexpr int kMostMapInputs = 16, kMostMapValues = 256, kMostMapRegisters = 64;
constexpr int64_t kMapBlock = 512;  // elements of a register

struct MapProgram {
  struct Value {
    int code = 0;
    int operand[3] = {-1, -1, -1};
    float constant = 0;
  };
  int inputs = 0;               // values 0 to inputs - 1; the gradient of the result is value `inputs`
  int count = 0;                // of values
  int result = 0;               // value
  int grads[kMostMapInputs];    // value of each input's gradient, -1: none
  Value value[kMostMapValues];  // instructions from inputs + 1 on
  bool is_instruction(int id) const { return id > inputs; }
};

// Reads and checks the attributes of `node`.
gc_status read_map(const Node& node, MapProgram& program);

// What one pass computes: `roots` are values, `step` the instructions that they need, in order. In the backward pass the result of the
// forward pass is there already: it is a leaf, as inputs are.
struct MapCode {
  int roots = 0, root[kMostMapInputs];
  int steps = 0, step[kMostMapValues];  // values
  int place[kMostMapValues];            // register of a value; -1: the pass does not need it
  int registers = 0;                    // of them the first `fixed` are those of leaves and constants
  int fixed = 0;
  bool has_leaf(int id) const { return place[id] >= 0; }
};

MapCode forward_code(const MapProgram& program);
// Of the gradients of the inputs that `wanted` names (-1 at others: no gradient flows).
MapCode backward_code(const MapProgram& program, const bool* wanted);
}  // namespace gatecell
