// array_cases.h: matmul, rearrange, gather, scatter_add and concat along any dimension as cases of ops.
#pragma once
#include "opcases.h"
#include "ops/matmul_reference.h"
#include "ops/move_reference.h"

namespace lab {

inline ref::Sizes sizes_of(const Dims& dims) { return ref::Sizes(dims.begin(), dims.end()); }

inline OpCase matmul_case(const Dims& a, const Dims& b, const Dims& out, bool a_transposed, bool b_transposed) {
  OpCase c = {"matmul", GC_OP_MATMUL, {a, b}, out, nullptr, nullptr};
  c.name += a_transposed ? " of a transposed" : "";
  c.name += b_transposed ? " by a transposed" : "";
  c.name += " to rank " + std::to_string(out.size());
  c.attributes = {a_transposed ? 1.0 : 0.0, b_transposed ? 1.0 : 0.0};
  const ref::MatMul product = {sizes_of(a), sizes_of(b), sizes_of(out), a_transposed, b_transposed};
  c.forward = [=](const std::vector<Doubles>& in) { return product.forward(in[0], in[1]); };
  c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    std::vector<Doubles> d(2);
    product.backward(in[0], in[1], dy, d[0], d[1]);
    return d;
  };
  return c;
}

inline std::vector<OpCase> matmul_cases(int32_t T, int32_t B, int32_t C) {
  return {matmul_case({T, B, C}, {T, C, 5}, {T, B, 5}, false, false),
          matmul_case({T, C, B}, {T, C, 5}, {T, B, 5}, true, false),
          matmul_case({T, B, C}, {T, 70, C}, {T, B, 70}, false, true),
          matmul_case({T, C, B}, {T, 3, C}, {T, B, 3}, true, true),
          matmul_case({T, B, C}, {C, 7}, {T, B, 7}, false, false),
          matmul_case({T, B, C}, {1, 7, C}, {T, B, 7}, false, true),
          matmul_case({T, C, B}, {7, C}, {T, B, 7}, true, true),
          matmul_case({B, C}, {T, C, 3}, {T, B, 3}, false, false),
          matmul_case({T, 1, B, C}, {2, C, 3}, {T, 2, B, 3}, false, false),
          matmul_case({1, 2, C, B}, {T, 1, 3, C}, {T, 2, B, 3}, true, true),
          matmul_case({B, C}, {C, T}, {B, T}, false, false)};
}

// {target, before, stride, kernel} of each dimension, after the constant.
inline OpCase rearrange_case(const std::string& name, const Dims& x, const Dims& out, double constant,
                             const std::vector<std::array<int32_t, 4>>& dims) {
  Doubles attributes = {constant};
  for (const auto& dim : dims) attributes.insert(attributes.end(), dim.begin(), dim.end());
  const std::vector<size_t> source = ref::rearrange_source(sizes_of(x), sizes_of(out), attributes);
  OpCase c = move_case(name, GC_OP_REARRANGE, {x}, out, source, attributes);
  for (size_t d = 0; d < out.size(); ++d) c.chosen.push_back(d);
  c.forward = [=](const std::vector<Doubles>& in) { return ref::gather(in[0], source, constant); };
  return c;
}

