// Products of bf16 pairs and of int8 codes: the tables' kernels against plain loops, the LSTM on them against double precision.
#include <algorithm>
#include <array>

#include "gemm_lab.h"
#include "ops/lstm_reference.h"
#include "tables.h"

using namespace lab;

namespace {
float from_bits(uint32_t b) {
  float x;
  memcpy(&x, &b, 4);
  return x;
}
float low(float pair) { return from_bits(bits(pair) << 16); }
float high(float pair) { return from_bits(bits(pair) & 0xffff0000u); }

// To the nearest bf16, ties to even, by arithmetic on the value.
uint16_t rounded(float x) {
  if (x != x) return 0x7fc0;
  const uint32_t b = bits(x), below = b & 0xffff0000u;
  const uint32_t rest = b & 0xffffu;
  return static_cast<uint16_t>((rest > 0x8000u || (rest == 0x8000u && (below >> 16 & 1))) ? (below >> 16) + 1
                                                                                          : below >> 16);
}

template <class Table>
struct Narrow {
  const Table* table;
  int64_t width;  // columns of a packed tile
  bool native;    // its own instruction: rounds its own way
};

std::vector<Narrow<gc_bf16_kernels>> bf16_tables() {
  std::vector<Narrow<gc_bf16_kernels>> list = {{&gc_bf16_scalar, gc_kernels_scalar.tile_columns, false}};
#if defined(GATECELL_X86)
  gc_machine machine;
  gc_machine_info(&machine);
  const size_t levels = tables().size();
  if (levels > 1) list.push_back({&gc_bf16_avx2, gc_kernels_avx2.tile_columns, false});
  if (levels > 2) list.push_back({&gc_bf16_avx512, gc_kernels_avx512.tile_columns, false});
  if (levels > 2 && strstr(machine.features, "avx512_bf16"))
    list.push_back({&gc_bf16_avx512bf16, gc_kernels_avx512.tile_columns, true});
#endif
  return list;
}

std::vector<Narrow<gc_int8_kernels>> int8_tables() {
  std::vector<Narrow<gc_int8_kernels>> list = {{&gc_int8_scalar, gc_kernels_scalar.tile_columns, false}};
#if defined(GATECELL_X86)
  gc_machine machine;
  gc_machine_info(&machine);
  const size_t levels = tables().size();
  if (levels > 1) list.push_back({&gc_int8_avx2, gc_kernels_avx2.tile_columns, false});
  if (levels > 2) list.push_back({&gc_int8_avx512, gc_kernels_avx512.tile_columns, false});
  if (levels > 2 && strstr(machine.features, "avx512_vnni"))
    list.push_back({&gc_int8_avx512vnni, gc_kernels_avx512.tile_columns, true});
#endif
  return list;
}

void fill_words(Floats& v, Random& random, bool bytes) {
  for (float& x : v) {
    const Floats pair = random.floats(2);
    x = from_bits(bytes ? static_cast<uint32_t>(random.next())
                        : rounded(pair[0]) | static_cast<uint32_t>(rounded(pair[1])) << 16);
  }
}

// Four unsigned codes times four signed ones, as integers in the bits of a float.
float bytes_product(float a, float b, float sum) {
  auto total = static_cast<int32_t>(bits(sum));
  for (int i = 0; i < 4; ++i)
    total += static_cast<int32_t>(bits(a) >> 8 * i & 0xff) * static_cast<int8_t>(bits(b) >> 8 * i & 0xff);
  return from_bits(static_cast<uint32_t>(total));
}
}  // namespace

TEST_CASE("bf16 gemm: two fused steps for each pair, bit for bit; the native instruction within its rounding") {
  for (const auto& t : bf16_tables()) {
    CAPTURE(t.table->name);
    Random random(91);
    for (int i = 0; i < 300; ++i) {
      GemmProblem p({1 + random.below(13), 1 + random.below(130), 1 + random.below(3), 1 + random.below(20),
                     static_cast<int>(random.below(3))},
                    t.width, random);
      fill_words(p.a, random, false);
      fill_words(p.b, random, false);
      const Floats expected = p.expected(t.width, [](float a, float b, float sum) {
        return std::fma(high(a), high(b), std::fma(low(a), low(b), sum));
      });
      t.table->gemm(&p.g);
      if (t.native) CHECK(error(p.c, expected, 1) < 1e-5);
      else CHECK(difference(p.c, expected) == "");
    }
  }
}

