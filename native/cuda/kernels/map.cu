// map.cu: a function of tensors, element by element, in one pass: each thread runs the program (core/map_program.h) on elements of the
// result, with the program and the addresses of its tensors as the kernel's parameters. Gradients of broadcast inputs are written for every
// element, then summed in double in the processor's order.
#include "../map_functions.h"
#include "ops.h"
#include "sums.h"

namespace gatecell {
namespace cuda {
namespace map {
enum {
  kScratch,
  kFirstGradient
};  // buffers: sums of rows; the gradient of each broadcast input for every element of the result

struct Instruction {
  uint8_t code, to;  // register
  union {
    uint8_t operand[3];  // registers
    float constant;      // of GC_MAP_CONSTANT
  };
};
// Values in memory; step[d]: elements from one index to the next along dimension d of the result, aligned at the last of four.
struct Leaf {
  const float* data;
  int64_t step[4];
  int32_t to;  // register
};
struct Root {
  float* data;
  int64_t ld;
  int32_t from;  // register
  bool accumulate;
};

// One pass of a program over all elements of the result.
struct Pass {
  int32_t steps = 0, leaves = 0, roots = 0, constants = 0;  // the first instructions are constants
  int64_t rows, columns;
  int64_t size[3] = {1, 1, 1};  // dimensions of the result before the last one
  Instruction step[kMostMapValues];
  Leaf leaf[kMostMapInputs + 2];
  Root root[kMostMapInputs];

