// map_program.cc: checks map programs, so that no attributes make a pass read or write memory that is not its own.
#include "map_program.h"

namespace gatecell {
namespace {
gc_status check_instruction(const double* record, int id, int count) {
  if (!is_integer(record[0], 0, GC_MAP_COUNT - 1))
    return fail(GC_INVALID_ARGUMENT, "map: value %d has the unknown code %g", id, record[0]);
  for (int k = 0; k < map_operands(static_cast<int>(record[0])); ++k)
    if (!is_integer(record[1 + k], 0, id - 1))
      return fail(GC_INVALID_ARGUMENT, "map: value %d of %d reads a value that does not precede it", id, count);
  return GC_OK;
}

// Returns whether the result reads the gradient, which only the backward pass has.
bool reads_gradient(const MapProgram& program) {
  bool reads[kMostMapValues] = {};
  reads[program.inputs] = true;
  for (int id = program.inputs + 1; id < program.count; ++id)
    for (int operand : program.value[id].operand)
      if (operand >= 0) reads[id] = reads[id] || reads[operand];
  return reads[program.result];
}
}  // namespace

gc_status read_map(const Node& node, MapProgram& program) {
  const std::vector<double>& a = node.attributes;
  const int inputs = static_cast<int>(node.in.size()), most = kMostMapValues - inputs - 1;
  const size_t head = 2 + node.in.size();
  if (!is_integer(a[0], 0, most) || a.size() != head + 4 * static_cast<size_t>(a[0]))
    return fail(GC_INVALID_ARGUMENT, "map: expected a program of 0 to %d instructions, got %zu attributes", most,
                a.size());
  const int count = inputs + 1 + static_cast<int>(a[0]);
  bool ok = is_integer(a[1], 0, count - 1);
  for (size_t i = 2; i < head; ++i) ok = ok && is_integer(a[i], -1, count - 1);
  if (!ok) return fail(GC_INVALID_ARGUMENT, "map: expected values from 0 to %d as results", count - 1);
  for (int id = inputs + 1; id < count; ++id) {
    const gc_status status = check_instruction(&a[head + 4 * static_cast<size_t>(id - inputs - 1)], id, count);
    if (status != GC_OK) return status;
  }
  program.read(a.data(), inputs);
  if (reads_gradient(program)) return fail(GC_INVALID_ARGUMENT, "map: the result reads its own gradient");
  bool all[kMostMapInputs];
  for (bool& wanted : all) wanted = true;
  if (forward_code(program).registers > kMostMapRegisters || backward_code(program, all).registers > kMostMapRegisters)
    return fail(GC_UNSUPPORTED, "map: the program needs more than %d values at once", kMostMapRegisters);
  return GC_OK;
}
}  // namespace gatecell
