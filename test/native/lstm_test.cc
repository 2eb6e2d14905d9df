// The whole LSTM op, forward and back: the bits of the float reference for any thread count, and near the double reference.
#include "lab.h"
#include "ops/lstm_reference.h"

using namespace lab;
using Reference = gatecell::reference::Lstm<float>;
using Exact = gatecell::reference::Lstm<double>;

namespace {
struct Shape {
  int32_t T, B, I, H;
  bool reverse = false, biases = true, states = true;
};

std::string text(const Shape& s) {
  return "T " + std::to_string(s.T) + " B " + std::to_string(s.B) + " I " + std::to_string(s.I) + " H " +
         std::to_string(s.H) + (s.reverse ? " reverse" : "") + (s.biases ? " biases" : "") +
         (s.states ? " states" : "");
}

// A reference with random contents; gradients of y, hT and cT as the graph below makes them.
Reference make(const Shape& s, uint64_t seed) {
  Random random(seed);
  const double k = 1 / std::sqrt(static_cast<double>(s.H));
  Reference r;
  r.T = s.T, r.B = s.B, r.I = s.I, r.H = s.H, r.reverse = s.reverse;
  r.x = random.floats(int64_t{s.T} * s.B * s.I, 2);
  r.w_ih = random.floats(int64_t{4} * s.H * s.I, k);
  r.w_hh = random.floats(int64_t{4} * s.H * s.H, k);
  if (s.biases) r.b_ih = random.floats(4 * s.H, k), r.b_hh = random.floats(4 * s.H, k);
  if (s.states) r.h0 = random.floats(int64_t{s.B} * s.H), r.c0 = random.floats(int64_t{s.B} * s.H, 2);
  return r;
}

// x, h0 and c0 come from rank-1 parameters by reshape, so that their gradients land where a test can see them. The loss is the mean
// square of [y; hT; cT] flattened to one row, against a target: with n elements the gradient of each is 2 (value - target) / n.
struct Run {
  Graph graph;
  int x, w_ih, w_hh, b_ih = Graph::none, b_hh = Graph::none, h0 = Graph::none, c0 = Graph::none, y, hT, cT, all, target,
                     loss;
  int32_t sequence, state;

