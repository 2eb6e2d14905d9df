// opcases.h: every op with a gradient as a function of its float inputs, in double, with the graph that computes it in the engine.
#pragma once
#include <algorithm>
#include <array>
#include <functional>

#include "lab.h"
#include "ops/reference.h"

namespace lab {
namespace ref = gatecell::reference;

// Returns whether an op has kernels on a device.
inline bool is_on_device(int opcode) {
  static const int on_device[] = {
#define GC_OP(number, NAME, name) number,
#define GC_HOST_OP(number, NAME, name)
#include "gatecell/ops.def"
  };
  return std::find(std::begin(on_device), std::end(on_device), opcode) != std::end(on_device);
}

struct OpCase {
  std::string name;
  gc_opcode opcode;
  std::vector<Dims> inputs;
  Dims out;
  std::function<Doubles(const std::vector<Doubles>&)> forward;
  std::function<std::vector<Doubles>(const std::vector<Doubles>&, const Doubles&)> backward;  // inputs, dy -> gradients
  Doubles attributes = {};
  Ids ids = {};  // a second input, after the first, of shape ids_dims
  Dims ids_dims = {};
  Floats constant = {};                             // float inputs without a gradient, after the ids, as one row
  Floats row_weights = {};                          // the input after them, of shape ids_dims, without a gradient
  bool loss = false;                                // the result is [value, count]
  std::vector<bool> as_parameter = {};              // inputs that the op wants as parameters, else tensors of the graph
  std::vector<std::pair<Dims, Ids>> last_ids = {};  // int32 inputs after all others
  bool any_width = false;                           // the last dimension of the result is the graph's choice
  std::vector<size_t> chosen = {};                  // dimensions of the result whose size is the graph's choice
  std::function<void(std::vector<Floats>&)> adjust = {};  // changes random inputs that the op would refuse

  bool parameter(size_t i) const { return i < as_parameter.size() && as_parameter[i]; }
  size_t all_inputs() const {
    return inputs.size() + (ids.empty() ? 0 : 1) + (constant.empty() ? 0 : 1) + (row_weights.empty() ? 0 : 1) +
           last_ids.size();
  }
  // The ids among the inputs of a graph whose float inputs are `in`.
  void add_ids(Graph& graph, std::vector<int>& in) const {
    if (!ids.empty()) in.insert(in.begin() + 1, graph.ids(ids_dims, ids));
    if (!constant.empty()) in.push_back(graph.host({static_cast<int32_t>(constant.size())}, constant));
    if (!row_weights.empty() && constant.empty()) in.push_back(Graph::none);
    if (!row_weights.empty()) in.push_back(graph.host(ids_dims, row_weights));
    for (const auto& [dims, values] : last_ids) in.push_back(graph.ids(dims, values));
  }
};

inline OpCase unary_case(const std::string& name, gc_opcode opcode, const Dims& dims, std::function<double(double)> f,
                         std::function<double(double)> slope, const Doubles& attributes = {}) {
  OpCase c = {name, opcode, {dims}, dims, nullptr, nullptr};
  c.attributes = attributes;
  c.forward = [f](const std::vector<Doubles>& in) { return ref::unary(in[0], f); };
  c.backward = [slope](const std::vector<Doubles>& in, const Doubles& dy) {
    Doubles dx = ref::unary(in[0], slope);
    for (size_t i = 0; i < dx.size(); ++i) dx[i] *= dy[i];
    return std::vector<Doubles>{dx};
  };
  return c;
}

using Function2 = std::function<double(double, double)>;

inline OpCase binary_case(const std::string& name, gc_opcode opcode, const Dims& a, const Dims& b, Function2 f,
                          Function2 slope_a, Function2 slope_b) {
  OpCase c = {name, opcode, {a, b}, a, nullptr, nullptr};
  c.forward = [f](const std::vector<Doubles>& in) { return ref::binary(in[0], in[1], f); };
  c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    std::vector<Doubles> d(2);
    ref::binary_backward(in[0], in[1], dy, slope_a, slope_b, d[0], d[1]);
    return d;
  };
  return c;
}

// source[i]: the index of element i of the result in the concatenated inputs.
inline OpCase move_case(const std::string& name, gc_opcode opcode, const std::vector<Dims>& inputs, const Dims& out,
                        const std::vector<size_t>& source, const Doubles& attributes = {}) {
  OpCase c = {name, opcode, inputs, out, nullptr, nullptr};
  c.attributes = attributes;
  const auto joined = [](const std::vector<Doubles>& in) {
    Doubles all;
    for (const Doubles& part : in) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  c.forward = [=](const std::vector<Doubles>& in) { return ref::gather(joined(in), source); };
  c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    const Doubles all = ref::gather_backward(joined(in).size(), source, dy);
    std::vector<Doubles> parts;
    auto at = all.begin();
    for (const Doubles& part : in)
      parts.emplace_back(at, at + static_cast<std::ptrdiff_t>(part.size())),
          at += static_cast<std::ptrdiff_t>(part.size());
    return parts;
  };
  return c;
}

