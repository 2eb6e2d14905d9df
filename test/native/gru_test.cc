// The GRU op: the bits of the float reference for any thread count, near double, and the double reference's gradient by differences.
#include "lstm_lab.h"
#include "ops/gru_reference.h"

using namespace lab;
using GruFloat = gatecell::reference::Gru<float>;
using GruExact = gatecell::reference::Gru<double>;

namespace {
struct GruShape {
  int32_t T, B, I, H;
  bool reverse, has_lengths, drops;
};

GruFloat gru_values(const GruShape& s, uint64_t seed) {
  Random random(seed);
  const double k = 1 / std::sqrt(static_cast<double>(s.H));
  GruFloat r;
  r.T = s.T, r.B = s.B, r.I = s.I, r.H = s.H, r.reverse = s.reverse;
  r.x = random.floats(int64_t{s.T} * s.B * s.I, 2);
  r.w_ih = random.floats(int64_t{3} * s.H * s.I, k), r.w_hh = random.floats(int64_t{3} * s.H * s.H, k);
  r.b_ih = random.floats(3 * s.H, k), r.b_hh = random.floats(3 * s.H, k);
  r.h0 = random.floats(int64_t{s.B} * s.H);
  if (s.has_lengths) r.lengths = random.ids(s.B, 0, s.T + 1);
  if (s.drops) r.mask = mask_of(gatecell::Draw::kMask, s.B, s.H, kDrop, 0, static_cast<float>(1 / (1 - kDrop)));
  r.dy = random.floats(int64_t{s.T} * s.B * s.H), r.dhT = random.floats(int64_t{s.B} * s.H);
  return r;
}

GruExact widened(const GruFloat& r) {
  GruExact e;
  e.T = r.T, e.B = r.B, e.I = r.I, e.H = r.H, e.reverse = r.reverse, e.lengths = r.lengths;
  e.x = widen(r.x), e.w_ih = widen(r.w_ih), e.w_hh = widen(r.w_hh), e.b_ih = widen(r.b_ih), e.b_hh = widen(r.b_hh);
  e.h0 = widen(r.h0), e.mask = widen(r.mask), e.dy = widen(r.dy), e.dhT = widen(r.dhT);
  return e;
}

// The loss is the mean square of [y; hT] against targets, so that the reference's dy and dhT follow from the results.
struct GruRun {
  Graph graph;
  int x, w_ih, w_hh, b_ih, b_hh, h0, y, hT;
  GruRun(const GruShape& s, const GruFloat& r, const Floats& targets, int32_t threads, int32_t precision = GC_FLOAT) {
    graph.threads = threads, graph.precision = precision;
    graph.control[GC_C_SEED] = kSeed, graph.control[GC_C_STEP] = kStep;
    const auto shaped = [&](int flat, const Dims& dims) { return graph.op(GC_OP_RESHAPE, {flat}, dims); };
    x = graph.param({s.T * s.B * s.I}, r.x), h0 = graph.param({s.B * s.H}, r.h0);
    w_ih = graph.param({3 * s.H, s.I}, r.w_ih), w_hh = graph.param({3 * s.H, s.H}, r.w_hh);
    b_ih = graph.param({3 * s.H}, r.b_ih), b_hh = graph.param({3 * s.H}, r.b_hh);
    const int x3 = shaped(x, {s.T, s.B, s.I}), h2 = shaped(h0, {s.B, s.H}), none = Graph::none;
    const int lengths = s.has_lengths ? graph.ids({s.B}, r.lengths) : none;
    y = graph.host({s.T, s.B, s.H}), hT = graph.host({s.B, s.H});
    graph.record(GC_OP_GRU, {x3, w_ih, w_hh, b_ih, b_hh, h2, none, lengths}, {y, hT},
                 {s.reverse ? 1.0 : 0.0, s.drops ? kDrop : 0, 0, 0, kStream});
    const int32_t sequence = s.T * s.B * s.H, n = sequence + s.B * s.H;
    const int all = graph.op(GC_OP_CONCAT, {shaped(y, {sequence}), shaped(hT, {s.B * s.H})}, {n});
    const int loss = graph.out(GC_OP_MEAN_SQUARE, {all, graph.host({n}, targets)}, {2});
    graph.compile(loss);
    graph.run(GC_GRADIENT);
  }
};

template <class Real>
void set_gradients(gatecell::reference::Gru<Real>& r, const Floats& targets) {
  const Real scale = static_cast<Real>(2.0 / static_cast<double>(targets.size()));
  for (size_t i = 0; i < r.y.size(); ++i) r.dy[i] = scale * (r.y[i] - static_cast<Real>(targets[i]));
  for (size_t i = 0; i < r.hT.size(); ++i) r.dhT[i] = scale * (r.hT[i] - static_cast<Real>(targets[r.y.size() + i]));
}

template <class Real, class F>
void each_gru_result(GruRun& run, const gatecell::reference::Gru<Real>& r, F see) {
  see("y", run.graph.value(run.y), r.y), see("hT", run.graph.value(run.hT), r.hT);
  see("dx", run.graph.grad(run.x), r.dx), see("dh0", run.graph.grad(run.h0), r.dh0);
  see("dw_ih", run.graph.grad(run.w_ih), r.dw_ih), see("dw_hh", run.graph.grad(run.w_hh), r.dw_hh);
  see("db_ih", run.graph.grad(run.b_ih), r.db_ih), see("db_hh", run.graph.grad(run.b_hh), r.db_hh);
}

std::vector<GruShape> gru_shapes() {
  std::vector<GruShape> shapes;
  for (int i = 0; i < 8; ++i) {
    shapes.push_back({5, 4, 3, 6, (i & 1) != 0, (i & 2) != 0, (i & 4) != 0});
    shapes.push_back({4, 20, 7, 33, (i & 1) != 0, (i & 2) != 0, (i & 4) != 0});
  }
  shapes.push_back({3, 2, 40, 130, false, false, false});
  return shapes;
}
Floats gru_targets(const GruShape& s) { return Random(32).floats(int64_t{s.T + 1} * s.B * s.H); }
}  // namespace

