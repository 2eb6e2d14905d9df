// The LSTM layer with a soft window: compared with its reference in double, with the same layer unrolled into step-sized ops, between
// numbers of threads, and continued from its own states.
#include "sequence_cases.h"

using namespace lab;

namespace {
struct Shape {
  int32_t T, B, I, H, C, K, U;
};

enum { kX, kIh, kHh, kWindow, kBiasWindow, kBiasIh, kBiasHh, kH0, kC0, kKappa0, kWindow0, kInputs };

std::vector<Dims> dims_of(const Shape& s) {
  return {{s.T, s.B, s.I}, {4 * s.H, s.I + s.C}, {4 * s.H, s.H}, {3 * s.K, s.H}, {3 * s.K}, {4 * s.H},
          {4 * s.H},       {s.B, s.H},           {s.B, s.H},     {s.B, s.K},     {s.B, s.C}};
}

ref::Window window_of(const Shape& s) {
  const auto n = [](int32_t v) { return static_cast<size_t>(v); };
  return {n(s.T), n(s.B), n(s.K), n(s.U), n(s.C), Random(41).ids(s.B * s.U, 0, s.C), some_lengths(s.B, s.U)};
}

// Everything a run gives, by name.
struct Results {
  Floats y, w, kappaT, windowT, hT, cT, loss;
  std::vector<Floats> gradients;
};

struct Run {
  Graph g;
  std::vector<int> params, in;
  int targets_y, targets_w, y, w, hT, cT, kappaT, windowT, loss;

  Run(const Shape& s, const std::vector<Floats>& values, const Floats& ty, const Floats& tw, int32_t threads,
      bool unrolled) {
    g.threads = threads;
    const std::vector<Dims> dims = dims_of(s);
    for (size_t i = 0; i < kInputs; ++i) {
      const bool parameter = i >= kIh && i <= kBiasHh;
      params.push_back(g.param(parameter ? dims[i] : Dims{static_cast<int32_t>(count_of(dims[i]))}, values[i]));
      in.push_back(parameter ? params[i] : g.op(GC_OP_RESHAPE, {params[i]}, dims[i]));
    }
    const ref::Window window = window_of(s);
    const int chars = g.ids({s.B, s.U}, window.ids), lengths = g.ids({s.B}, window.lengths);
    targets_y = g.host({s.T, s.B, s.H}, ty), targets_w = g.host({s.T, s.B, s.C}, tw);
    y = g.host({s.T, s.B, s.H}), w = g.host({s.T, s.B, s.C});
    hT = g.host({s.B, s.H}), cT = g.host({s.B, s.H}), kappaT = g.host({s.B, s.K}), windowT = g.host({s.B, s.C});
    if (unrolled) unroll(s, chars, lengths);
    else
      g.record(GC_OP_WINDOW_LSTM,
               {in[kX], in[kIh], in[kHh], in[kWindow], in[kBiasWindow], chars, lengths, in[kBiasIh], in[kBiasHh],
                in[kH0], in[kC0], in[kKappa0], in[kWindow0]},
               {y, w, hT, cT, kappaT, windowT}, {});
    loss = g.out(GC_OP_ADD,
                 {g.op(GC_OP_MEAN_SQUARE, {y, targets_y}, {2}), g.op(GC_OP_MEAN_SQUARE, {w, targets_w}, {2})}, {2});
    g.compile(loss);
    g.run(GC_GRADIENT);
  }

  void unroll(const Shape& s, int chars, int lengths) {
    int h = in[kH0], c = in[kC0], kappa = in[kKappa0], before = g.op(GC_OP_RESHAPE, {in[kWindow0]}, {1, s.B, s.C});
    int all_y = Graph::none, all_w = Graph::none;
    for (int32_t t = 0; t < s.T; ++t) {
      const bool last = t + 1 == s.T;
      const int x = g.op(GC_OP_SLICE, {in[kX]}, {1, s.B, s.I}, {0, static_cast<double>(t)});
      const int joined = g.op(GC_OP_CONCAT, {x, before}, {1, s.B, s.I + s.C});
      const int step = g.host({1, s.B, s.H}), h1 = last ? hT : g.host({s.B, s.H}), c1 = last ? cT : g.host({s.B, s.H}),
                k1 = last ? kappaT : g.host({s.B, s.K});
      g.record(GC_OP_LSTM, {joined, in[kIh], in[kHh], in[kBiasIh], in[kBiasHh], h, c}, {step, h1, c1}, {0});
      const int raw = g.op(GC_OP_LINEAR, {step, in[kWindow], in[kBiasWindow]}, {1, s.B, 3 * s.K});
      const int w1 = g.host({1, s.B, s.C});
      g.record(GC_OP_WINDOW, {raw, chars, lengths, kappa}, {w1, k1}, {});
      h = h1, c = c1, kappa = k1, before = w1;
      const int flat_y = g.op(GC_OP_RESHAPE, {step}, {1, s.B * s.H}),
                flat_w = g.op(GC_OP_RESHAPE, {w1}, {1, s.B * s.C});
      all_y = t == 0 ? flat_y : g.op(GC_OP_CONCAT, {all_y, flat_y}, {1, (t + 1) * s.B * s.H});
      all_w = t == 0 ? flat_w : g.op(GC_OP_CONCAT, {all_w, flat_w}, {1, (t + 1) * s.B * s.C});
    }
    g.record(GC_OP_RESHAPE, {before}, {windowT}, {});
    g.record(GC_OP_RESHAPE, {all_y}, {y}, {});
    g.record(GC_OP_RESHAPE, {all_w}, {w}, {});
  }

