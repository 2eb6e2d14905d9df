// Plans of int8 precision: the LSTM layer next to its results in float32 and double, its special values, and its limits.
#include <array>

#include "lab.h"
#include "ops/lstm_reference.h"

using namespace lab;

namespace {
// An LSTM layer on int8 codes whose every input may be changed before it runs.
struct Int8Layer {
  int32_t T = 5, B = 4, I = 9, H = 37;
  double reverse = 0, zoneout = 0;
  Ids lengths;
  Floats x, h0, c0, w_ih, w_hh, b;
  explicit Int8Layer(uint64_t seed) {
    Random random(seed);
    const double k = 1 / std::sqrt(H);
    x = random.floats(int64_t{T} * B * I, 2), h0 = random.floats(int64_t{B} * H), c0 = random.floats(int64_t{B} * H);
    w_ih = random.floats(int64_t{4} * H * I, k), w_hh = random.floats(int64_t{4} * H * H, k);
    b = random.floats(4 * H, k);
  }
  Floats run(int32_t precision, int32_t threads = 1) const {
    Graph g;
    g.threads = threads, g.precision = precision;
    std::vector<int> in = {
        g.host({T, B, I}, x), g.param({4 * H, I}, w_ih), g.param({4 * H, H}, w_hh), g.param({4 * H}, b),
        Graph::none,          g.host({B, H}, h0),        g.host({B, H}, c0)};
    if (!lengths.empty()) in.push_back(g.ids({B}, lengths));
    const int y = g.out(GC_OP_LSTM, in, {T, B, H}, {reverse, 0, zoneout, zoneout, 1});
    g.compile();
    g.run();
    return g.value(y);
  }
};

// Which values of [T, B, H] are NaN, as one number for each step and batch row.
std::vector<int> nan_counts(const Floats& y, size_t H) {
  std::vector<int> counts(y.size() / H, 0);
  for (size_t i = 0; i < y.size(); ++i) counts[i / H] += std::isnan(y[i]);
  return counts;
}
}  // namespace