TEST_CASE("int8 gemm: exact integers in every table") {
  for (const auto& t : int8_tables()) {
    CAPTURE(t.table->name);
    Random random(92);
    for (int i = 0; i < 300; ++i) {
      GemmProblem p({1 + random.below(13), 1 + random.below(130), 1 + random.below(3), 1 + random.below(40),
                     static_cast<int>(random.below(2))},
                    t.width, random);
      fill_words(p.a, random, true);
      fill_words(p.b, random, true);
      for (float& c : p.c)
        if (bits(c) != bits(kSentinel)) c = from_bits(static_cast<uint32_t>(random.below(100000)));
      const Floats expected = p.expected(t.width, bytes_product);
      t.table->gemm(&p.g);
      CHECK(difference(p.c, expected) == "");
    }
  }
}

TEST_CASE("int8 gemm: the largest codes do not saturate") {
  for (const auto& t : int8_tables()) {
    for (uint32_t signs : {0x7f7f7f7fu, 0x80808080u, 0x7f807f80u}) {
      Random random(93);
      GemmProblem p({5, 70, 1, 50, 0}, t.width, random);
      std::fill(p.a.begin(), p.a.end(), from_bits(0xffffffffu));
      std::fill(p.b.begin(), p.b.end(), from_bits(signs));
      const Floats expected = p.expected(t.width, bytes_product);
      t.table->gemm(&p.g);
      CHECK(difference(p.c, expected) == "");
    }
  }
}

TEST_CASE("bf16: rounding to nearest even, in place as well, and sums of narrowed rows") {
  for (const auto& t : bf16_tables()) {
    CAPTURE(t.table->name);
    Random random(94);
    for (int64_t columns : {16, 48, 64, 80}) {
      Floats x(static_cast<size_t>(3 * columns));
      for (float& v : x)
        v = from_bits(static_cast<uint32_t>(random.next()) & (random.below(2) ? 0xffffffffu : 0xffff8000u));
      std::vector<uint16_t> expected, got(x.size()), inside(2 * x.size());
      for (float v : x) expected.push_back(rounded(v));
      t.table->narrow(x.data(), columns, got.data(), columns, 3, columns);
      CHECK(got == expected);
      memcpy(inside.data(), x.data(), x.size() * 4);
      t.table->narrow(reinterpret_cast<const float*>(inside.data()), columns, inside.data(), 2 * columns, 3, columns);
      for (int64_t r = 0; r < 3; ++r)
        CHECK(std::equal(inside.begin() + 2 * r * columns, inside.begin() + 2 * r * columns + columns,
                         expected.begin() + r * columns));
    }
    Floats sum = random.floats(64), plain = sum;
    std::vector<uint16_t> even(64), odd(64);
    for (size_t i = 0; i < 64; ++i) even[i] = rounded(random.floats(1)[0]), odd[i] = rounded(random.floats(1)[0]);
    t.table->add(even.data(), sum.data(), 64);
    for (size_t i = 0; i < 64; ++i) plain[i] += from_bits(static_cast<uint32_t>(even[i]) << 16);
    CHECK(difference(sum, plain) == "");
    std::vector<uint32_t> pairs(64), alone(64);
    t.table->pair(even.data(), odd.data(), pairs.data(), 64);
    t.table->pair(even.data(), nullptr, alone.data(), 64);
    for (size_t i = 0; i < 64; ++i)
      CHECK((pairs[i] == (even[i] | static_cast<uint32_t>(odd[i]) << 16) && alone[i] == even[i]));
  }
}