  Results results() {
    Results r = {g.value(y),  g.value(w),  g.value(kappaT), g.value(windowT),
                 g.value(hT), g.value(cT), g.value(loss),   {}};
    for (int p : params) r.gradients.push_back(g.grad(p));
    return r;
  }
};

struct Setup {
  Shape s;
  std::vector<Floats> values;
  Floats ty, tw;
  explicit Setup(const Shape& shape) : s(shape) {
    Random random(43);
    const std::vector<Dims> dims = dims_of(s);
    for (size_t i = 0; i < kInputs; ++i)
      values.push_back(random.floats(count_of(dims[i]), i >= kIh && i <= kBiasHh ? 0.5 : 1));
    for (size_t k = 0; k < values[kBiasWindow].size(); ++k) values[kBiasWindow][k] -= 0.7f;
    ty = random.floats(int64_t{s.T} * s.B * s.H), tw = random.floats(int64_t{s.T} * s.B * s.C);
  }
  Results run(int32_t threads, bool unrolled = false) const {
    return Run(s, values, ty, tw, threads, unrolled).results();
  }
};

const Shape kShapes[] = {
    {4, 3, 2, 5, 6, 2, 5}, {7, 1, 3, 33, 20, 3, 4}, {3, 20, 5, 16, 7, 11, 9}, {1, 2, 1, 1, 1, 1, 1}};

template <class F>
void each(const Results& a, const Results& b, F compare) {
  compare("y", a.y, b.y), compare("w", a.w, b.w), compare("kappa", a.kappaT, b.kappaT);
  compare("window", a.windowT, b.windowT), compare("h", a.hT, b.hT), compare("c", a.cT, b.cT);
  compare("loss", a.loss, b.loss);
  for (size_t i = 0; i < a.gradients.size(); ++i)
    compare(("gradient " + std::to_string(i)).c_str(), a.gradients[i], b.gradients[i]);
}

Doubles mean_square_gradient(const Doubles& y, const Floats& targets) {
  return ref::mean_square_backward(y, widen(targets));
}
}  // namespace

TEST_CASE("window_lstm: results and gradients near the double reference") {
  for (const Shape& s : kShapes) {
    const Setup setup(s);
    std::vector<Doubles> in;
    for (const Floats& v : setup.values) in.push_back(widen(v));
    ref::WindowLstm exact = {static_cast<size_t>(s.I), static_cast<size_t>(s.H), window_of(s)};
    exact.forward(in);
    exact.backward(in, mean_square_gradient(exact.y, setup.ty), mean_square_gradient(exact.w, setup.tw));
    const Results got = setup.run(2);
    CHECK(error(got.y, exact.y, 1e-6) < 3e-6);
    CHECK(error(got.w, exact.w, 1e-6) < 3e-6);
    CHECK(error(got.kappaT, exact.windows.back().kappa, 1e-6) < 3e-6);
    for (size_t i = 0; i < kInputs; ++i) {
      CAPTURE(i);
      CHECK(error(got.gradients[i], exact.gradients[i], 1e-6) < 5e-6);
    }
  }
}