  Pass(const MapProgram& program, const MapCode& code, const Tensor& out) : rows(out.rows), columns(out.cols) {
    for (int d = 0; d + 1 < out.rank; ++d) size[4 - out.rank + d] = out.dims[d];
    for (int id = 0; id < program.count; ++id) {
      if (code.place[id] < 0 || !program.is_instruction(id) || program.is_computed(id)) continue;
      Instruction& i = step[steps++];
      i.code = GC_MAP_CONSTANT, i.to = static_cast<uint8_t>(code.place[id]);
      i.constant = program.value[id].constant;
    }
    constants = steps;
    for (int k = 0; k < code.steps; ++k) {
      const MapProgram::Value& value = program.value[code.step[k]];
      Instruction& i = step[steps++];
      i.code = static_cast<uint8_t>(value.code), i.to = static_cast<uint8_t>(code.place[code.step[k]]);
      for (int o = 0; o < 3; ++o)
        i.operand[o] = static_cast<uint8_t>(value.operand[o] < 0 ? 0 : code.place[value.operand[o]]);
    }
  }
  // Reads value `id` from `data`, a tensor of the shape of x.
  void read(const MapCode& code, int id, const float* data, const Tensor& x) {
    if (code.place[id] < 0) return;
    Leaf& l = leaf[leaves++] = {data, {}, code.place[id]};
    l.step[3] = x.cols == 1 ? 0 : 1;
    int64_t stride = x.ld;
    for (int d = x.rank - 2; d >= 0; --d) {
      l.step[4 - x.rank + d] = x.dims[d] == 1 ? 0 : stride;
      stride *= x.dims[d];
    }
  }
  void write(const MapCode& code, int id, float* data, int64_t ld, bool accumulate) {
    root[roots++] = {data, ld, code.place[id], accumulate};
  }
};
static_assert(sizeof(Pass) <= 4096, "the parameters of a kernel");

__global__ void __launch_bounds__(256) map_kernel(const __grid_constant__ Pass pass) {
  float value[kMostMapRegisters];
  const int64_t j = int64_t{blockIdx.x} * 32 + threadIdx.x;
  if (j >= pass.columns) return;
  for (int i = 0; i < pass.constants; ++i) value[pass.step[i].to] = pass.step[i].constant;
  for (int64_t row = int64_t{blockIdx.y} * 8 + threadIdx.y; row < pass.rows; row += int64_t{gridDim.y} * 8) {
    const int64_t last = row % pass.size[2], rest = row / pass.size[2];
    const int64_t middle = rest % pass.size[1], first = rest / pass.size[1];
    for (int i = 0; i < pass.leaves; ++i) {
      const Leaf& l = pass.leaf[i];
      value[l.to] = l.data[first * l.step[0] + middle * l.step[1] + last * l.step[2] + j * l.step[3]];
    }
    for (int i = pass.constants; i < pass.steps; ++i) {
      const Instruction& s = pass.step[i];
      value[s.to] = map_value(s.code, value[s.operand[0]], value[s.operand[1]], value[s.operand[2]]);
    }
    for (int i = 0; i < pass.roots; ++i) {
      const Root& r = pass.root[i];
      put(r.data + row * r.ld + j, value[r.from], r.accumulate);
    }
  }
}

void run(Queue& queue, const Pass& pass) {
  const int64_t high = (pass.rows + 7) / 8;
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>((pass.columns + 31) / 32), static_cast<unsigned>(high < 4096 ? high : 4096));
  shape.block = dim3(32, 8);
  launch(queue, shape, map_kernel, pass);
}

bool same_shape(const Tensor& a, const Tensor& b) {
  bool same = a.rank == b.rank;
  for (int d = 0; d < a.rank && same; ++d) same = a.dims[d] == b.dims[d];
  return same;
}

// Returns whether the gradient of input i is a sum.
bool is_summed(const Node& n, const MapProgram& program, int32_t i) {
  return n.in(i)->grad && program.grads[i] >= 0 && !same_shape(*n.in(i), *n.out(0));
}

gc_status prepare(const Node& n) {
  const Tensor& out = *n.out(0);
  MapProgram program;
  program.read(n.node.attributes, n.node.inputs);
  int64_t scratch = 0;
  for (int32_t i = 0; i < n.node.inputs; ++i) {
    const int64_t bytes = sum_scratch_bytes(Reduction::to_shape(out, *n.in(i), out.cols));
    if (is_summed(n, program, i) && bytes > scratch) scratch = bytes;
  }
  n.ask(scratch, GC_LIFE_BACKWARD);
  for (int32_t i = 0; i < n.node.inputs; ++i)
    n.ask(is_summed(n, program, i) ? out.rows * out.cols * 4 : 0, GC_LIFE_BACKWARD);
  n.why("one pass, a thread for each element");
  return GC_OK;
}

void forward(const Node& n) {
  const Tensor& out = *n.out(0);
  MapProgram program;
  program.read(n.node.attributes, n.node.inputs);
  const MapCode code = forward_code(program);
  Pass pass(program, code, out);
  for (int32_t i = 0; i < n.node.inputs; ++i) pass.read(code, i, n.in(i)->data, *n.in(i));
  pass.write(code, program.result, out.data, out.ld, false);
  run(n.queue, pass);
}

void backward(const Node& n) {
  const Tensor& out = *n.out(0);
  if (!out.grad) return no_gradients(n);
  MapProgram program;
  program.read(n.node.attributes, n.node.inputs);
  bool wanted[kMostMapInputs] = {};
  for (int32_t i = 0; i < n.node.inputs; ++i) wanted[i] = n.in(i)->grad != nullptr;
  const MapCode code = backward_code(program, wanted);
  Pass pass(program, code, out);
  for (int32_t i = 0; i < n.node.inputs; ++i) {
    const Tensor& x = *n.in(i);
    pass.read(code, i, x.data, x);
    if (!wanted[i]) continue;
    if (program.grads[i] < 0) no_gradient(n, i);
    else if (is_summed(n, program, i))
      pass.write(code, program.grads[i], n.buffer(kFirstGradient + i), out.cols, false);
    else pass.write(code, program.grads[i], x.grad, x.ld, n.accumulate(i));
  }
  pass.read(code, n.node.inputs, out.grad, out);
  if (map_result_leaf(program) >= 0) pass.read(code, program.result, out.data, out);
  if (pass.roots > 0) run(n.queue, pass);
  for (int32_t i = 0; i < n.node.inputs; ++i) {
    if (!is_summed(n, program, i)) continue;
    const Tensor& x = *n.in(i);
    sum_dimensions(n.queue, Reduction::to_shape(out, x, out.cols), n.buffer(kFirstGradient + i),
                   n.buffer<double>(kScratch), {x.grad, x.cols, x.ld, 1, n.accumulate(i)});
  }
}
}  // namespace map

const OpDef op_map = {GC_OP_MAP, "map", map::prepare, map::forward, map::backward};
}  // namespace cuda
}  // namespace gatecell
