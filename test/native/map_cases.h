// map_cases.h: map programs with their gradients, and reductions, as cases of ops and for random graphs.
#pragma once
#include "kernels/map_codes.h"
#include "opcases.h"
#include "ops/map_reference.h"

namespace lab {

// A program under construction. Inputs are values 0 to inputs - 1, the gradient of the result is value `inputs`.
struct MapBuilder {
  int inputs, result = 0;
  std::vector<int> grads;
  Doubles instructions = {};
  int add(int code, double a, double b = 0, double c = 0) {
    // One by one: GCC 12 warns of an overflow that cannot happen when a list is inserted into the empty vector.
    for (double value : {static_cast<double>(code), a, b, c}) instructions.push_back(value);
    return inputs + static_cast<int>(instructions.size() / 4);
  }
  Doubles attributes() const {
    Doubles all = {static_cast<double>(instructions.size() / 4), static_cast<double>(result)};
    for (int grad : grads) all.push_back(grad);
    all.insert(all.end(), instructions.begin(), instructions.end());
    return all;
  }
};

inline gatecell::MapProgram map_program(const Doubles& attributes, size_t inputs) {
  gatecell::Node node;
  node.in.resize(inputs);
  node.attributes = attributes;
  gatecell::MapProgram program;
  REQUIRE(gatecell::read_map(node, program) == GC_OK);
  return program;
}

// (x - m) e^-s
inline Doubles normalised() {
  MapBuilder p = {3, 0, {}};
  const int difference = p.add(GC_MAP_SUB, 0, 1), scale = p.add(GC_MAP_EXP, p.add(GC_MAP_NEG, 2));
  p.result = p.add(GC_MAP_MUL, difference, scale);
  const int dx = p.add(GC_MAP_FLOW, 3, scale);
  p.grads = {dx, p.add(GC_MAP_NEG, dx), p.add(GC_MAP_NEG, p.add(GC_MAP_FLOW, 3, p.result))};
  return p.attributes();
}

// erf(x) + log Gamma(e^x)
inline Doubles special() {
  MapBuilder p = {1, 0, {}};
  const int power = p.add(GC_MAP_EXP, 0);
  p.result = p.add(GC_MAP_ADD, p.add(GC_MAP_ERF, 0), p.add(GC_MAP_LGAMMA, power));
  const int bell = p.add(GC_MAP_EXP, p.add(GC_MAP_NEG, p.add(GC_MAP_MUL, 0, 0)));
  const int erf = p.add(GC_MAP_MUL, p.add(GC_MAP_CONSTANT, 1.1283791670955126), bell);
  const int gamma = p.add(GC_MAP_MUL, p.add(GC_MAP_DIGAMMA, power), power);
  p.grads = {p.add(GC_MAP_FLOW, 1, p.add(GC_MAP_ADD, erf, gamma))};
  return p.attributes();
}

// max(x, y) tanh(y) / (1 + |x|) + log(1 + y^2); where x is larger its gradient goes there, else to y.
inline Doubles kinked() {
  MapBuilder p = {2, 0, {}};
  const int d = 2, one = p.add(GC_MAP_CONSTANT, 1), zero = p.add(GC_MAP_CONSTANT, 0);
  const int most = p.add(GC_MAP_MAX, 0, 1), tanh = p.add(GC_MAP_TANH, 1),
            below = p.add(GC_MAP_ADD, one, p.add(GC_MAP_ABS, 0));
  const int product = p.add(GC_MAP_MUL, most, tanh), quotient = p.add(GC_MAP_DIV, product, below);
  const int square = p.add(GC_MAP_MUL, 1, 1);
  p.result = p.add(GC_MAP_ADD, quotient, p.add(GC_MAP_LOG1P, square));
  const int into_product = p.add(GC_MAP_DIV, d, below), into_most = p.add(GC_MAP_MUL, into_product, tanh);
  const int into_below = p.add(GC_MAP_NEG, p.add(GC_MAP_MUL, d, p.add(GC_MAP_DIV, quotient, below)));
  const int smaller = p.add(GC_MAP_LESS, 0, 1);
  const int of_x = p.add(GC_MAP_SELECT, smaller, zero, into_most),
            of_y = p.add(GC_MAP_SELECT, smaller, into_most, zero);
  const int dx = p.add(GC_MAP_ADD, of_x, p.add(GC_MAP_MUL, into_below, p.add(GC_MAP_SIGN, 0)));
  const int slope = p.add(GC_MAP_SUB, one, p.add(GC_MAP_MUL, tanh, tanh));
  const int into_square = p.add(GC_MAP_DIV, d, p.add(GC_MAP_ADD, one, square));
  const int twice = p.add(GC_MAP_MUL, p.add(GC_MAP_ADD, 1, 1), into_square);
  const int of_tanh = p.add(GC_MAP_MUL, p.add(GC_MAP_MUL, into_product, most), slope);
  p.grads = {dx, p.add(GC_MAP_ADD, of_y, p.add(GC_MAP_ADD, of_tanh, twice))};
  return p.attributes();
}

inline ref::MapShapes map_shapes(const std::vector<Dims>& inputs, const Dims& out) {
  ref::MapShapes shapes;
  for (const Dims& dims : inputs) shapes.inputs.emplace_back(dims.begin(), dims.end());
  shapes.out.assign(out.begin(), out.end());
  return shapes;
}

inline OpCase map_case(const std::string& name, const std::vector<Dims>& inputs, const Dims& out,
                       const Doubles& attributes) {
  OpCase c = {name, GC_OP_MAP, inputs, out, nullptr, nullptr};
  c.attributes = attributes;
  const gatecell::MapProgram program = map_program(attributes, inputs.size());
  const ref::MapShapes shapes = map_shapes(inputs, out);
  c.forward = [=](const std::vector<Doubles>& in) { return ref::map(program, shapes, in); };
  c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    return ref::map_backward(program, shapes, in, dy);
  };
  return c;
}

