// Products of bf16 pairs and of int8 codes: the tables' kernels against plain loops, the LSTM on them against double precision.
#include <algorithm>
#include <array>

#include "gemm_lab.h"
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

bool has(const char* feature) {
  gc_machine machine;
  gc_machine_info(&machine);
  return strstr(machine.features, feature) != nullptr;
}

std::vector<Narrow<gc_bf16_kernels>> bf16_tables() {
  std::vector<Narrow<gc_bf16_kernels>> list = {{&gc_bf16_scalar, gc_kernels_scalar.tile_columns, false}};
#if defined(GATECELL_X86)
  const size_t levels = tables().size();
  if (levels > 1) list.push_back({&gc_bf16_avx2, gc_kernels_avx2.tile_columns, false});
  if (levels > 2) list.push_back({&gc_bf16_avx512, gc_kernels_avx512.tile_columns, false});
  if (levels > 2 && has("avx512_bf16")) list.push_back({&gc_bf16_avx512bf16, gc_kernels_avx512.tile_columns, true});
#elif defined(GATECELL_ARM64)
  list.push_back({&gc_bf16_neon, gc_kernels_neon.tile_columns, false});
  if (has("bf16")) list.push_back({&gc_bf16_neonbf16, gc_kernels_neon.tile_columns, true});
#endif
  return list;
}

std::vector<Narrow<gc_int8_kernels>> int8_tables() {
  std::vector<Narrow<gc_int8_kernels>> list = {{&gc_int8_scalar, gc_kernels_scalar.tile_columns, false}};
#if defined(GATECELL_X86)
  const size_t levels = tables().size();
  if (levels > 1) list.push_back({&gc_int8_avx2, gc_kernels_avx2.tile_columns, false});
  if (levels > 2) list.push_back({&gc_int8_avx512, gc_kernels_avx512.tile_columns, false});
  if (levels > 2 && has("avx512_vnni")) list.push_back({&gc_int8_avx512vnni, gc_kernels_avx512.tile_columns, true});
#elif defined(GATECELL_ARM64)
  list.push_back({&gc_int8_neon, gc_kernels_neon.tile_columns, false});
  if (has("dotprod")) list.push_back({&gc_int8_neondot, gc_kernels_neon.tile_columns, true});
  if (has("i8mm")) list.push_back({&gc_int8_neoni8mm, gc_kernels_neon.tile_columns, true});
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
