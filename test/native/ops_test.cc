// Every op compared with its reference in double, forward and backward, and the reference with finite differences.
#include "sequence_cases.h"

using namespace lab;

namespace {
std::vector<Floats> random_inputs(const OpCase& c, uint64_t seed) {
  Random random(seed);
  std::vector<Floats> values;
  for (const Dims& dims : c.inputs) values.push_back(random.floats(count_of(dims), 2));
  if (c.adjust) c.adjust(values);
  return values;
}

std::vector<Doubles> widen_all(const std::vector<Floats>& values) {
  std::vector<Doubles> wide;
  for (const Floats& v : values) wide.push_back(widen(v));
  return wide;
}

// The op with parameters as inputs (reshaped if the op takes tensors), and a mean-square loss of its result. `twice`: two such ops read the
// same inputs and their results are added, so that each gradient is written once and added to once.
struct OpRun {
  Graph graph;
  std::vector<int> params;
  int out, target = Graph::none, loss;

  OpRun(const OpCase& c, const std::vector<Floats>& values, const Floats& targets, int32_t threads, bool twice) {
    graph.threads = threads;
    std::vector<int> in;
    for (size_t i = 0; i < c.inputs.size(); ++i) {
      const auto n = static_cast<int32_t>(count_of(c.inputs[i]));
      params.push_back(c.parameter(i) ? graph.param(c.inputs[i], values[i]) : graph.param({n}, values[i]));
      in.push_back(c.parameter(i) ? params[i] : graph.op(GC_OP_RESHAPE, {params[i]}, c.inputs[i]));
    }
    c.add_ids(graph, in);
    out = graph.out(c.opcode, in, c.out, c.attributes);
    int result = out;
    if (twice) result = graph.op(GC_OP_ADD, {out, graph.op(c.opcode, in, c.out, c.attributes)}, c.out);
    if (!c.loss) target = graph.host(c.out, targets);
    loss = c.loss ? result : graph.out(GC_OP_MEAN_SQUARE, {result, target}, {2});
    graph.compile(loss);
    graph.run(GC_GRADIENT);
  }
};

// Returns the gradient of the loss above with respect to the result of the op.
Doubles loss_gradient(const OpCase& c, const Doubles& y, const Floats& targets, double copies) {
  if (c.loss) return {copies, 0};
  return scaled(ref::mean_square_backward(scaled(y, copies), widen(targets)), copies);
}

void check_near(const OpCase& c, bool twice) {
  CAPTURE(c.name);
  CAPTURE(twice);
  const std::vector<Floats> values = random_inputs(c, 21);
  const Floats targets = Random(22).floats(count_of(c.out));
  OpRun run(c, values, targets, 1, twice);
  const std::vector<Doubles> wide = widen_all(values);
  const Doubles y = c.forward(wide);
  CHECK(error(run.graph.value(run.out), y) < 1e-6);
  const std::vector<Doubles> gradients = c.backward(wide, loss_gradient(c, y, targets, twice ? 2 : 1));
  for (size_t i = 0; i < gradients.size(); ++i) {
    CAPTURE(i);
    CHECK(error(run.graph.grad(run.params[i]), gradients[i], 1e-7) < 2e-6);
  }
}
}  // namespace

TEST_CASE("ops: results and gradients near the double reference") {
  for (const auto& [T, B, C] : {std::array<int32_t, 3>{3, 2, 5}, {1, 1, 1}, {4, 3, 16}, {2, 5, 33}, {2, 2, 300}})
    for (const OpCase& c : op_cases(T, B, C))
      for (bool twice : {false, true}) check_near(c, twice);
}