TEST_CASE("window_lstm: the double reference's gradient is what finite differences find") {
  const Setup setup({3, 2, 2, 3, 4, 2, 3});
  std::vector<Doubles> in;
  for (const Floats& v : setup.values) in.push_back(widen(v));
  ref::WindowLstm exact = {2, 3, window_of(setup.s)};
  const auto loss = [&] {
    exact.forward(in);
    return ref::mean_square(exact.y, widen(setup.ty)) + ref::mean_square(exact.w, widen(setup.tw));
  };
  loss();
  exact.backward(in, mean_square_gradient(exact.y, setup.ty), mean_square_gradient(exact.w, setup.tw));
  const std::vector<Doubles> gradients = exact.gradients;
  for (size_t i = 0; i < in.size(); ++i) {
    Doubles found;
    for (double& x : in[i]) {
      const double at = x, h = 1e-5;
      x = at + h;
      const double up = loss();
      x = at - h;
      found.push_back((up - loss()) / (2 * h));
      x = at;
    }
    CAPTURE(i);
    CHECK(error(found, gradients[i], 1e-6) < 1e-6);
  }
}

TEST_CASE("window_lstm: the bits of the unrolled graph, forward; its gradients near") {
  for (const Shape& s : kShapes) {
    const Setup setup(s);
    each(setup.run(1), setup.run(1, true), [&](const char* name, const Floats& got, const Floats& expected) {
      CAPTURE(name);
      if (name[0] != 'g') CHECK(difference(got, expected) == "");
      else CHECK(error(got, expected, 1e-6) < 5e-6);
    });
  }
}

TEST_SUITE("threads") {
  TEST_CASE("window_lstm: the same bits with 1 to 4 threads") {
    const Setup setup({9, 21, 5, 40, 30, 10, 12});
    const Results one = setup.run(1);
    for (int32_t threads : {2, 3, 4})
      each(setup.run(threads), one, [&](const char* name, const Floats& got, const Floats& expected) {
        CAPTURE(name);
        CHECK(difference(got, expected) == "");
      });
  }
}

TEST_CASE("window_lstm: two halves with carried states are the whole, bit for bit") {
  const Setup setup({6, 3, 2, 17, 5, 2, 4});
  Setup first = setup, second = setup;
  const Results whole = setup.run(1);
  first.s.T = second.s.T = 3;
  const auto cut = [](Floats& v, bool back) {
    const auto half = static_cast<std::ptrdiff_t>(v.size() / 2);
    v = back ? Floats(v.begin() + half, v.end()) : Floats(v.begin(), v.begin() + half);
  };
  for (auto* part : {&first, &second}) {
    const bool back = part == &second;
    cut(part->values[kX], back), cut(part->ty, back), cut(part->tw, back);
  }
  const Results one = first.run(1);
  second.values[kH0] = one.hT, second.values[kC0] = one.cT;
  second.values[kKappa0] = one.kappaT, second.values[kWindow0] = one.windowT;
  const Results two = second.run(1);
  Floats y = one.y, w = one.w;
  y.insert(y.end(), two.y.begin(), two.y.end());
  w.insert(w.end(), two.w.begin(), two.w.end());
  CHECK(difference(y, whole.y) == "");
  CHECK(difference(w, whole.w) == "");
  CHECK(difference(two.kappaT, whole.kappaT) == "");
}

TEST_CASE("window_lstm: lengths and characters out of range, weights that are one") {
  const Setup setup({2, 2, 2, 3, 4, 2, 3});
  Graph g;
  std::vector<int> in;
  for (size_t i = 0; i <= kBiasWindow; ++i)
    in.push_back(i == kX ? g.host(dims_of(setup.s)[i]) : g.param(dims_of(setup.s)[i], setup.values[i]));
  const int chars = g.ids({2, 3}, {0, 1, 3, 2, 9, -1}), lengths = g.ids({2}, {3, 1});
  const int y = g.host({2, 2, 3}), w = g.host({2, 2, 4});
  g.record(GC_OP_WINDOW_LSTM, {in[0], in[1], in[2], in[3], in[4], chars, lengths}, {y, w}, {});
  g.compile();
  g.run();  // ids after the length of a row are not read
  g.id_data(lengths)[1] = 2;
  CHECK(gc_plan_run(g.plan(), GC_FORWARD) == GC_OUT_OF_RANGE);
  CHECK(std::string(gc_last_error()) == "window_lstm: expected characters from 0 to 3, got 9 in row 1");
  g.id_data(lengths)[1] = 4;
  CHECK(gc_plan_run(g.plan(), GC_FORWARD) == GC_OUT_OF_RANGE);
  g.id_data(lengths)[1] = 0;
  g.run();
  Graph same;
  const int weight = same.param({12, 3}, Floats(36, 0)), bias = same.param({12}, Floats(12, 0));
  same.record(GC_OP_WINDOW_LSTM, {same.host({2, 2, 2}), weight, weight, weight, bias, same.ids({2, 3}), same.ids({2})},
              {same.host({2, 2, 3}), same.host({2, 2, 1})}, {});
  CHECK(same.try_compile() == GC_INVALID_ARGUMENT);
}
