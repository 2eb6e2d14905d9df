// Ops over sequences on the device against the processor's, beyond the cases of ops_test.cc: second results and their gradients,
// states, bad data, rows that have nothing, data that no float holds.
#include "sequence_cases.h"
#include "twins.h"

using namespace lab;

namespace {
// A parameter behind a reshape, so that the gradient of any tensor can be seen.
struct Maker {
  Graph& g;
  Twins& t;
  Random random{47};
  std::vector<int> all_lengths = {};
  int lengths(const Ids& values) {
    all_lengths.push_back(g.ids({static_cast<int32_t>(values.size())}, values));
    return all_lengths.back();
  }
  int tensor(const Dims& dims, double size = 1, float shift = 0) {
    Floats values = random.floats(count_of(dims), size);
    for (float& x : values) x += shift;
    return g.op(GC_OP_RESHAPE, {flat({static_cast<int32_t>(values.size())}, values)}, dims);
  }
  int parameter(const Dims& dims, double size = 1) { return flat(dims, random.floats(count_of(dims), size)); }
  int flat(const Dims& dims, const Floats& values) {
    t.parameters.push_back(g.param(dims, values));
    return t.parameters.back();
  }
  int result(const Dims& dims) {
    t.results.push_back(g.host(dims));
    return t.results.back();
  }
  // The loss: mean squares of all results against random targets.
  void finish() {
    std::vector<int> losses;
    for (int id : t.results) {
      const auto n = static_cast<int32_t>(g.count(id));
      losses.push_back(g.op(GC_OP_MEAN_SQUARE, {g.op(GC_OP_RESHAPE, {id}, {n}), g.host({n}, random.floats(n))}, {2}));
    }
    int sum = losses[0];
    for (size_t i = 1; i < losses.size(); ++i) sum = g.op(GC_OP_ADD, {sum, losses[i]}, {2});
    t.loss = g.out(GC_OP_AFFINE, {sum}, {2}, {1, 0});
  }
};

// Both sides agree within `bound`, trained and inferred, a second run of the device gives the same bits, and a run after it with
// lengths half as long finds nothing of the one before.
void check_twins(const std::function<void(Maker&)>& build, double bound = 1e-6, int32_t precision = GC_FLOAT) {
  std::vector<int> lengths;
  Twins twins(
      [&](Graph& g, Twins& t) {
        Maker make{g, t};
        build(make);
        make.finish();
        lengths = make.all_lengths;
      },
      precision);
  twins.compile();
  twins.run(GC_GRADIENT);
  CHECK(twins.worst() < bound);
  CHECK(twins.change_of_gradients() == "");
  for (Graph* g : {&twins.cpu, &twins.device})
    for (int id : lengths)
      for (int64_t i = 0; i < g->count(id); ++i) g->id_data(id)[i] /= 2;
  twins.run(GC_GRADIENT);
  CHECK(twins.worst() < bound);
  twins.run(GC_FORWARD);
  CHECK(twins.worst() < bound);
  twins.loss = Graph::none;
  twins.parameters.clear();
  twins.compile();
  twins.run(GC_FORWARD);
  CHECK(twins.worst() < bound);
}

// Both sides refuse a run with the same status and sentence.
void check_refusal(const std::function<void(Graph&)>& build, const char* what) {
  Twins twins([&](Graph& g, Twins&) { build(g); });
  twins.compile();
  const gc_status status = gc_plan_run(twins.cpu.plan(), GC_FORWARD);
  const std::string sentence = gc_last_error();
  REQUIRE(status != GC_OK);
  CHECK(sentence.find(what) != std::string::npos);
  CHECK(gc_plan_run(twins.device.plan(), GC_FORWARD) == status);
  CHECK(std::string(gc_last_error()) == sentence);
}

struct CtcRows {
  int32_t T, K, L;
  Ids targets, input_lengths, target_lengths;
  int32_t B() const { return static_cast<int32_t>(input_lengths.size()); }
  void build(Graph& g, int x, const std::vector<int>& out, double blank) const {
    record(g, x, g.ids({B()}, input_lengths), g.ids({B()}, target_lengths), out, blank);
  }
  void build(Maker& make, int x, const std::vector<int>& out, double blank) const {
    record(make.g, x, make.lengths(input_lengths), make.lengths(target_lengths), out, blank);
  }
  void record(Graph& g, int x, int inputs, int labels, const std::vector<int>& out, double blank) const {
    g.record(GC_OP_CTC, {x, g.ids({B(), L}, targets), inputs, labels}, out, {blank});
  }
};
// Full, empty, without steps, repeated labels with just enough steps, one step.
const CtcRows ctc_rows = {6, 4, 3, {1, 2, 3, 9, 9, 9, 1, 1, 1, 2, 2, 2, 3, 9, 9}, {6, 4, 0, 5, 1}, {3, 0, 0, 3, 1}};
}  // namespace

