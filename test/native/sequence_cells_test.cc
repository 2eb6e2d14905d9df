// The GRU and RNN ops: the bits of the float reference for any thread count, near double, and the double reference's gradient by differences.
#include "lstm_lab.h"
#include "ops/gru_reference.h"
#include "ops/rnn_reference.h"

using namespace lab;
namespace reference = gatecell::reference;

namespace {
enum class Kind { kGru, kReset, kRnn };
struct CellShape {
  Kind kind;
  int32_t T, B, I, H;
  bool reverse, has_lengths, drops;
  int form = -1;

  bool rnn() const { return kind == Kind::kRnn; }
  int32_t gates() const { return rnn() ? 1 : 3; }
};
std::string name_of(const CellShape& s) {
  const char* names[] = {"gru", "gru with the reset gate first", "rnn"};
  return std::string(names[static_cast<int>(s.kind)]) + " T " + std::to_string(s.T) + " H " + std::to_string(s.H) +
         (s.reverse ? " reverse" : "") + (s.has_lengths ? " lengths" : "") + (s.drops ? " dropout" : "") + " form " +
         std::to_string(s.form);
}

template <class Real>
void set_kind(reference::Gru<Real>& r, const CellShape& s) {
  r.reset_first = s.kind == Kind::kReset;
}
template <class Real>
void set_kind(reference::Rnn<Real>&, const CellShape&) {}

template <class Layer>
Layer values_of(const CellShape& s, uint64_t seed) {
  Random random(seed);
  const double k = 1 / std::sqrt(static_cast<double>(s.H));
  Layer r;
  set_kind(r, s);
  r.T = s.T, r.B = s.B, r.I = s.I, r.H = s.H, r.reverse = s.reverse;
  if (s.form >= 0) r.form = some_forms()[static_cast<size_t>(s.form)];
  r.form.coupled = 0;
  r.x = random.floats(int64_t{s.T} * s.B * s.I, 2);
  r.w_ih = random.floats(int64_t{s.gates()} * s.H * s.I, k), r.w_hh = random.floats(int64_t{s.gates()} * s.H * s.H, k);
  r.b_ih = random.floats(s.gates() * s.H, k), r.b_hh = random.floats(s.gates() * s.H, k);
  r.h0 = random.floats(int64_t{s.B} * s.H);
  if (s.has_lengths) r.lengths = random.ids(s.B, 0, s.T + 1);
  if (s.drops) r.mask = mask_of(gatecell::Draw::kMask, s.B, s.H, kDrop, 0, static_cast<float>(1 / (1 - kDrop)));
  r.dy = random.floats(int64_t{s.T} * s.B * s.H), r.dhT = random.floats(int64_t{s.B} * s.H);
  return r;
}

template <class Exact_, class Layer>
Exact_ widened_cell(const CellShape& s, const Layer& r) {
  Exact_ e;
  set_kind(e, s);
  e.T = r.T, e.B = r.B, e.I = r.I, e.H = r.H, e.reverse = r.reverse, e.lengths = r.lengths, e.form = r.form;
  e.x = widen(r.x), e.w_ih = widen(r.w_ih), e.w_hh = widen(r.w_hh), e.b_ih = widen(r.b_ih), e.b_hh = widen(r.b_hh);
  e.h0 = widen(r.h0), e.mask = widen(r.mask), e.dy = widen(r.dy), e.dhT = widen(r.dhT);
  return e;
}

// The loss is the mean square of [y; hT] against targets, so that the reference's dy and dhT follow from the results.
struct CellRun {
  Graph graph;
  int x, w_ih, w_hh, b_ih, b_hh, h0, y, hT;
  template <class Layer>
  CellRun(const CellShape& s, const Layer& r, const Floats& targets, int32_t threads, int32_t precision = GC_FLOAT,
          bool trains = true) {
    graph.threads = threads, graph.precision = precision;
    graph.control[GC_C_SEED] = kSeed, graph.control[GC_C_STEP] = kStep;
    const auto shaped = [&](int flat, const Dims& dims) { return graph.op(GC_OP_RESHAPE, {flat}, dims); };
    const int32_t rows = s.gates() * s.H;
    x = graph.param({s.T * s.B * s.I}, r.x), h0 = graph.param({s.B * s.H}, r.h0);
    w_ih = graph.param({rows, s.I}, r.w_ih), w_hh = graph.param({rows, s.H}, r.w_hh);
    b_ih = graph.param({rows}, r.b_ih), b_hh = graph.param({rows}, r.b_hh);
    const int x3 = shaped(x, {s.T, s.B, s.I}), h2 = shaped(h0, {s.B, s.H}), none = Graph::none;
    const int lengths = s.has_lengths ? graph.ids({s.B}, r.lengths) : none;
    y = graph.host({s.T, s.B, s.H}), hT = graph.host({s.B, s.H});
    Doubles attributes = {s.reverse ? 1.0 : 0.0, s.drops ? kDrop : 0, 0, 0, kStream};
    const Doubles more = form_attributes(r.form, s.rnn() ? 1 : 2, s.kind == Kind::kReset);
    if (s.form >= 0 || s.kind == Kind::kReset) attributes.insert(attributes.end(), more.begin(), more.end());
    graph.record(s.rnn() ? GC_OP_RNN : GC_OP_GRU, {x3, w_ih, w_hh, b_ih, b_hh, h2, none, lengths}, {y, hT}, attributes);
    const int32_t sequence = s.T * s.B * s.H, n = sequence + s.B * s.H;
    const int all = graph.op(GC_OP_CONCAT, {shaped(y, {sequence}), shaped(hT, {s.B * s.H})}, {n});
    const int loss = graph.out(GC_OP_MEAN_SQUARE, {all, graph.host({n}, targets)}, {2});
    graph.compile(trains ? loss : none);
    graph.run(trains ? GC_GRADIENT : GC_FORWARD);
  }
};

template <class Layer>
void set_gradients_of(Layer& r, const Floats& targets) {
  using Real = typename Layer::Values::value_type;
  const Real scale = static_cast<Real>(2.0 / static_cast<double>(targets.size()));
  for (size_t i = 0; i < r.y.size(); ++i) r.dy[i] = scale * (r.y[i] - static_cast<Real>(targets[i]));
  for (size_t i = 0; i < r.hT.size(); ++i) r.dhT[i] = scale * (r.hT[i] - static_cast<Real>(targets[r.y.size() + i]));
}

template <class Layer, class F>
void each_cell_result(CellRun& run, const Layer& r, F see) {
  see("y", run.graph.value(run.y), r.y), see("hT", run.graph.value(run.hT), r.hT);
  see("dx", run.graph.grad(run.x), r.dx), see("dh0", run.graph.grad(run.h0), r.dh0);
  see("dw_ih", run.graph.grad(run.w_ih), r.dw_ih), see("dw_hh", run.graph.grad(run.w_hh), r.dw_hh);
  see("db_ih", run.graph.grad(run.b_ih), r.db_ih), see("db_hh", run.graph.grad(run.b_hh), r.db_hh);
}

// Every kind with every set of directions, lengths and dropout; every form in half of them.
std::vector<CellShape> cell_shapes(int32_t T, int32_t B, int32_t I, int32_t H) {
  std::vector<CellShape> shapes;
  for (Kind kind : {Kind::kGru, Kind::kReset, Kind::kRnn}) {
    for (int i = 0; i < 8; ++i) shapes.push_back({kind, T, B, I, H, (i & 1) != 0, (i & 2) != 0, (i & 4) != 0});
    for (int form = 0; form < static_cast<int>(some_forms().size()); ++form)
      shapes.push_back({kind, T, B, I, H, form % 2 == 0, form % 3 == 0, form % 4 == 1, form});
  }
  return shapes;
}
std::vector<CellShape> bit_shapes() {
  std::vector<CellShape> shapes = cell_shapes(5, 4, 3, 6);
  for (const CellShape& s : cell_shapes(4, 20, 7, 33)) shapes.push_back(s);
  for (Kind kind : {Kind::kGru, Kind::kReset, Kind::kRnn}) {
    shapes.push_back({kind, 3, 2, 40, 130, false, false, false});
    shapes.push_back({kind, 1, 1, 40, 130, false, false, false});
    shapes.push_back({kind, 9, 24, 5, 64, true, true, false});
  }
  return shapes;
}
Floats targets_of(const CellShape& s) { return Random(32).floats(int64_t{s.T + 1} * s.B * s.H); }

template <class Layer>
void check_cell_bits(const CellShape& s) {
  Layer r = values_of<Layer>(s, 31);
  const Floats targets = targets_of(s);
  r.forward();
  set_gradients_of(r, targets);
  r.backward();
  for (int32_t threads : {1, 2, 4}) {
    CellRun run(s, r, targets, threads);
    each_cell_result(run, r, [&](const char* name, const Floats& got, const Floats& expected) {
      const std::string wrong = difference(got, expected);
      if (!wrong.empty())
        FAIL_CHECK(name_of(s) << ", " << threads << " threads, " << std::string(name) << ": " << wrong);
    });
  }
  Layer still = values_of<Layer>(s, 31);
  still.mask.clear();
  still.forward();
  CellRun forward(s, still, targets, 2, GC_FLOAT, false);
  CHECK(difference(forward.graph.value(forward.y), still.y) == "");
  CHECK(difference(forward.graph.value(forward.hT), still.hT) == "");
}

template <class Exact_, class Layer>
void check_near_double(const CellShape& s) {
  CAPTURE(name_of(s));
  const Layer values = values_of<Layer>(s, 33);
  const Floats targets = targets_of(s);
  Exact_ exact = widened_cell<Exact_>(s, values);
  exact.forward();
  set_gradients_of(exact, targets);
  exact.backward();
  CellRun run(s, values, targets, 2);
  each_cell_result(run, exact, [&](const char*, const Floats& got, const Doubles& expected) {
    CHECK(error(got, expected, 1e-6) < 3e-6);
  });
  if (s.kind == Kind::kReset || s.form > 1) return;  // roundings move pre-activations over the kinks of other forms
  CellRun half(s, values, targets, 2, GC_BF16);
  each_cell_result(half, exact, [&](const char*, const Floats& got, const Doubles& expected) {
    CHECK(error(got, expected, 1e-6) < 3e-2);
  });
}

template <class Exact_, class Layer>
void check_differences(const CellShape& s) {
  CAPTURE(name_of(s));
  Exact_ exact = widened_cell<Exact_>(s, values_of<Layer>(s, 34));
  const auto loss_of = [&](Exact_ e) {  // the inner product with dy and dhT
    e.forward();
    double sum = 0;
    for (size_t j = 0; j < e.y.size(); ++j) sum += e.y[j] * e.dy[j];
    for (size_t j = 0; j < e.hT.size(); ++j) sum += e.hT[j] * e.dhT[j];
    return sum;
  };
  exact.forward();
  exact.backward();
  using Base = reference::Sequence<double>;
  using Member = std::vector<double> Base::*;
  const std::pair<Member, Member> pairs[] = {{&Base::x, &Base::dx},       {&Base::h0, &Base::dh0},
                                             {&Base::w_ih, &Base::dw_ih}, {&Base::w_hh, &Base::dw_hh},
                                             {&Base::b_ih, &Base::db_ih}, {&Base::b_hh, &Base::db_hh}};
  for (const auto& [value, gradient] : pairs) {
    Doubles found;
    for (size_t j = 0; j < (exact.*value).size(); ++j) {
      const double h = 1e-5;
      Exact_ up = exact, down = exact;
      (up.*value)[j] += h, (down.*value)[j] -= h;
      found.push_back((loss_of(up) - loss_of(down)) / (2 * h));
    }
    CHECK(error(found, exact.*gradient, 1e-6) < 1e-6);
  }
}
}  // namespace

