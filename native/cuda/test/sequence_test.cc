// CTC and mixture densities on the device compared with the processor, beyond the cases of ops_test.cc: empty rows, invalid data, values
// that are not finite.
#include "sequence_twins.h"

using namespace lab;

namespace {
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
  refuse("at least 5 steps for the 3 labels of row 3, got 4", [](CtcRows& r) { r.input_lengths[3] = 4; });
  refuse("at least 1 steps for the 1 labels of row 2, got 0", [](CtcRows& r) { r.target_lengths[2] = 1; });
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