TEST_CASE("gru on threads: the bits of the float reference") {
  for (const GruShape& s : gru_shapes()) {
    GruFloat r = gru_values(s, 31);
    const Floats targets = gru_targets(s);
    r.forward();
    set_gradients(r, targets);
    r.backward();
    for (int32_t threads : {1, 2, 4}) {
      GruRun run(s, r, targets, threads);
      each_gru_result(run, r, [&](const char* name, const Floats& got, const Floats& expected) {
        const std::string wrong = difference(got, expected);
        if (!wrong.empty())
          FAIL_CHECK("H " << s.H << (s.reverse ? " reverse" : "") << (s.has_lengths ? " lengths" : "")
                          << (s.drops ? " dropout" : "") << ", " << threads << " threads, " << std::string(name) << ": "
                          << wrong);
      });
    }
  }
}

TEST_CASE("gru: float stays near double, bf16 within its rounding") {
  for (const GruShape& s : gru_shapes()) {
    const GruFloat values = gru_values(s, 33);
    const Floats targets = gru_targets(s);
    GruExact exact = widened(values);
    exact.forward();
    set_gradients(exact, targets);
    exact.backward();
    GruRun run(s, values, targets, 2), half(s, values, targets, 2, GC_BF16);
    each_gru_result(run, exact, [&](const char*, const Floats& got, const Doubles& expected) {
      CHECK(error(got, expected, 1e-6) < 3e-6);
    });
    each_gru_result(half, exact, [&](const char*, const Floats& got, const Doubles& expected) {
      CHECK(error(got, expected, 1e-6) < 3e-2);
    });
  }
}

TEST_CASE("gru: the double reference's gradient is what finite differences find") {
  for (int i = 0; i < 8; ++i) {
    const GruShape s = {3, 3, 2, 4, (i & 1) != 0, (i & 2) != 0, (i & 4) != 0};
    GruExact exact = widened(gru_values(s, 34));
    const auto loss_of = [&](GruExact e) {  // the inner product with dy and dhT
      e.forward();
      double sum = 0;
      for (size_t j = 0; j < e.y.size(); ++j) sum += e.y[j] * e.dy[j];
      for (size_t j = 0; j < e.hT.size(); ++j) sum += e.hT[j] * e.dhT[j];
      return sum;
    };
    exact.forward();
    exact.backward();
    using Member = std::vector<double> GruExact::*;
    const std::pair<Member, Member> pairs[] = {
        {&GruExact::x, &GruExact::dx},       {&GruExact::h0, &GruExact::dh0},     {&GruExact::w_ih, &GruExact::dw_ih},
        {&GruExact::w_hh, &GruExact::dw_hh}, {&GruExact::b_ih, &GruExact::db_ih}, {&GruExact::b_hh, &GruExact::db_hh}};
    for (const auto& [value, gradient] : pairs) {
      Doubles found;
      for (size_t j = 0; j < (exact.*value).size(); ++j) {
        const double h = 1e-5;
        GruExact up = exact, down = exact;
        (up.*value)[j] += h, (down.*value)[j] -= h;
        found.push_back((loss_of(up) - loss_of(down)) / (2 * h));
      }
      CHECK(error(found, exact.*gradient, 1e-6) < 1e-6);
    }
  }
}

TEST_CASE("gru: what it has not is refused") {
  const auto refused = [](const std::vector<int>& more, const Doubles& attributes, int32_t precision, const Dims& w) {
    Graph g;
    g.precision = precision;
    std::vector<int> in = {g.host({2, 2, 3}),
                           g.param(w, Floats(static_cast<size_t>(count_of(w)), 0.1f)),
                           g.param({12, 4}, Floats(48, 0.1f)),
                           Graph::none,
                           Graph::none,
                           Graph::none};
    for (int kind : more) in.push_back(kind == 1 ? g.host({2, 4}) : Graph::none);
    g.record(GC_OP_GRU, in, {g.host({2, 2, 4})}, attributes);
    return g.try_compile();
  };
  CHECK(refused({}, {0}, GC_FLOAT, {12, 3}) == GC_OK);
  CHECK(refused({}, {0}, GC_FLOAT, {16, 3}) == GC_INVALID_SHAPE);
  CHECK(refused({1}, {0}, GC_FLOAT, {12, 3}) == GC_INVALID_ARGUMENT);
  CHECK(refused({}, {0, 0, 0.1, 0, 0}, GC_FLOAT, {12, 3}) == GC_UNSUPPORTED);
  CHECK(refused({}, {0, 1, 0, 0, 0}, GC_FLOAT, {12, 3}) == GC_INVALID_ARGUMENT);
  CHECK(refused({}, {0}, GC_INT8, {12, 3}) == GC_UNSUPPORTED);
}