TEST_CASE("ops: the double reference's gradient is what finite differences find") {
  for (const OpCase& c : op_cases(3, 2, 5)) {
    CAPTURE(c.name);
    std::vector<Doubles> in = widen_all(random_inputs(c, 23));
    Doubles dy = widen(Random(24).floats(count_of(c.out)));
    if (c.loss) dy[1] = 0;
    const auto value = [&] {
      const Doubles y = c.forward(in);
      double sum = 0;
      for (size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
      return sum;
    };
    const std::vector<Doubles> gradients = c.backward(in, dy);
    for (size_t i = 0; i < in.size(); ++i) {
      Doubles found;
      for (double& x : in[i]) {
        const double h = 1e-5, at = x;
        x = at + h;
        const double up = value();
        x = at - h;
        found.push_back((up - value()) / (2 * h));
        x = at;
      }
      CAPTURE(i);
      CHECK(error(found, gradients[i], 1e-6) < 1e-6);
    }
  }
}

TEST_SUITE("threads") {
  TEST_CASE("ops: the same bits with 1, 2 and 3 threads") {
    for (const OpCase& c : op_cases(40, 50, 210)) {
      CAPTURE(c.name);
      const std::vector<Floats> values = random_inputs(c, 25);
      const Floats targets = Random(26).floats(count_of(c.out));
      OpRun one(c, values, targets, 1, true);
      for (int32_t threads : {2, 3}) {
        OpRun team(c, values, targets, threads, true);
        CHECK(difference(team.graph.value(team.out), one.graph.value(one.out)) == "");
        CHECK(difference(team.graph.value(team.loss), one.graph.value(one.loss)) == "");
        for (size_t i = 0; i < one.params.size(); ++i)
          CHECK(difference(team.graph.grad(team.params[i]), one.graph.grad(one.params[i])) == "");
      }
    }
  }
}

TEST_CASE("linear: the bits of the float reference") {
  for (const auto& [rows, I, O] :
       {std::array<int32_t, 3>{1, 5, 3}, {7, 64, 65}, {40, 33, 130}, {3, 1100, 17}, {300, 20, 66}}) {
    Random random(27);
    const Floats x = random.floats(int64_t{rows} * I), w = random.floats(int64_t{O} * I), b = random.floats(O),
                 targets = random.floats(int64_t{rows} * O);
    const Floats y = ref::linear(x, w, b, static_cast<size_t>(I), static_cast<size_t>(O));
    Floats dy(y.size()), dx, dw, db;
    const float scale = static_cast<float>(2.0 / static_cast<double>(y.size()));
    for (size_t i = 0; i < y.size(); ++i) dy[i] = scale * (y[i] - targets[i]);
    ref::linear_backward(x, w, dy, static_cast<size_t>(I), static_cast<size_t>(O), dx, dw, db);
    for (int32_t threads : {1, 3}) {
      OpCase c = {"linear", GC_OP_LINEAR, {{rows, I}, {O, I}, {O}}, {rows, O}, nullptr, nullptr};
      c.as_parameter = {false, true, true};
      OpRun run(c, {x, w, b}, targets, threads, false);
      CHECK(difference(run.graph.value(run.out), y) == "");
      CHECK(difference(run.graph.grad(run.params[0]), dx) == "");
      CHECK(difference(run.graph.grad(run.params[1]), dw) == "");
      CHECK(difference(run.graph.grad(run.params[2]), db) == "");
    }
  }
}

TEST_CASE("ops that move elements also move ids") {
  Graph g;
  const int x = g.ids({2, 3}, {1, 2, 3, 4, 5, 6}), y = g.ids({2, 1}, {7, 8});
  const int joined = g.out(GC_OP_CONCAT, {x, y}, {2, 4}, {}, GC_I32),
            part = g.out(GC_OP_SLICE, {x}, {2, 2}, {1, 1}, GC_I32);
  const int reversed = g.out(GC_OP_FLIP, {x}, {2, 3}, {}, GC_I32), flat = g.out(GC_OP_RESHAPE, {x}, {6}, {}, GC_I32);
  const int backwards = g.out(GC_OP_FLIP, {flat}, {6}, {}, GC_I32);
  g.compile();
  g.run();
  CHECK(g.id_value(joined) == Ids{1, 2, 3, 7, 4, 5, 6, 8});
  CHECK(g.id_value(part) == Ids{2, 3, 5, 6});
  CHECK(g.id_value(reversed) == Ids{4, 5, 6, 1, 2, 3});
  CHECK(g.id_value(flat) == Ids{1, 2, 3, 4, 5, 6});
  CHECK(g.id_value(backwards) == Ids{6, 5, 4, 3, 2, 1});
}

TEST_CASE("one tensor in both places of an op gets both gradients") {
  Graph g;
  const Floats values = Random(28).floats(15);
  const int w = g.param({3, 5}, values), square = g.op(GC_OP_MUL, {w, w}, {3, 5}),
            target = g.host({3, 5}, Floats(15, 0.5f));
  const int loss = g.out(GC_OP_MEAN_SQUARE, {square, target}, {2});
  g.compile(loss);
  g.run(GC_GRADIENT);
  Doubles expected;
  for (double x : widen(values)) expected.push_back(2 * (x * x - 0.5) / 15 * 2 * x);
  CHECK(error(g.grad(w), expected) < 1e-6);
}

TEST_CASE("a sum of one tensor through two paths, one of them without gradient, keeps the other's") {
  Graph g;
  const int w = g.param({4}, {1, 2, 3, 4}), unused = g.out(GC_OP_TANH, {w}, {4}),
            y = g.op(GC_OP_AFFINE, {w}, {4}, {3, 0});
  const int loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({4})}, {2});
  g.compile(loss);
  g.run(GC_GRADIENT);
  CHECK(g.grad(w) == Floats{4.5f, 9, 13.5f, 18});
  CHECK(g.value(unused)[0] == doctest::Approx(std::tanh(1.0)));
}

