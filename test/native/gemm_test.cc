// The matrix kernel of every table: each output equals one chain of fused multiply-adds bit for bit, and nothing else is written.
#include <algorithm>

#include "lab.h"
#include "tables.h"

using namespace lab;

namespace {
struct Case {
  int64_t rows, columns, segments, length;
  int start;  // 0: zero, 1: C, 2: a start vector
};

constexpr float kSentinel = 12345.5f;

struct Problem {
  Case shape;
  gc_gemm g = {};
  Floats a, b, c, start;

  // Distances between rows, segments and tiles are larger than they need be, so that a mixed-up one shows.
  Problem(const Case& s, int64_t width, Random& random) : shape(s) {
    const int64_t tiles = (s.columns + width - 1) / width;
    g.a_k = random.below(2) ? 1 : 6;
    g.a_segment = s.length * g.a_k + random.below(3);
    g.a_row = g.a_k == 1 ? g.a_segment * s.segments + random.below(5) : 1;
    g.b_k = width;
    g.b_segment = s.length * width;
    g.b_tile = s.segments * s.length * width + width * random.below(2);
    g.c_tile = width;
    g.c_row = tiles * width + random.below(4);
    g.rows = s.rows, g.columns = s.columns, g.segments = s.segments, g.segment_length = s.length;
    g.accumulate = s.start == 1;
    a = random.floats(s.rows * g.a_row + s.segments * g.a_segment + s.length * g.a_k + 8);
    b = random.floats(tiles * g.b_tile);
    c = s.start == 1 ? random.floats(s.rows * g.c_row) : Floats(static_cast<size_t>(s.rows * g.c_row), kSentinel);
    start = random.floats(tiles * width);
    g.a = a.data(), g.b = b.data(), g.c = c.data();
    g.start = s.start == 2 ? start.data() : nullptr;
  }

  Floats expected(int64_t width) const {
    Floats to = c;
    for (int64_t m = 0; m < g.rows; ++m) {
      for (int64_t n = 0; n < g.columns; ++n) {
        float& at = to[static_cast<size_t>(m * g.c_row + n)];
        float sum = shape.start == 2 ? start[static_cast<size_t>(n)] : shape.start == 1 ? at : 0.0f;
        for (int64_t s = 0; s < g.segments; ++s)
          for (int64_t k = 0; k < g.segment_length; ++k)
            sum = std::fma(a[static_cast<size_t>(m * g.a_row + s * g.a_segment + k * g.a_k)],
                           b[static_cast<size_t>(n / width * g.b_tile + s * g.b_segment + k * g.b_k + n % width)], sum);
        at = sum;
      }
    }
    return to;
  }
};

void check(const gc_kernels& table, const Case& shape, Random& random) {
  Problem p(shape, table.tile_columns, random);
  const Floats expected = p.expected(table.tile_columns);
  table.gemm(&p.g);
  CAPTURE(shape.rows);
  CAPTURE(shape.columns);
  CAPTURE(shape.segments);
  CAPTURE(shape.length);
  CAPTURE(shape.start);
  const std::string wrong = difference(p.c, expected);
  if (!wrong.empty()) FAIL(table.name << ": " << wrong);
}
}  // namespace

TEST_CASE("gemm: every count of rows and columns, every table, the bits of one chain") {
  for (const gc_kernels* table : tables()) {
    Random random(1);
    for (int64_t rows = 1; rows <= 13; ++rows)
      for (int64_t columns = 1; columns <= 130; columns += rows < 3 ? 1 : 1 + random.below(12))
        check(*table, {rows, columns, 1 + random.below(3), 1 + random.below(12), static_cast<int>(random.below(3))},
              random);
    CHECK(table->tile_columns > 0);
  }
}

TEST_CASE("gemm: every length of the chain, every table, the bits of one chain") {
  for (const gc_kernels* table : tables()) {
    Random random(2);
    for (int64_t k = 1; k <= 70; ++k)
      for (int start = 0; start < 3; ++start)
        check(*table, {1 + random.below(13), 1 + random.below(130), 1, k, start}, random);
    for (int64_t segments = 1; segments <= 9; ++segments) check(*table, {7, 65, segments, 64, 1}, random);
    CHECK(table->tile_columns > 0);
  }
}

TEST_CASE("gemm: infinities and NaN travel down the chain alike in every table") {
  for (const gc_kernels* table : tables()) {
    Random random(3);
    Problem p({5, 33, 1, 9, 0}, table->tile_columns, random);
    for (size_t i = 0; i < p.a.size(); i += 7) p.a[i] = i % 2 ? HUGE_VALF : 1e38f;
    Floats expected = p.expected(table->tile_columns);
    table->gemm(&p.g);
    for (size_t i = 0; i < expected.size(); ++i)
      CHECK((p.c[i] == expected[i] || (p.c[i] != p.c[i] && expected[i] != expected[i])));
  }
}