TEST_SUITE("threads") {
  TEST_CASE("lstm on int8 codes: what is NaN in f32 is NaN, and nothing else changes") {
    for (int32_t threads : {1, 2, 3})
      for (const bool has_lengths : {false, true})
        for (double reverse : {0.0, 1.0}) {
          CAPTURE(threads);
          CAPTURE(has_lengths);
          CAPTURE(reverse);
          Int8Layer clean(101);
          clean.reverse = reverse;
          if (has_lengths) clean.lengths = {3, 5, 0, 4};
          const Floats good = clean.run(GC_INT8, threads);
          Floats Int8Layer::*const inputs[] = {&Int8Layer::x,    &Int8Layer::h0,   &Int8Layer::c0,
                                               &Int8Layer::w_ih, &Int8Layer::w_hh, &Int8Layer::b};
          for (const auto input : inputs) {
            Int8Layer layer = clean;
            (layer.*input)[1] = NAN;
            const Floats exact = layer.run(GC_FLOAT, threads), y = layer.run(GC_INT8, threads);
            CHECK(nan_counts(y, 37) == nan_counts(exact, 37));
            for (size_t i = 0; i < y.size(); ++i) CHECK((std::isnan(y[i]) || bits(y[i]) == bits(good[i])));
          }
          Int8Layer layer = clean;
          for (float bad : {HUGE_VALF, -HUGE_VALF}) {
            layer.x[1] = bad;
            CHECK(std::isnan(layer.run(GC_INT8, threads)[0]));
          }
        }
  }

  TEST_CASE("lstm on int8 codes: initial states beyond 1 have their values") {
    for (const bool has_lengths : {false, true})
      for (double zoneout : {0.0, 0.3})
        for (float size : {1.0f, 2.0f, 4.0f}) {
          CAPTURE(zoneout);
          CAPTURE(size);
          Int8Layer layer(102);
          layer.zoneout = zoneout;
          if (has_lengths) layer.lengths = {3, 5, 0, 4};
          for (float& h : layer.h0) h *= size;
          const Floats exact = layer.run(GC_FLOAT), y = layer.run(GC_INT8);
          CHECK(error(y, widen(exact)) < 0.03);
          for (int32_t threads : {2, 3}) CHECK(difference(layer.run(GC_INT8, threads), y) == "");
        }
  }

  TEST_CASE("lstm on int8 codes: near double, the same bits for any number of threads") {
    for (const auto& [T, B, I, H] : {std::array<int32_t, 4>{6, 1, 9, 33}, {5, 20, 24, 64}, {4, 3, 40, 130}}) {
      Random random(96);
      const double k = 1 / std::sqrt(H);
      gatecell::reference::Lstm<double> exact;
      exact.T = T, exact.B = B, exact.I = I, exact.H = H;
      const Floats x = random.floats(int64_t{T} * B * I, 2), w_ih = random.floats(int64_t{4} * H * I, k),
                   w_hh = random.floats(int64_t{4} * H * H, k);
      const Floats b = random.floats(4 * H, k);
      exact.x = widen(x), exact.w_ih = widen(w_ih), exact.w_hh = widen(w_hh), exact.b_ih = widen(b);
      exact.forward();
      Floats first;
      for (int32_t threads : {1, 2, 3}) {
        Graph g;
        g.threads = threads, g.precision = GC_INT8;
        const int y =
            g.out(GC_OP_LSTM,
                  {g.host({T, B, I}, x), g.param({4 * H, I}, w_ih), g.param({4 * H, H}, w_hh), g.param({4 * H}, b)},
                  {T, B, H}, {0});
        g.compile();
        g.run();
        CHECK(error(g.value(y), exact.y) < 0.03);
        if (first.empty()) first = g.value(y);
        CHECK(difference(g.value(y), first) == "");
      }
    }
  }

  TEST_CASE("lstm without a backward pass: the same bits for any number of threads, whatever a thread's rows") {
    for (int32_t precision : {GC_FLOAT, GC_BF16, GC_INT8})
      for (double reverse : {0.0, 1.0})
        for (const auto& [T, B, H] : {std::array<int32_t, 3>{1, 33, 40}, {37, 33, 40}, {70, 16, 80}, {5, 4, 16}}) {
          Random random(97);
          const double k = 1 / std::sqrt(H);
          const Floats x = random.floats(int64_t{T} * B * H, 2), w_ih = random.floats(int64_t{4} * H * H, k),
                       w_hh = random.floats(int64_t{4} * H * H, k), b = random.floats(4 * H, k);
          Floats first;
          for (int32_t threads : {1, 2, 3, 4}) {
            CAPTURE(threads);
            Graph g;
            g.threads = threads, g.precision = precision;
            const int y =
                g.out(GC_OP_LSTM,
                      {g.host({T, B, H}, x), g.param({4 * H, H}, w_ih), g.param({4 * H, H}, w_hh), g.param({4 * H}, b)},
                      {T, B, H}, {reverse});
            g.compile();
            for (int run = 0; run < 2; ++run) g.run();
            if (first.empty()) first = g.value(y);
            CHECK(difference(g.value(y), first) == "");
          }
        }
  }

  TEST_CASE("int8: the largest sums are exact, and more inputs than they allow are refused") {
    constexpr int32_t kMost = 66311;
    for (int32_t I : {kMost, kMost + 1}) {
      Graph g;
      g.precision = GC_INT8;
      const int y = g.out(GC_OP_LSTM,
                          {g.host({1, 2, I}, Floats(static_cast<size_t>(2) * I, 0.5f)),
                           g.param({4, I}, Floats(static_cast<size_t>(4) * I, 1e-5f)), g.param({4, 1}, Floats(4, 0))},
                          {1, 2, 1}, {0});
      REQUIRE(g.try_compile() == (I > kMost ? GC_UNSUPPORTED : GC_OK));
      if (I > kMost) continue;
      g.run();
      const double sum = 0.5 * 1e-5 * I, gate = 1 / (1 + std::exp(-sum));
      CHECK(error(g.value(y), Doubles(2, gate * std::tanh(gate * std::tanh(sum)))) < 1e-4);
    }
  }

  TEST_CASE("int8 is for inference: a loss is refused") {
    Graph g;
    g.precision = GC_INT8;
    const int loss = g.out(GC_OP_MEAN_SQUARE, {g.param({4}, Floats(4, 1)), g.host({4})}, {2});
    CHECK(g.try_compile(loss) == GC_UNSUPPORTED);
    CHECK(g.try_compile() == GC_OK);
  }
}