TEST_CASE("cuda ctc: losses of the rows and their gradients; empty targets, no steps, repeated labels") {
  check_twins([](Maker& make) {
    const int x = make.tensor({ctc_rows.T, ctc_rows.B(), ctc_rows.K}, 3);
    const int loss = make.result({2});
    ctc_rows.build(make, x, {loss, make.result({ctc_rows.B()})}, 0);
  });
}

TEST_CASE("cuda ctc: a lattice that shared memory does not hold, and losses beyond any double") {
  const int32_t T = 1650, L = 800;
  CtcRows rows = {T, 3, L, Random(48).ids(2 * L, 0, 2), {T, 900}, {L, 300}};
  check_twins([&](Maker& make) {
    const int x = make.tensor({T, 2, 3}, 20);
    rows.build(make, x, {make.result({2})}, 2);
  });
}

TEST_CASE("cuda ctc: bad lengths and labels, targets longer than the steps can emit") {
  const auto refuse = [](const char* what, const std::function<void(CtcRows&)>& spoil) {
    CtcRows rows = ctc_rows;
    spoil(rows);
    check_refusal([&](Graph& g) { rows.build(g, g.host({rows.T, rows.B(), rows.K}), {g.host({2})}, 0); }, what);
  };
  refuse("input lengths from 0 to 6, got 7 in row 1", [](CtcRows& r) { r.input_lengths[1] = 7; });
  refuse("target lengths from 0 to 3, got -1 in row 0", [](CtcRows& r) { r.target_lengths[0] = -1; });
  refuse("got 4 in row 0", [](CtcRows& r) { r.targets[1] = 4; });
  refuse("got 0 in row 3", [](CtcRows& r) { r.targets[10] = 0; });
  refuse("row 3 has 4 steps but its 3 labels need 5", [](CtcRows& r) { r.input_lengths[3] = 4; });
  refuse("row 2 has 0 steps but its 1 labels need 1", [](CtcRows& r) { r.target_lengths[2] = 1; });
}

TEST_CASE("cuda ctc: a logit that is not finite makes the loss NaN, others are not looked at") {
  for (bool live : {true, false}) {
    Twins twins([&](Graph& g, Twins& t) {
      Floats logits = Random(49).floats(ctc_rows.T * 5 * 4);
      logits[static_cast<size_t>(((live ? 3 : 4) * 5 + 1) * 4 + 2)] = INFINITY;  // row 1 has four steps
      t.parameters = {g.param({ctc_rows.T * 5 * 4}, logits)};
      t.loss = g.host({2});
      ctc_rows.build(g, g.op(GC_OP_RESHAPE, {t.parameters[0]}, {ctc_rows.T, 5, 4}), {t.loss}, 0);
    });
    twins.compile();
    twins.run(GC_GRADIENT);
    CHECK(std::isnan(twins.device.value(twins.loss)[0]) == live);
    const Floats here = twins.cpu.grad(twins.parameters[0]), there = twins.device.grad(twins.parameters[0]);
    for (size_t i = 0; i < here.size(); ++i) {
      CHECK(std::isnan(there[i]) == std::isnan(here[i]));
      if (!std::isnan(here[i])) CHECK(there[i] == doctest::Approx(here[i]).epsilon(1e-5));
    }
  }
}