inline std::vector<OpCase> elementwise_cases(const Dims& dims) {
  const Dims row = {dims.back()};
  const auto one = [](double, double) { return 1.0; };
  const auto minus = [](double, double) { return -1.0; };
  const auto first = [](double a, double) { return a; };
  const auto second = [](double, double b) { return b; };
  std::vector<OpCase> list;
  for (const Dims& b : {dims, row}) {
    const std::string what = b.size() == dims.size() ? "" : " of a row";
    list.push_back(binary_case(
        "add" + what, GC_OP_ADD, dims, b, [](double x, double y) { return x + y; }, one, one));
    list.push_back(binary_case(
        "sub" + what, GC_OP_SUB, dims, b, [](double x, double y) { return x - y; }, one, minus));
    list.push_back(binary_case(
        "mul" + what, GC_OP_MUL, dims, b, [](double x, double y) { return x * y; }, second, first));
  }
  const auto sigmoid = [](double x) { return ref::sigmoid(x); };
  list.push_back(
      unary_case("sigmoid", GC_OP_SIGMOID, dims, sigmoid, [=](double x) { return sigmoid(x) * (1 - sigmoid(x)); }));
  list.push_back(unary_case(
      "tanh", GC_OP_TANH, dims, [](double x) { return std::tanh(x); },
      [](double x) { return 1 - std::tanh(x) * std::tanh(x); }));
  list.push_back(unary_case(
      "relu", GC_OP_RELU, dims, [](double x) { return x > 0 ? x : 0; }, [](double x) { return x > 0 ? 1.0 : 0.0; }));
  list.push_back(unary_case(
      "affine", GC_OP_AFFINE, dims, [](double x) { return -1.5 * x + 0.25; }, [](double) { return -1.5; },
      {-1.5, 0.25}));
  const size_t V = static_cast<size_t>(dims.back());
  OpCase softmax = {"softmax", GC_OP_SOFTMAX, {dims}, dims, nullptr, nullptr};
  softmax.forward = [V](const std::vector<Doubles>& in) { return ref::softmax(in[0], V); };
  softmax.backward = [V](const std::vector<Doubles>& in, const Doubles& dy) {
    return std::vector<Doubles>{ref::softmax_backward(ref::softmax(in[0], V), dy, V)};
  };
  list.push_back(softmax);
  return list;
}

inline std::vector<OpCase> move_cases(int32_t T, int32_t B, int32_t C) {
  const size_t t = static_cast<size_t>(T), b = static_cast<size_t>(B), c = static_cast<size_t>(C);
  std::vector<OpCase> list;
  std::vector<size_t> source, all(t * b * c);
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  list.push_back(move_case("reshape", GC_OP_RESHAPE, {{T, B, C}}, {C, T * B}, all));
  list.push_back(move_case("reshape to a row", GC_OP_RESHAPE, {{T, B, C}}, {T * B * C}, all));
  for (size_t i = 0; i < all.size(); ++i) source.push_back((t - 1 - i / (b * c)) * b * c + i % (b * c));
  list.push_back(move_case("flip", GC_OP_FLIP, {{T, B, C}}, {T, B, C}, source));
  source.assign(all.rbegin(), all.rend());
  list.push_back(move_case("flip of a row", GC_OP_FLIP, {{T * B * C}}, {T * B * C}, source));
  for (int32_t dim = 0; dim < 3; ++dim) {
    Dims whole = {T, B, C}, part = whole;
    const int32_t begin = part[static_cast<size_t>(dim)] / 3;
    part[static_cast<size_t>(dim)] -= begin + (part[static_cast<size_t>(dim)] > 2 ? 1 : 0);
    source.clear();
    for (int32_t i = 0; i < part[0]; ++i)
      for (int32_t j = 0; j < part[1]; ++j)
        for (int32_t k = 0; k < part[2]; ++k) {
          const int32_t at[3] = {i + (dim == 0 ? begin : 0), j + (dim == 1 ? begin : 0), k + (dim == 2 ? begin : 0)};
          source.push_back(static_cast<size_t>((at[0] * B + at[1]) * C + at[2]));
        }
    list.push_back(move_case("slice of dimension " + std::to_string(dim), GC_OP_SLICE, {whole}, part, source,
                             {static_cast<double>(dim), static_cast<double>(begin)}));
  }
  source.clear();
  const size_t widths[] = {c, 1, 17};
  for (size_t row = 0; row < t * b; ++row) {
    size_t base = 0;
    for (size_t width : widths) {
      for (size_t j = 0; j < width; ++j) source.push_back(base + row * width + j);
      base += t * b * width;
    }
  }
  list.push_back(move_case("concat", GC_OP_CONCAT, {{T, B, C}, {T, B, 1}, {T, B, 17}}, {T, B, C + 18}, source));
  return list;
}