inline std::vector<OpCase> rearrange_cases(int32_t T, int32_t B, int32_t C) {
  return {
      rearrange_case("permute the first two", {T, B, C}, {B, T, C}, 0, {{1, 0, 1, 1}, {0, 0, 1, 1}, {2, 0, 1, 1}}),
      rearrange_case("permute the last two", {T, B, C}, {T, C, B}, 0, {{0, 0, 1, 1}, {2, 0, 1, 1}, {1, 0, 1, 1}}),
      rearrange_case("permute four", {T, 2, B, C}, {C, B, T, 2}, 0,
                     {{2, 0, 1, 1}, {3, 0, 1, 1}, {1, 0, 1, 1}, {0, 0, 1, 1}}),
      rearrange_case("pad", {T, B, C}, {T + 3, B + 1, C + 6}, 0.5, {{0, 1, 1, 1}, {1, 0, 1, 1}, {2, 2, 1, 1}}),
      rearrange_case("pad a row", {C}, {C + 20}, -1.5, {{0, 17, 1, 1}}),
      rearrange_case("crop", {T, B, C}, {T, 1, (C + 1) / 2}, 0, {{0, 0, 1, 1}, {1, 0, 1, 1}, {2, 0, 1, 1}}),
      rearrange_case("patches of steps", {T, B, C}, {(T - 1) / 2 + 1, B, 3 * C}, 0,
                     {{0, 1, 2, 3}, {1, 0, 1, 1}, {2, 0, 1, 1}}),
      rearrange_case("patches of two dimensions", {2, T, B, C}, {2, T + 1, (B + 1) / 3 + 1, 4 * C}, 0.25,
                     {{0, 0, 1, 1}, {1, 1, 1, 2}, {2, 1, 3, 2}, {3, 0, 1, 1}}),
      rearrange_case("patches, permuted", {T, B, C}, {C + 1, T, 4 * B}, 0, {{1, 2, 1, 4}, {2, 0, 1, 1}, {0, 1, 1, 1}})};
}

inline OpCase take_case(const std::string& name, bool gathers, const Dims& table, const Dims& rows, size_t axis,
                        const Dims& ids_dims) {
  const Ids ids = Random(51).ids(count_of(ids_dims), 0, table[axis]);
  const std::vector<size_t> source = ref::take_source(sizes_of(table), ids, axis);
  const auto elements = static_cast<size_t>(count_of(table));
  OpCase c = {
      name,   gathers ? GC_OP_GATHER : GC_OP_SCATTER_ADD, {gathers ? table : rows}, gathers ? rows : table, nullptr,
      nullptr};
  c.attributes = {static_cast<double>(axis)};
  if (!gathers) c.chosen = {axis};
  c.ids = ids, c.ids_dims = ids_dims;
  const auto take = [=](const Doubles& x) { return ref::gather(x, source); };
  const auto add = [=](const Doubles& x) { return ref::gather_backward(elements, source, x); };
  c.forward = [=](const std::vector<Doubles>& in) { return gathers ? take(in[0]) : add(in[0]); };
  c.backward = [=](const std::vector<Doubles>&, const Doubles& dy) {
    return std::vector<Doubles>{gathers ? add(dy) : take(dy)};
  };
  return c;
}

inline std::vector<OpCase> take_cases(int32_t T, int32_t B, int32_t C) {
  std::vector<OpCase> list;
  for (bool gathers : {true, false}) {
    const std::string name = gathers ? "gather" : "scatter_add";
    list.push_back(take_case(name + " of steps", gathers, {T, B, C}, {5, B, C}, 0, {5}));
    list.push_back(take_case(name + " of rows", gathers, {T, B, C}, {T, 2, 3, C}, 1, {2, 3}));
    list.push_back(take_case(name + " of columns", gathers, {T, B, C}, {T, B, 4}, 2, {4}));
    list.push_back(take_case(name + " of a row", gathers, {C}, {3, 7}, 0, {3, 7}));
  }
  return list;
}

inline std::vector<OpCase> concat_cases(int32_t T, int32_t B, int32_t C) {
  std::vector<OpCase> list;
  for (size_t axis = 0; axis < 3; ++axis) {
    std::vector<Dims> parts(3, Dims{T, B, C});
    parts[1][axis] = 1, parts[2][axis] += 2;
    Dims out = {T, B, C};
    out[axis] = 2 * out[axis] + 3;
    const std::vector<size_t> source =
        ref::concat_source({sizes_of(parts[0]), sizes_of(parts[1]), sizes_of(parts[2])}, axis);
    list.push_back(move_case("concat along dimension " + std::to_string(axis), GC_OP_CONCAT, parts, out, source,
                             {static_cast<double>(2 - axis)}));
  }
  return list;
}

inline std::vector<OpCase> array_cases(int32_t T, int32_t B, int32_t C) {
  std::vector<OpCase> list;
  for (const auto& part : {matmul_cases(T, B, C), rearrange_cases(T, B, C), take_cases(T, B, C), concat_cases(T, B, C)})
    list.insert(list.end(), part.begin(), part.end());
  return list;
}
}  // namespace lab