TEST_CASE("cross_entropy and embedding refuse ids outside their table, and the plan runs on after it") {
  Graph g;
  const int table = g.param({3, 2}, {1, 2, 3, 4, 5, 6}), ids = g.ids({2}, {0, 3}),
            x = g.op(GC_OP_EMBEDDING, {table, ids}, {2, 2});
  const int targets = g.ids({2}, {-1, 1}), loss = g.out(GC_OP_CROSS_ENTROPY, {x, targets}, {2});
  g.compile(loss);
  CHECK(gc_plan_run(g.plan(), GC_GRADIENT) == GC_OUT_OF_RANGE);
  CHECK(std::string(gc_last_error()) == "embedding: expected ids from 0 to 2, got 3 at position 1");
  g.id_data(ids)[1] = 2;
  g.id_data(targets)[1] = 2;
  CHECK(gc_plan_run(g.plan(), GC_GRADIENT) == GC_OUT_OF_RANGE);
  g.id_data(targets)[1] = -2;
  CHECK(gc_plan_run(g.plan(), GC_GRADIENT) == GC_OUT_OF_RANGE);
  g.id_data(targets)[1] = 0;
  g.run(GC_GRADIENT);
  CHECK(g.value(loss)[0] == doctest::Approx(std::log(1 + std::exp(1.0))));
  CHECK(g.value(loss)[1] == 1);
  CHECK(g.grad(table)[0] == 0);
}

TEST_CASE("cross_entropy and embedding refuse attributes and class weights out of range") {
  const auto status = [](const Doubles& attributes, const Floats& weights) {
    Graph g;
    std::vector<int> in = {g.param({2, 3}, {1, 2, 3, 4, 5, 6}), g.ids({2}, {0, 2})};
    if (!weights.empty()) in.push_back(g.host({static_cast<int32_t>(weights.size())}, weights));
    const int loss = g.out(GC_OP_CROSS_ENTROPY, in, {2}, attributes);
    const gc_status compiled = g.try_compile(loss);
    return compiled == GC_OK ? gc_plan_run(g.plan(), GC_GRADIENT) : compiled;
  };
  CHECK(status({}, {}) == GC_OK);
  CHECK(status({-99, 1}, {0, 0, 0}) == GC_OK);
  CHECK(status({0.5}, {}) == GC_INVALID_ARGUMENT);
  CHECK(status({NAN}, {}) == GC_INVALID_ARGUMENT);
  CHECK(status({3e9}, {}) == GC_INVALID_ARGUMENT);
  for (double smoothing : {-0.1, 1.1, static_cast<double>(NAN)})
    CHECK(status({0, smoothing}, {}) == GC_INVALID_ARGUMENT);
  CHECK(status({}, {1, 1}) == GC_INVALID_SHAPE);
  for (float bad : {-1.0f, NAN, HUGE_VALF}) CHECK(status({}, {1, bad, 1}) == GC_OUT_OF_RANGE);
  for (double padding : {-1.0, 4.0, 0.5, static_cast<double>(NAN)}) {
    Graph g;
    g.out(GC_OP_EMBEDDING, {g.param({3, 2}, Floats(6, 1)), g.ids({2}, {0, 1})}, {2, 2}, {padding});
    CHECK(g.try_compile() == GC_INVALID_ARGUMENT);
  }
}

TEST_CASE("a padded embedding below an LSTM layer is not folded, and its row keeps a gradient of zero") {
  Graph g;
  Random random(3);
  const int table = g.param({3, 4}, random.floats(12)), ids = g.ids({8, 2}, random.ids(16, 0, 3));
  const int x = g.op(GC_OP_EMBEDDING, {table, ids}, {8, 2, 4}, {2});
  const int y =
      g.op(GC_OP_LSTM, {x, g.param({20, 4}, random.floats(80)), g.param({20, 5}, random.floats(100))}, {8, 2, 5}, {0});
  const int loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({8, 2, 5}, random.floats(80))}, {2});
  g.compile(loss);
  g.run(GC_GRADIENT);
  const Floats grad = g.grad(table);
  for (size_t i = 0; i < 12; ++i) CHECK((grad[i] == 0) == (i / 4 == 1));
}

TEST_CASE("no target counts: loss 0, gradient 0") {
  Graph g;
  const int w = g.param({2, 3}, {1, 2, 3, 4, 5, 6}), loss = g.out(GC_OP_CROSS_ENTROPY, {w, g.ids({2}, {-1, -1})}, {2});
  g.compile(loss);
  g.run(GC_GRADIENT);
  CHECK(g.value(loss) == Floats{0, 0});
  CHECK(g.grad(w) == Floats(6, 0));
}

TEST_CASE("losses stay exact for large logits") {
  Graph g;
  const int x = g.host({1, 4}, {100, -100, 1e4f, -1e4f}), t = g.host({1, 4}, {0, 1, 1, 0}),
            s = g.out(GC_OP_SIGMOID_CROSS_ENTROPY, {x, t}, {2});
  const int c = g.out(GC_OP_CROSS_ENTROPY, {x, g.ids({1}, {0})}, {2}), p = g.out(GC_OP_SOFTMAX, {x}, {1, 4});
  g.compile();
  g.run();
  CHECK(g.value(s) == Floats{200, 1});
  CHECK(g.value(c) == Floats{9900, 1});
  CHECK(g.value(p) == Floats{0, 0, 1, 0});
}