inline std::vector<OpCase> product_cases(int32_t T, int32_t B, int32_t I, int32_t O) {
  const size_t i = static_cast<size_t>(I), o = static_cast<size_t>(O);
  std::vector<OpCase> list;
  for (bool biased : {true, false}) {
    OpCase c = {
        biased ? "linear" : "linear without bias", GC_OP_LINEAR, {{T, B, I}, {O, I}}, {T, B, O}, nullptr, nullptr};
    if (biased) c.inputs.push_back({O});
    c.as_parameter = {false, true, true};
    c.forward = [=](const std::vector<Doubles>& in) {
      return ref::linear(in[0], in[1], biased ? in[2] : Doubles(), i, o);
    };
    c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
      std::vector<Doubles> d(3);
      ref::linear_backward(in[0], in[1], dy, i, o, d[0], d[1], d[2]);
      d.resize(in.size());
      return d;
    };
    list.push_back(c);
  }
  for (bool padded : {false, true}) {
    OpCase e = {padded ? "padded embedding" : "embedding", GC_OP_EMBEDDING, {{O, I}}, {T, B, I}, nullptr, nullptr};
    e.ids = Random(5).ids(T * B, 0, O);
    e.ids_dims = {T, B};
    const Ids ids = e.ids;
    const size_t padding = static_cast<size_t>(O / 2);
    if (padded) e.attributes = {static_cast<double>(padding) + 1};
    e.forward = [=](const std::vector<Doubles>& in) { return ref::embedding(in[0], ids, i); };
    e.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
      Doubles d = ref::embedding_backward(in[0], ids, dy, i);
      for (size_t k = 0; padded && k < i; ++k) d[padding * i + k] = 0;
      return std::vector<Doubles>{d};
    };
    list.push_back(e);
  }
  return list;
}

inline Doubles scaled(Doubles v, double s) {
  for (double& x : v) x *= s;
  return v;
}

inline std::vector<OpCase> loss_cases(int32_t T, int32_t B, int32_t V) {
  const size_t v = static_cast<size_t>(V);
  const Dims dims = {T, B, V};
  std::vector<OpCase> list;
  // Plain; with class weights, one of them 0; with smoothing; with both, ignoring a class instead of -1. The others have weights of rows, of
  // which the second is 0.
  const double ignored[] = {-1, -1, -100, static_cast<double>(V - 1), -1, -100}, smoothing[] = {0, 0, 0.2, 0.1, 0, 0.1};
  for (size_t variant = 0; variant < 6; ++variant) {
    OpCase c = {"cross_entropy " + std::to_string(variant), GC_OP_CROSS_ENTROPY, {dims}, {2}, nullptr, nullptr};
    ref::CrossEntropy<double> formula = {v, {}, smoothing[variant], static_cast<int32_t>(ignored[variant])};
    c.ids = Random(6).ids(T * B, -1, V);
    for (int32_t& id : c.ids) id = id < 0 ? formula.ignored : id;
    c.ids[0] = 0;  // at least one counts
    c.ids_dims = {T, B};
    c.loss = true;
    if (variant > 0) c.attributes = {ignored[variant] + 1, smoothing[variant]};
    if (variant % 2 == 1) {
      c.constant = Random(7).floats(V);
      for (float& w : c.constant) w = std::fabs(w) + 0.25f;
      if (V > 2) c.constant[1] = 0;
      formula.weights = widen(c.constant);
    }
    if (variant > 3) {
      c.row_weights = Random(8).floats(T * B, 2);
      for (float& w : c.row_weights) w = std::fabs(w);
      if (c.row_weights.size() > 1) c.row_weights[1] = 0;
      formula.row_weights = widen(c.row_weights);
    }
    const Ids ids = c.ids;
    c.forward = [=](const std::vector<Doubles>& in) { return Doubles{formula.mean(in[0], ids), formula.count(ids)}; };
    c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
      return std::vector<Doubles>{scaled(formula.backward(in[0], ids), dy[0])};
    };
    list.push_back(c);
  }

  OpCase m = {"mean_square", GC_OP_MEAN_SQUARE, {dims, dims}, {2}, nullptr, nullptr};
  m.loss = true;
  const double elements = static_cast<double>(count_of(dims));
  m.forward = [=](const std::vector<Doubles>& in) { return Doubles{ref::mean_square(in[0], in[1]), elements}; };
  m.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    const Doubles dx = scaled(ref::mean_square_backward(in[0], in[1]), dy[0]);
    return std::vector<Doubles>{dx, scaled(dx, -1)};
  };
  list.push_back(m);

  OpCase s = {"sigmoid_cross_entropy", GC_OP_SIGMOID_CROSS_ENTROPY, {dims, dims}, {2}, nullptr, nullptr};
  s.loss = true;
  const double rows = static_cast<double>(T) * B;
  s.forward = [=](const std::vector<Doubles>& in) {
    return Doubles{ref::sigmoid_cross_entropy(in[0], in[1], v), rows};
  };
  s.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    std::vector<Doubles> d(2);
    ref::sigmoid_cross_entropy_backward(in[0], in[1], v, d[0], d[1]);
    return std::vector<Doubles>{scaled(d[0], dy[0]), scaled(d[1], dy[0])};
  };
  list.push_back(s);
  return list;
}

}  // namespace lab