TEST_CASE("gru and rnn on threads: the bits of the float reference") {
  for (const CellShape& s : bit_shapes())
    s.rnn() ? check_cell_bits<reference::Rnn<float>>(s) : check_cell_bits<reference::Gru<float>>(s);
}

TEST_CASE("gru and rnn: float stays near double, bf16 within its rounding") {
  for (const CellShape& s : cell_shapes(4, 6, 7, 33)) {
    if (s.rnn()) check_near_double<reference::Rnn<double>, reference::Rnn<float>>(s);
    else check_near_double<reference::Gru<double>, reference::Gru<float>>(s);
  }
}

TEST_CASE("gru and rnn: the double reference's gradient is what finite differences find") {
  for (const CellShape& s : cell_shapes(3, 3, 2, 4)) {
    if (s.rnn()) check_differences<reference::Rnn<double>, reference::Rnn<float>>(s);
    else check_differences<reference::Gru<double>, reference::Gru<float>>(s);
  }
}

TEST_CASE("gru and rnn: what they have not is refused") {
  const auto refused = [](gc_opcode opcode, const std::vector<int>& more, const Doubles& attributes, int32_t precision,
                          const Dims& w) {
    Graph g;
    g.precision = precision;
    const int32_t rows = opcode == GC_OP_RNN ? 4 : 12;
    std::vector<int> in = {g.host({2, 2, 3}),
                           g.param(w, Floats(static_cast<size_t>(count_of(w)), 0.1f)),
                           g.param({rows, 4}, Floats(static_cast<size_t>(rows) * 4, 0.1f)),
                           Graph::none,
                           Graph::none,
                           Graph::none};
    for (int kind : more) in.push_back(kind == 1 ? g.host({2, 4}) : Graph::none);
    g.record(opcode, in, {g.host({2, 2, 4})}, attributes);
    return g.try_compile();
  };
  for (gc_opcode opcode : {GC_OP_GRU, GC_OP_RNN}) {
    const int32_t rows = opcode == GC_OP_RNN ? 4 : 12;
    const auto of = [&](const Doubles& attributes, int32_t precision = GC_FLOAT) {
      return refused(opcode, {}, attributes, precision, {rows, 3});
    };
    CHECK(of({0}) == GC_OK);
    CHECK(of({0}, GC_BF16) == GC_OK);
    CHECK(refused(opcode, {}, {0}, GC_FLOAT, {16, 3}) == GC_INVALID_SHAPE);
    CHECK(refused(opcode, {1}, {0}, GC_FLOAT, {rows, 3}) == GC_INVALID_ARGUMENT);
    CHECK(of({0, 0, 0.1, 0, 0}) == GC_UNSUPPORTED);
    CHECK(of({0, 1, 0, 0, 0}) == GC_INVALID_ARGUMENT);
    CHECK(of({0}, GC_INT8) == GC_UNSUPPORTED);
    CHECK(of({0, 0, 0, 0, 0, 0.5}, GC_BF16) == GC_OK);
    CHECK(of({0, 0, 0, 0, 0, -0.5}) == GC_INVALID_ARGUMENT);
    CHECK(of({0, 0, 0, 0, 0, 0, 2}) == GC_INVALID_ARGUMENT);
    CHECK(of({0, 0, 0, 0, 0, 0, 0, 3, 0, 0, opcode == GC_OP_RNN ? 1.0 : 0.0}) ==
          (opcode == GC_OP_RNN ? GC_INVALID_ARGUMENT : GC_OK));
  }
  const Doubles reset = {0, 0, 0, 0, 0, 0, 1};
  CHECK(refused(GC_OP_GRU, {}, reset, GC_FLOAT, {12, 3}) == GC_OK);
  CHECK(refused(GC_OP_GRU, {}, reset, GC_BF16, {12, 3}) == GC_UNSUPPORTED);
  CHECK(refused(GC_OP_RNN, {}, reset, GC_FLOAT, {4, 3}) == GC_INVALID_ARGUMENT);
}