TEST_CASE("cuda mixture_density: clipped, weighted, far away, and rows of no weight that hold nothing") {
  const int32_t rows = 9, M = 37;
  for (double clip : {0.0, 0.05}) {
    for (bool weighted : {false, true}) {
      Twins twins([&](Graph& g, Twins& t) {
        Random random(50);
        Floats y = random.floats(rows * (6 * M + 1), 2), x = random.floats(rows * 3, 3), w = random.floats(rows);
        for (float& v : w) v = std::fabs(v);
        y[300] = 60, y[301] = -80, x[3] = 1e20f;
        w[4] = 0;
        if (weighted) x[12] = NAN, y[4 * (6 * M + 1) + 5] = NAN;
        t.parameters = {g.param({rows, 6 * M + 1}, y), g.param({rows, 3}, x)};
        std::vector<int> in = t.parameters;
        if (weighted) in.push_back(g.host({rows}, w));
        t.loss = g.out(GC_OP_MIXTURE_DENSITY, in, {2}, {clip});
        t.results = {t.loss};
      });
      twins.compile();
      twins.run(GC_GRADIENT);
      CHECK(twins.worst() < 1e-6);
    }
  }
  for (float weight : {-1.0f, NAN})
    check_refusal(
        [&](Graph& g) {
          g.out(GC_OP_MIXTURE_DENSITY, {g.host({2, 7}), g.host({2, 3}), g.host({2}, {1, weight})}, {2}, {0});
        },
        "weights of 0 or more");
}

TEST_CASE("cuda mixture_density: no weight at all gives no loss and no gradient") {
  Twins twins([](Graph& g, Twins& t) {
    Random random(51);
    t.parameters = {g.param({3, 13}, random.floats(39)), g.param({3, 3}, random.floats(9)), g.param({3}, Floats(3, 0))};
    t.loss = g.out(GC_OP_MIXTURE_DENSITY, t.parameters, {2}, {0});
    t.results = {t.loss};
  });
  twins.compile();
  twins.run(GC_GRADIENT);
  CHECK(twins.first_difference() == "");
  CHECK(twins.device.value(twins.loss) == Floats{0, 0});
}

TEST_CASE("cuda mixture_sample: the processor's points for every bias") {
  const int32_t rows = 40, M = 6;
  for (float bias : {0.0f, 0.7f, 5.0f}) {
    Twins twins([&](Graph& g, Twins& t) {
      const Floats y = Random(52).floats(rows * (6 * M + 1), 1.5);
      t.results = {
          g.out(GC_OP_MIXTURE_SAMPLE, {g.host({rows, 6 * M + 1}, y), g.host({4}, {bias, 0, 0, 0})}, {rows, 3}, {6})};
    });
    twins.compile();
    for (int step = 0; step < 5; ++step) {
      for (Graph* g : {&twins.cpu, &twins.device}) g->control[GC_C_SEED] = 5, g->control[GC_C_STEP] = step;
      twins.run(GC_FORWARD);
      CHECK(twins.worst() < 1e-6);
    }
  }
  const auto refuse = [](float bias, float value, const char* what) {
    check_refusal(
        [=](Graph& g) {
          Floats y(14, 0);
          y[8] = value;
          g.out(GC_OP_MIXTURE_SAMPLE, {g.host({2, 7}, y), g.host({4}, {bias, 0, 0, 0})}, {2, 3}, {0});
        },
        what);
  };
  refuse(-1, 0, "a bias from 0 to 1e6, got -1");
  refuse(NAN, 0, "a bias from 0 to 1e6");
  refuse(0, NAN, "row 1 gives no point");
}

TEST_CASE("cuda window: kappa and phi as results, a first kappa, over ids and over vectors") {
  const int32_t T = 4, B = 3, K = 5, U = 40, C = 35;
  for (bool ids : {true, false}) {
    CAPTURE(ids);
    check_twins([&](Maker& make) {
      const int raw = make.tensor({T, B, 3 * K}, 0.6, -0.5f), kappa0 = make.tensor({B, K}, 0.5, 0.5f);
      const int chars = ids ? make.g.ids({B, U}, Random(53).ids(B * U, 0, C)) : make.tensor({B, U, C});
      const int w = make.result({T, B, C}), kappaT = make.result({B, K}), phi = make.result({T, B, U});
      make.g.record(GC_OP_WINDOW, {raw, chars, make.lengths({U, 0, 17}), kappa0}, {w, kappaT, phi}, {});
    });
  }
}

TEST_CASE("cuda window: lengths and characters out of range") {
  const auto refuse = [](const Ids& ids, const Ids& lengths, const char* what) {
    check_refusal(
        [&](Graph& g) {
          g.out(GC_OP_WINDOW, {g.host({2, 2, 6}), g.ids({2, 3}, ids), g.ids({2}, lengths)}, {2, 2, 4}, {});
        },
        what);
  };
  refuse({0, 1, 3, 2, 9, -1}, {3, 2}, "window: expected characters from 0 to 3, got 9 in row 1");
  refuse({0, 1, 3, 2, 9, -1}, {4, 1}, "window: expected lengths from 0 to 3, got 4 in row 0");
}

