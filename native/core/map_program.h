// map_program.h: programs of the op map, and the code of one pass of a program: the instructions that the pass needs, and the registers of
// their values. The processor and the device compute with the same code.
#pragma once
#include <cstdint>

#include "../kernels/map_codes.h"

namespace gatecell {

constexpr int kMostMapInputs = 16, kMostMapValues = 256, kMostMapRegisters = 64;

// Returns the number of operands of a function; -1 if there is none with this code.
inline int map_operands(int code) {
  switch (code) {
#define GC_MAP_OPERANDS(number, NAME, name, operands) \
  case number: return operands;
    GC_MAP_CODES(GC_MAP_OPERANDS)
#undef GC_MAP_OPERANDS
    default: return -1;
  }
}

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
  // Returns whether a pass computes a value; the other values are inputs, the gradient, and constants.
  bool is_computed(int id) const { return is_instruction(id) && value[id].code != GC_MAP_CONSTANT; }

  // Reads the attributes of a node (ops.def), which have been checked.
  void read(const double* attributes, int input_count) {
    inputs = input_count;
    count = inputs + 1 + static_cast<int>(attributes[0]);
    result = static_cast<int>(attributes[1]);
    for (int i = 0; i < inputs; ++i) grads[i] = static_cast<int>(attributes[2 + i]);
    for (int id = inputs + 1; id < count; ++id) {
      const double* record = attributes + 2 + inputs + 4 * (id - inputs - 1);
      Value& v = value[id] = Value();
      v.code = static_cast<int>(record[0]);
      for (int k = 0; k < map_operands(v.code); ++k) v.operand[k] = static_cast<int>(record[1 + k]);
      if (v.code == GC_MAP_CONSTANT) v.constant = static_cast<float>(record[1]);
    }
  }
};

// The code of one pass: `roots` are its results, `step` the instructions that they need, in order. In the backward pass the result of the
// forward pass is a leaf, as inputs are, because memory contains it.
struct MapCode {
  int roots = 0, root[kMostMapInputs];
  int steps = 0, step[kMostMapValues];  // values
  int place[kMostMapValues];            // register of a value; -1: the pass does not need it
  int registers = 0;                    // of them the first `fixed` are those of leaves and constants
  int fixed = 0;

  // `leaf`: an instruction whose value is a leaf; -1: there is none.
  MapCode(const MapProgram& program, const int* of, int of_count, int leaf) {
    bool live[kMostMapValues] = {};
    int last[kMostMapValues];  // the last instruction that reads a value
    for (int& at : place) at = -1;
    for (int i = 0; i < of_count; ++i) root[roots++] = of[i], live[of[i]] = true;
    const auto computed = [&](int id) { return id != leaf && program.is_computed(id); };
    for (int id = program.count - 1; id >= 0; --id) {
      if (!live[id] || !computed(id)) continue;
      for (int operand : program.value[id].operand)
        if (operand >= 0) live[operand] = true;
    }
    for (int id = 0; id < program.count; ++id) {
      last[id] = program.count;
      if (live[id] && !computed(id)) place[id] = take();
    }
    fixed = registers;
    for (int id = 0; id < program.count; ++id) {
      if (!live[id] || !computed(id)) continue;
      for (int operand : program.value[id].operand)
        if (operand >= 0) last[operand] = id;
    }
    for (int i = 0; i < of_count; ++i) last[of[i]] = program.count;
    for (int id = program.inputs + 1; id < program.count; ++id) {
      if (!live[id] || !computed(id)) continue;
      step[steps++] = id;
      for (int operand : program.value[id].operand)
        if (operand >= 0 && computed(operand) && last[operand] == id) taken_[place[operand]] = false;
      place[id] = take();
    }
  }
  // Returns whether the register of a value has it from the beginning of the pass.
  bool is_fixed(int id) const { return place[id] >= 0 && place[id] < fixed; }

 private:
  bool taken_[kMostMapValues] = {};
  int take() {
    int at = 0;
    while (taken_[at]) ++at;
    taken_[at] = true;
    if (at + 1 > registers) registers = at + 1;
    return at;
  }
};

inline MapCode forward_code(const MapProgram& program) { return MapCode(program, &program.result, 1, -1); }

// Returns the value that the backward pass reads from the result of the forward pass; -1 if the result is an input or a constant.
inline int map_result_leaf(const MapProgram& program) {
  return program.is_computed(program.result) ? program.result : -1;
}

// The code for the gradients of the inputs for which wanted[input] is true.
inline MapCode backward_code(const MapProgram& program, const bool* wanted) {
  int roots[kMostMapInputs], count = 0;
  for (int i = 0; i < program.inputs; ++i)
    if (wanted[i] && program.grads[i] >= 0) roots[count++] = program.grads[i];
  return MapCode(program, roots, count, map_result_leaf(program));
}
}  // namespace gatecell