  Run(const Shape& s, const Reference& r, const Floats& targets, int32_t threads, int32_t precision = GC_FLOAT)
      : sequence(s.T * s.B * s.H), state(s.B * s.H) {
    graph.threads = threads;
    graph.precision = precision;
    const auto shaped = [&](int flat, const Dims& dims) { return graph.op(GC_OP_RESHAPE, {flat}, dims); };
    x = graph.param({s.T * s.B * s.I}, r.x);
    w_ih = graph.param({4 * s.H, s.I}, r.w_ih);
    w_hh = graph.param({4 * s.H, s.H}, r.w_hh);
    if (s.biases) b_ih = graph.param({4 * s.H}, r.b_ih), b_hh = graph.param({4 * s.H}, r.b_hh);
    if (s.states) h0 = graph.param({state}, r.h0), c0 = graph.param({state}, r.c0);
    const int x3 = shaped(x, {s.T, s.B, s.I});
    const int h2 = s.states ? shaped(h0, {s.B, s.H}) : Graph::none,
              c2 = s.states ? shaped(c0, {s.B, s.H}) : Graph::none;
    y = graph.host({s.T, s.B, s.H}), hT = graph.host({s.B, s.H}), cT = graph.host({s.B, s.H});
    graph.record(GC_OP_LSTM, {x3, w_ih, w_hh, b_ih, b_hh, h2, c2}, {y, hT, cT}, {s.reverse ? 1.0 : 0.0});
    const int n = sequence + 2 * state;
    all = graph.op(GC_OP_CONCAT, {shaped(y, {sequence}), shaped(hT, {state}), shaped(cT, {state})}, {n});
    target = graph.host({n}, targets);
    loss = graph.out(GC_OP_MEAN_SQUARE, {all, target}, {2});
    graph.compile(loss);
    graph.run(GC_GRADIENT);
  }
};

Floats targets_for(const Shape& s, uint64_t seed) {
  return Random(seed).floats(int64_t{s.T} * s.B * s.H + 2 * int64_t{s.B} * s.H);
}

// The engine's own rounding of the loss gradient: s * (a - b) with s = 2 / n in float.
template <class Real>
void set_gradients(gatecell::reference::Lstm<Real>& r, const Floats& targets) {
  const size_t sequence = r.y.size(), state = r.hT.size();
  const Real scale = static_cast<Real>(2.0 / static_cast<double>(targets.size()));
  const auto d = [&](Real value, size_t i) { return scale * (value - static_cast<Real>(targets[i])); };
  r.dy.resize(sequence), r.dhT.resize(state), r.dcT.resize(state);
  for (size_t i = 0; i < sequence; ++i) r.dy[i] = d(r.y[i], i);
  for (size_t i = 0; i < state; ++i) r.dhT[i] = d(r.hT[i], sequence + i), r.dcT[i] = d(r.cT[i], sequence + state + i);
}

Exact widened(const Reference& r) {
  Exact e;
  e.T = r.T, e.B = r.B, e.I = r.I, e.H = r.H, e.reverse = r.reverse;
  e.x = widen(r.x), e.w_ih = widen(r.w_ih), e.w_hh = widen(r.w_hh), e.b_ih = widen(r.b_ih), e.b_hh = widen(r.b_hh),
  e.h0 = widen(r.h0), e.c0 = widen(r.c0);
  return e;
}

// Calls see(name, engine's values, member of the reference) for every result and gradient.
template <class Real, class F>
void each_result(Run& run, const gatecell::reference::Lstm<Real>& r, const Shape& s, F see) {
  see("y", run.graph.value(run.y), r.y);
  see("hT", run.graph.value(run.hT), r.hT);
  see("cT", run.graph.value(run.cT), r.cT);
  see("dx", run.graph.grad(run.x), r.dx);
  see("dw_ih", run.graph.grad(run.w_ih), r.dw_ih);
  see("dw_hh", run.graph.grad(run.w_hh), r.dw_hh);
  if (s.biases) see("db_ih", run.graph.grad(run.b_ih), r.db), see("db_hh", run.graph.grad(run.b_hh), r.db);
  if (s.states) see("dh0", run.graph.grad(run.h0), r.dh0), see("dc0", run.graph.grad(run.c0), r.dc0);
}

void check_bits(const Shape& s, std::initializer_list<int32_t> teams) {
  Reference reference = make(s, 11);
  const Floats targets = targets_for(s, 12);
  reference.forward();
  set_gradients(reference, targets);
  reference.backward();
  for (int32_t threads : teams) {
    Run run(s, reference, targets, threads);
    each_result(run, reference, s, [&](const char* name, const Floats& got, const Floats& expected) {
      const std::string wrong = difference(got, expected);
      if (!wrong.empty()) FAIL_CHECK(text(s) << ", " << threads << " threads, " << name << ": " << wrong);
    });
  }
  CHECK(!reference.y.empty());
}
}  // namespace

TEST_SUITE("threads") {
  // 20 rows over 2 threads: the batch is split; 1 row over many, or 7 over 4 with many panels: the hidden units are.
  TEST_CASE("lstm: the bits of the float reference with 1 to 4 threads") {
    for (int32_t H : {5, 16, 33, 64}) {
      for (int32_t B : {1, 2, 3, 7, 20}) check_bits({H == 64 ? 2 : 3, B, 9, H}, {1, 2, 3, 4});
    }
    check_bits({1, 20, 64, 64}, {2, 4});
    check_bits({7, 7, 40, 130}, {4});
    check_bits({9, 40, 64, 64, true}, {2, 3, 4});
    check_bits({9, 3, 64, 100, true}, {2, 3});
    check_bits({9, 5, 64, 40, true}, {2, 3});
  }
}

TEST_CASE("lstm: the bits of the float reference for lengths, directions, with and without biases and states") {
  for (int32_t T = 1; T <= 7; ++T)
    for (int mode = 0; mode < 8; ++mode)
      check_bits({T, 1 + T % 3, 1 + T * 5, mode % 2 ? 17 : 6, (mode & 1) != 0, (mode & 2) != 0, (mode & 4) != 0},
                 {1, 2});
}

TEST_CASE("lstm: chains longer than a cache block keep their order") {
  check_bits({60, 20, 3, 18}, {1, 3});        // 1200 rows behind each weight gradient
  check_bits({2, 3, 1100, 5}, {1, 2});        // 1100 inputs
  check_bits({2, 200, 5, 20, true}, {1, 2});  // more rows than one block of A
}

