// The matrix kernel of every table: each output equals one chain of fused multiply-adds bit for bit, and nothing else is written.
#include "gemm_lab.h"
#include "tables.h"

using namespace lab;

namespace {
float fused(float a, float b, float sum) { return std::fma(a, b, sum); }

void check(const gc_kernels& table, const GemmCase& shape, Random& random) {
  GemmProblem p(shape, table.tile_columns, random);
  const Floats expected = p.expected(table.tile_columns, fused);
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
    GemmProblem p({5, 33, 1, 9, 0}, table->tile_columns, random);
    for (size_t i = 0; i < p.a.size(); i += 7) p.a[i] = i % 2 ? HUGE_VALF : 1e38f;
    Floats expected = p.expected(table->tile_columns, fused);
    table->gemm(&p.g);
    for (size_t i = 0; i < expected.size(); ++i)
      CHECK((p.c[i] == expected[i] || (p.c[i] != p.c[i] && expected[i] != expected[i])));
  }
}