TEST_CASE("int8: codes to the nearest of 127 steps, and what they stand for comes back") {
  for (const auto& t : int8_tables()) {
    CAPTURE(t.table->name);
    Random random(95);
    const Floats x = random.floats(3 * 48, 5);
    std::vector<uint8_t> codes(x.size()), unit(x.size());
    Floats ranges(3);
    t.table->quantize(x.data(), 48, codes.data(), 48, 3, 48, ranges.data());
    const Floats ones(3, 1);
    t.table->quantize_within(x.data(), 48, unit.data(), 48, 3, 48, ones.data(), ranges.data());
    for (size_t i = 0; i < x.size(); ++i) {
      float most = 0;
      for (size_t j = i / 48 * 48; j < i / 48 * 48 + 48; ++j) most = std::fmax(most, std::fabs(x[j]));
      CHECK(ranges[i / 48] == most);
      CHECK(std::fabs(static_cast<float>(codes[i] - 128) / 127 * most - x[i]) < most / 253);
      CHECK(unit[i] - 128 == std::nearbyint(std::fmax(-127.0f, std::fmin(127.0f, x[i] * 127))));
    }
    std::vector<int32_t> sums(128), correction(64);
    for (int32_t& s : sums) s = static_cast<int32_t>(random.below(200000)) - 100000;
    for (int32_t& c : correction) c = static_cast<int32_t>(random.below(200000)) - 100000;
    const Floats scale = random.floats(64);
    Floats y = random.floats(128), expected = y;
    t.table->dequantize_add(sums.data(), correction.data(), scale.data(), ranges.data(), y.data(), 2);
    for (size_t i = 0; i < 128; ++i)
      expected[i] =
          std::fma(static_cast<float>(sums[i] - correction[i % 64]), ranges[i / 64] * scale[i % 64], expected[i]);
    CHECK(difference(y, expected) == "");
  }
}

TEST_CASE("int8: a row with a value that is not finite has the range NaN, wherever the value lies") {
  for (const auto& t : int8_tables()) {
    CAPTURE(t.table->name);
    Random random(98);
    for (float bad : {NAN, -NAN, HUGE_VALF, -HUGE_VALF})
      for (size_t at = 0; at < 80; ++at) {
        Floats x = random.floats(3 * 80, 5), ranges(3), within(3, 2), given(3, 5);
        x[80 + at] = bad;
        std::vector<uint8_t> codes(x.size()), others(x.size());
        t.table->quantize(x.data(), 80, codes.data(), 80, 3, 80, ranges.data());
        t.table->quantize_within(x.data(), 80, others.data(), 80, 3, 80, given.data(), within.data());
        CHECK((std::isnan(ranges[1]) && std::isfinite(ranges[0]) && std::isfinite(ranges[2])));
        CHECK((std::isnan(within[1]) && within[0] == 2 && within[2] == 2));
        for (size_t i = 0; i < 80; ++i)
          CHECK(std::fabs(static_cast<float>(others[i] - 128) / 127 * 5 - x[i]) < 5.0f / 253);
      }
    const Floats huge = {3e38f, -1e38f, 0, 1};
    Floats range(1);
    std::vector<uint8_t> codes(4);
    t.table->quantize(huge.data(), 4, codes.data(), 4, 1, 4, range.data());
    CHECK((range[0] == 3e38f && codes[0] == 255 && codes[1] == 128 - 42 && codes[2] == 128 && codes[3] == 128));
  }
}

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
      for (const bool varied : {false, true})
        for (double reverse : {0.0, 1.0}) {
          CAPTURE(threads);
          CAPTURE(varied);
          CAPTURE(reverse);
          Int8Layer clean(101);
          clean.reverse = reverse;
          if (varied) clean.lengths = {3, 5, 0, 4};
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
    for (const bool varied : {false, true})
      for (double zoneout : {0.0, 0.3})
        for (float size : {1.0f, 2.0f, 4.0f}) {
          CAPTURE(zoneout);
          CAPTURE(size);
          Int8Layer layer(102);
          layer.zoneout = zoneout;
          if (varied) layer.lengths = {3, 5, 0, 4};
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