TEST_CASE("lstm: float stays near double, forward and back") {
  for (const Shape& s : {Shape{7, 3, 9, 33}, Shape{12, 5, 20, 64, true}, Shape{30, 2, 8, 16, false, false, false}}) {
    const Reference values = make(s, 13);
    const Floats targets = targets_for(s, 14);
    Exact exact = widened(values);
    exact.forward();
    set_gradients(exact, targets);
    exact.backward();
    Run run(s, values, targets, 2);
    each_result(run, exact, s, [&](const char* name, const Floats& got, const Doubles& expected) {
      CAPTURE(text(s));
      CAPTURE(name);
      CHECK(error(got, expected, 1e-6) < 3e-6);
    });
  }
}

TEST_CASE("lstm: bf16 products stay within their rounding of double, with the same bits for any thread count") {
  for (const Shape& s : {Shape{6, 3, 9, 33}, Shape{5, 20, 24, 64, true}}) {
    const Reference values = make(s, 15);
    const Floats targets = targets_for(s, 16);
    Exact exact = widened(values);
    exact.forward();
    set_gradients(exact, targets);
    exact.backward();
    Run one(s, values, targets, 1, GC_BF16), three(s, values, targets, 3, GC_BF16);
    each_result(one, exact, s, [&](const char* name, const Floats& got, const Doubles& expected) {
      CAPTURE(name);
      CHECK(error(got, expected, 1e-6) < 3e-2);
    });
    Reference shape_only = values;  // the second run's results against the first's
    shape_only.y = one.graph.value(one.y), shape_only.hT = one.graph.value(one.hT),
    shape_only.cT = one.graph.value(one.cT);
    shape_only.dx = one.graph.grad(one.x), shape_only.dw_ih = one.graph.grad(one.w_ih),
    shape_only.dw_hh = one.graph.grad(one.w_hh);
    shape_only.db = one.graph.grad(one.b_ih), shape_only.dh0 = one.graph.grad(one.h0),
    shape_only.dc0 = one.graph.grad(one.c0);
    each_result(three, shape_only, s, [&](const char* name, const Floats& got, const Floats& expected) {
      CAPTURE(name);
      CHECK(difference(got, expected) == "");
    });
  }
}

TEST_CASE("lstm: the double reference's gradient is what finite differences find") {
  for (bool reverse : {false, true}) {
    const Shape s = {3, 2, 4, 5, reverse};
    const Reference values = make(s, 17);
    const Floats targets = targets_for(s, 18);
    const auto loss_of = [&](Exact e) {
      e.forward();
      double sum = 0;
      size_t i = 0;
      for (const auto* part : {&e.y, &e.hT, &e.cT})
        for (double v : *part)
          sum += (v - static_cast<double>(targets[i])) * (v - static_cast<double>(targets[i])), ++i;
      return sum / static_cast<double>(targets.size());
    };
    Exact exact = widened(values);
    exact.forward();
    // In double, without the float rounding of 2 / n that the engine's loss has.
    const double scale = 2.0 / static_cast<double>(targets.size());
    set_gradients(exact, targets);
    CHECK(std::fabs(exact.dy[0] - scale * (exact.y[0] - static_cast<double>(targets[0]))) < 1e-15);
    exact.backward();
    using Member = std::vector<double> Exact::*;
    const std::pair<Member, Member> pairs[] = {{&Exact::x, &Exact::dx},       {&Exact::w_ih, &Exact::dw_ih},
                                               {&Exact::w_hh, &Exact::dw_hh}, {&Exact::b_ih, &Exact::db},
                                               {&Exact::b_hh, &Exact::db},    {&Exact::h0, &Exact::dh0},
                                               {&Exact::c0, &Exact::dc0}};
    for (const auto& [value, gradient] : pairs) {
      Doubles found;
      for (size_t i = 0; i < (exact.*value).size(); ++i) {
        const double h = 1e-5;
        Exact up = exact, down = exact;
        (up.*value)[i] += h, (down.*value)[i] -= h;
        found.push_back((loss_of(up) - loss_of(down)) / (2 * h));
      }
      CHECK(error(found, exact.*gradient, 1e-6) < 1e-6);
    }
  }
}