namespace {
struct WindowLayer {
  int32_t T, B, I, H, C, K, U;
  bool ids, states, biases;
  void build(Maker& make) const {
    const double k = 1 / std::sqrt(static_cast<double>(H));
    const int x = make.tensor({T, B, I}), w_ih = make.parameter({4 * H, I + C}, k),
              w_hh = make.parameter({4 * H, H}, k), w_window = make.parameter({3 * K, H}, k),
              b_window = make.parameter({3 * K}, 0.5);
    const int chars = ids ? make.g.ids({B, U}, Random(54).ids(B * U, 0, C)) : make.tensor({B, U, C});
    std::vector<int> in = {x, w_ih, w_hh, w_window, b_window, chars, make.lengths(some_lengths(B, U))};
    for (int i = 0; i < 2; ++i) in.push_back(biases ? make.parameter({4 * H}, k) : Graph::none);
    for (int32_t width : {H, H, K, C}) in.push_back(states ? make.tensor({B, width}) : Graph::none);
    std::vector<int> out = {make.result({T, B, H}), make.result({T, B, C})};
    for (int32_t width : {H, H, K, C}) out.push_back(states ? make.result({B, width}) : Graph::none);
    out.push_back(states ? make.result({T, B, U}) : Graph::none);
    make.g.record(GC_OP_WINDOW_LSTM, in, out, {});
  }
};
const std::vector<WindowLayer> window_layers = {{4, 3, 2, 5, 6, 2, 5, true, true, true},
                                                {3, 1, 3, 33, 20, 3, 4, false, true, true},
                                                {3, 20, 5, 16, 7, 11, 9, true, false, false},
                                                {1, 2, 1, 1, 1, 1, 1, false, true, false},
                                                {2, 35, 40, 20, 70, 4, 12, true, true, true}};
}  // namespace

TEST_CASE("cuda window_lstm: the processor's results and gradients") {
  for (const WindowLayer& layer : window_layers) {
    CAPTURE(layer.H);
    check_twins([&](Maker& make) { layer.build(make); }, 2e-6);
  }
}

TEST_CASE("cuda: sequences in tf32 and bf16 within their bound, and two runs give the same bits") {
  for (int32_t precision : {GC_TF32, GC_BF16}) {
    for (const WindowLayer& layer : window_layers)
      check_twins([&](Maker& make) { layer.build(make); }, 4e-3, precision);
    for (bool additive : {false, true}) {
      check_twins(
          [&](Maker& make) {
            std::vector<int> in = {make.tensor({5, 3, 20}), make.tensor({7, 3, 20})};
            if (additive) in.push_back(make.parameter({20}));
            in.push_back(make.tensor({7, 3, 18}));
            in.push_back(make.lengths({7, 0, 4}));
            make.g.record(additive ? GC_OP_ADDITIVE_ATTENTION : GC_OP_DOT_ATTENTION, in, {make.result({5, 3, 18})},
                          additive ? Doubles{} : Doubles{0.3});
          },
          4e-3, precision);
    }
  }
}

TEST_CASE("cuda attention: weights as a result, rows without a source, more steps than a tile") {
  for (bool additive : {false, true}) {
    CAPTURE(additive);
    check_twins([&](Maker& make) {
      const int32_t T = 37, S = 70, B = 3, A = 21, V = 66;
      std::vector<int> in = {make.tensor({T, B, A}), make.tensor({S, B, A})};
      if (additive) in.push_back(make.parameter({A}));
      in.push_back(make.tensor({S, B, V}));
      in.push_back(make.lengths({S, 0, 33}));
      make.g.record(additive ? GC_OP_ADDITIVE_ATTENTION : GC_OP_DOT_ATTENTION, in,
                    {make.result({T, B, V}), make.result({T, B, S})}, additive ? Doubles{} : Doubles{0.25});
    });
    check_refusal(
        [&](Graph& g) {
          std::vector<int> in = {g.host({2, 2, 3}), g.host({4, 2, 3})};
          if (additive) in.push_back(g.host({3}));
          in.push_back(g.host({4, 2, 5}));
          in.push_back(g.ids({2}, {4, 5}));
          g.out(additive ? GC_OP_ADDITIVE_ATTENTION : GC_OP_DOT_ATTENTION, in, {2, 2, 5},
                additive ? Doubles{} : Doubles{1});
        },
        "expected lengths from 0 to 4, got 5 in row 1");
  }
}
