// The LSTM layer on the device against the processor's: the same bits in exact mode, stated bounds in tf32 and bf16.
#include "twins.h"

using namespace lab;

namespace {
struct Shape {
  int32_t T, B, I, H;
  bool reverse = false, biases = true, states = true;
};

// x, h0 and c0 are reshaped parameters, so that their gradients can be read; the loss reads y, hT and cT.
void build(const Shape& s, Graph& g, Twins& t) {
  Random random(41);
  const double k = 1 / std::sqrt(static_cast<double>(s.H));
  const int32_t sequence = s.T * s.B * s.H, state = s.B * s.H;
  const auto add = [&](const Dims& dims, double size) {
    t.parameters.push_back(g.param(dims, random.floats(count_of(dims), size)));
    return t.parameters.back();
  };
  const auto shaped = [&](int flat, const Dims& dims) { return g.op(GC_OP_RESHAPE, {flat}, dims); };
  const int x = shaped(add({s.T * s.B * s.I}, 2), {s.T, s.B, s.I});
  const int w_ih = add({4 * s.H, s.I}, k), w_hh = add({4 * s.H, s.H}, k);
  const int b_ih = s.biases ? add({4 * s.H}, k) : Graph::none, b_hh = s.biases ? add({4 * s.H}, k) : Graph::none;
  const int h0 = s.states ? shaped(add({state}, 1), {s.B, s.H}) : Graph::none;
  const int c0 = s.states ? shaped(add({state}, 2), {s.B, s.H}) : Graph::none;
  const int y = g.host({s.T, s.B, s.H}), hT = g.host({s.B, s.H}), cT = g.host({s.B, s.H});
  g.record(GC_OP_LSTM, {x, w_ih, w_hh, b_ih, b_hh, h0, c0}, {y, hT, cT}, {s.reverse ? 1.0 : 0.0});
  const int n = sequence + 2 * state;
  const int all = g.op(GC_OP_CONCAT, {shaped(y, {sequence}), shaped(hT, {state}), shaped(cT, {state})}, {n});
  t.loss = g.out(GC_OP_MEAN_SQUARE, {all, g.host({n}, random.floats(n))}, {2});
  t.results = {y, hT, cT};
}

const std::vector<Shape> shapes = {
    {1, 1, 1, 1},  {3, 2, 5, 7}, {4, 3, 17, 16, true}, {2, 35, 9, 20, false, false}, {5, 1, 33, 40, true, true, false},
    {3, 70, 4, 33}};
}  // namespace

TEST_CASE("cuda lstm: the processor's bits, forward and back") {
  for (const Shape& s : shapes) {
    CAPTURE(s.T);
    CAPTURE(s.H);
    Twins twins([&](Graph& g, Twins& t) { build(s, g, t); });
    twins.compile();
    twins.run(GC_GRADIENT);
    CHECK(twins.first_difference() == "");
    twins.run(GC_FORWARD);
    CHECK(twins.first_difference() == "");
  }
}

TEST_CASE("cuda lstm: inference keeps no cells and gives the same") {
  for (const Shape& s : shapes) {
    CAPTURE(s.T);
    Twins twins([&](Graph& g, Twins& t) { build(s, g, t); });
    twins.loss = Graph::none;
    twins.parameters.clear();
    twins.compile();
    twins.run(GC_FORWARD);
    CHECK(twins.first_difference() == "");
  }
}

TEST_CASE("cuda lstm: tf32 and bf16 within their bounds, and two runs give the same bits") {
  for (const auto& [precision, bound] : {std::pair<int32_t, double>{GC_TF32, 4e-3}, {GC_BF16, 3e-2}}) {
    for (const Shape& s : shapes) {
      CAPTURE(precision);
      CAPTURE(s.T);
      CAPTURE(s.H);
      Twins twins([&](Graph& g, Twins& t) { build(s, g, t); }, precision);
      twins.compile();
      twins.run(GC_GRADIENT);
      CHECK(twins.worst() < bound);
      CHECK(twins.change_of_gradients() == "");
    }
  }
}

TEST_CASE("cuda lstm: the cluster kernel within the same bounds, trained and inferred, the same bits twice") {
  setenv("GATECELL_CUDA_LSTM", "cluster", 1);
  std::vector<Shape> wide = shapes;
  wide.push_back({3, 20, 9, 70});
  wide.push_back({4, 35, 5, 130, true});
  for (const auto& [precision, bound] : {std::pair<int32_t, double>{GC_TF32, 4e-3}, {GC_BF16, 3e-2}}) {
    for (const Shape& s : wide) {
      CAPTURE(precision);
      CAPTURE(s.T);
      CAPTURE(s.H);
      for (bool trained : {true, false}) {
        Twins twins([&](Graph& g, Twins& t) { build(s, g, t); }, precision);
        if (!trained) twins.loss = Graph::none, twins.parameters.clear();
        twins.compile();
        twins.run(trained ? GC_GRADIENT : GC_FORWARD);
        CHECK(twins.worst() < bound);
        const Floats first = twins.device.value(twins.results[0]);
        twins.run(GC_FORWARD);
        CHECK(difference(twins.device.value(twins.results[0]), first) == "");
      }
    }
  }
  unsetenv("GATECELL_CUDA_LSTM");
}