inline std::vector<OpCase> map_cases(int32_t T, int32_t B, int32_t C) {
  const Dims all = {T, B, C};
  return {map_case("map of equal shapes", {all, all, all}, all, normalised()),
          map_case("map of a row and a column", {all, {C}, {B, 1}}, all, normalised()),
          map_case("map of broadcast dimensions", {{T, 1, C}, {1}, {1, B, 1}}, all, normalised()),
          map_case("map of a column of steps", {all, {T, 1, 1}, {B, C}}, all, normalised()),
          map_case("map of special functions", {all}, all, special()),
          map_case("map with kinks", {all, all}, all, kinked()),
          map_case("map of one and all", {{1}, {T, B, 1}}, {T, B, 1}, kinked())};
}

inline ref::Reduced reduced(const std::vector<size_t>& dims, const Doubles& attributes) {
  ref::Reduced r = {dims, {}, attributes[0] != 0, attributes[1]};
  for (size_t d = 0; d < dims.size(); ++d) r.gone.push_back((static_cast<int>(attributes[2]) >> d & 1) != 0);
  return r;
}

inline std::vector<OpCase> reduce_cases(int32_t T, int32_t B, int32_t C) {
  std::vector<OpCase> list;
  const Dims dims = {T, B, C};
  for (int kind = 0; kind < 2; ++kind) {
    for (int set = 1; set < 8; ++set) {
      const Doubles attributes = {static_cast<double>(kind), kind ? 1 : 0.75, static_cast<double>(set)};
      const ref::Reduced r =
          reduced({static_cast<size_t>(T), static_cast<size_t>(B), static_cast<size_t>(C)}, attributes);
      Dims out;
      for (int d = 0; d < 3; ++d)
        if (kind || !(set >> d & 1)) out.push_back(set >> d & 1 ? 1 : dims[static_cast<size_t>(d)]);
      if (out.empty()) out.push_back(1);
      OpCase c = {"reduce " + std::to_string(kind) + " over " + std::to_string(set),
                  GC_OP_REDUCE,
                  {dims},
                  out,
                  nullptr,
                  nullptr};
      c.attributes = attributes;
      c.forward = [=](const std::vector<Doubles>& in) { return r.forward(in[0]); };
      c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
        return std::vector<Doubles>{r.backward(in[0], dy)};
      };
      list.push_back(c);
    }
  }
  return list;
}
}  // namespace lab
