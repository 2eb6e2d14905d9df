// map_program.cc: reads map programs, leaves out the instructions that a pass does not need, and gives values registers.
#include "map_program.h"

#include <cmath>

#include "../kernels/map_codes.h"

namespace gatecell {
namespace {
int operands_of(int code) {
  switch (code) {
#define GC_MAP_OPERANDS(number, NAME, name, operands) \
  case number: return operands;
    GC_MAP_CODES(GC_MAP_OPERANDS)
#undef GC_MAP_OPERANDS
    default: return -1;
  }
}

// An integer of the attributes from low to high; `ok` becomes false where it is none.
int whole(double x, int low, int high, bool& ok) {
  if (!(x >= low && x <= high && x == std::floor(x))) {
    ok = false;
    return low;
  }
  return static_cast<int>(x);
}

gc_status read_instruction(const double* record, int id, const MapProgram& program, MapProgram::Value& value) {
  bool ok = true;
  value.code = whole(record[0], 0, GC_MAP_COUNT - 1, ok);
  if (!ok) return fail(GC_INVALID_ARGUMENT, "map: value %d has the unknown code %g", id, record[0]);
  const int operands = operands_of(value.code);
  for (int k = 0; k < operands; ++k) value.operand[k] = whole(record[1 + k], 0, id - 1, ok);
  if (!ok)
    return fail(GC_INVALID_ARGUMENT, "map: value %d of %d reads a value that does not precede it", id, program.count);
  if (value.code == GC_MAP_CONSTANT) value.constant = static_cast<float>(record[1]);
  return GC_OK;
}

// Whether the result reads the gradient, which only the backward pass has.
bool reads_gradient(const MapProgram& program) {
  bool reads[kMostMapValues] = {};
  reads[program.inputs] = true;
  for (int id = program.inputs + 1; id < program.count; ++id)
    for (int operand : program.value[id].operand)
      if (operand >= 0) reads[id] = reads[id] || reads[operand];
  return reads[program.result];
}

struct Allocator {
  bool taken[kMostMapValues] = {};
  int most = 0;
  int take() {
    int at = 0;
    while (taken[at]) ++at;
    taken[at] = true;
    if (at + 1 > most) most = at + 1;
    return at;
  }
};

// `leaf` (or -1): an instruction whose value is there already.
MapCode code_of(const MapProgram& program, const int* roots, int count, int leaf) {
  MapCode code;
  bool live[kMostMapValues] = {};
  int last[kMostMapValues];
  for (int& place : code.place) place = -1;
  for (int i = 0; i < count; ++i) code.root[code.roots++] = roots[i], live[roots[i]] = true;
  const auto computed = [&](int id) {
    return program.is_instruction(id) && id != leaf && program.value[id].code != GC_MAP_CONSTANT;
  };
  for (int id = program.count - 1; id >= 0; --id) {
    if (!live[id] || !computed(id)) continue;
    for (int operand : program.value[id].operand)
      if (operand >= 0) live[operand] = true;
  }
  Allocator registers;
  for (int id = 0; id < program.count; ++id) {
    last[id] = program.count;
    if (live[id] && !computed(id)) code.place[id] = registers.take();
  }
  code.fixed = registers.most;
  for (int id = 0; id < program.count; ++id) {
    if (!live[id] || !computed(id)) continue;
    for (int operand : program.value[id].operand)
      if (operand >= 0) last[operand] = id;
  }
  for (int i = 0; i < count; ++i) last[roots[i]] = program.count;
  for (int id = program.inputs + 1; id < program.count; ++id) {
    if (!live[id] || !computed(id)) continue;
    code.step[code.steps++] = id;
    for (int operand : program.value[id].operand)
      if (operand >= 0 && computed(operand) && last[operand] == id) registers.taken[code.place[operand]] = false;
    code.place[id] = registers.take();
  }
  code.registers = registers.most;
  return code;
}
}  // namespace

gc_status read_map(const Node& node, MapProgram& program) {
  const std::vector<double>& a = node.attributes;
  program.inputs = static_cast<int>(node.in.size());
  const size_t head = 2 + node.in.size();
  bool ok = true;
  const int instructions = whole(a[0], 0, kMostMapValues - program.inputs - 1, ok);
  if (!ok || a.size() != head + 4 * static_cast<size_t>(instructions))
    return fail(GC_INVALID_ARGUMENT, "map: expected a program of 0 to %d instructions, got %zu attributes",
                kMostMapValues - program.inputs - 1, a.size());
  program.count = program.inputs + 1 + instructions;
  program.result = whole(a[1], 0, program.count - 1, ok);
  for (int i = 0; i < program.inputs; ++i)
    program.grads[i] = whole(a[2 + static_cast<size_t>(i)], -1, program.count - 1, ok);
  if (!ok) return fail(GC_INVALID_ARGUMENT, "map: expected values from 0 to %d as results", program.count - 1);
  for (int i = 0; i < instructions; ++i) {
    const int id = program.inputs + 1 + i;
    const gc_status status = read_instruction(&a[head + 4 * static_cast<size_t>(i)], id, program, program.value[id]);
    if (status != GC_OK) return status;
  }
  if (reads_gradient(program)) return fail(GC_INVALID_ARGUMENT, "map: the result reads its own gradient");
  bool all[kMostMapInputs];
  for (bool& wanted : all) wanted = true;
  if (forward_code(program).registers > kMostMapRegisters || backward_code(program, all).registers > kMostMapRegisters)
    return fail(GC_UNSUPPORTED, "map: the program needs more than %d values at once", kMostMapRegisters);
  return GC_OK;
}

MapCode forward_code(const MapProgram& program) { return code_of(program, &program.result, 1, -1); }

MapCode backward_code(const MapProgram& program, const bool* wanted) {
  int roots[kMostMapInputs], count = 0;
  for (int i = 0; i < program.inputs; ++i)
    if (wanted[i] && program.grads[i] >= 0) roots[count++] = program.grads[i];
  const bool computed = program.is_instruction(program.result) && program.value[program.result].code != GC_MAP_CONSTANT;
  return code_of(program, roots, count, computed ? program.result : -1);
}
}  // namespace gatecell
