// Functions of tensors, reductions, products of batches and moved rows on the device, beyond the cases of ops_test.cc: the precisions of
// products, sums over pieces, more ids than a block has threads, infinities, and NaN.
#include "array_cases.h"
#include "map_cases.h"
#include "twins.h"

using namespace lab;

namespace {
// The op of a case over parameters, under a mean-square loss.
void build(const OpCase& c, Graph& g, Twins& t) {
  Random random(61);
  std::vector<int> in;
  for (const Dims& dims : c.inputs) {
    const auto n = static_cast<int32_t>(count_of(dims));
    t.parameters.push_back(g.param({n}, random.floats(n)));
    in.push_back(g.op(GC_OP_RESHAPE, {t.parameters.back()}, dims));
  }
  c.add_ids(g, in);
  t.results.push_back(g.out(c.opcode, in, c.out, c.attributes));
  t.loss = g.out(GC_OP_MEAN_SQUARE, {t.results[0], g.host(c.out, random.floats(count_of(c.out)))}, {2});
}

// Checks that results and gradients have the processor's bits.
void check_bits(const OpCase& c) {
  CAPTURE(c.name);
  Twins twins([&](Graph& g, Twins& t) { build(c, g, t); });
  twins.compile();
  twins.run(GC_GRADIENT);
  CHECK(twins.first_difference() == "");
}
}  // namespace

TEST_CASE("cuda matmul: in tf32 and bf16 within the bound of tf32, and two runs give the same bits") {
  for (const auto& [T, B, C] : {std::array<int32_t, 3>{3, 2, 5}, {2, 40, 70}, {2, 70, 33}})
    for (const OpCase& c : matmul_cases(T, B, C))
      for (int32_t precision : {GC_TF32, GC_BF16}) {
        CAPTURE(c.name);
        CAPTURE(precision);
        Twins twins([&](Graph& g, Twins& t) { build(c, g, t); }, precision);
        twins.compile();
        twins.run(GC_GRADIENT);
        CHECK(twins.worst() < 4e-3);
        CHECK(twins.change_of_gradients() == "");
      }
}

TEST_CASE("cuda map, reduce and moved rows: the processor's bits in every precision") {
  std::vector<OpCase> cases = map_cases(2, 3, 20);
  for (const auto& part : {reduce_cases(2, 3, 20), rearrange_cases(2, 3, 20), take_cases(2, 3, 20)})
    cases.insert(cases.end(), part.begin(), part.end());
  for (const OpCase& c : cases) {
    CAPTURE(c.name);
    Twins twins([&](Graph& g, Twins& t) { build(c, g, t); }, GC_BF16);
    twins.compile();
    twins.run(GC_FORWARD);
    CHECK(difference(twins.device.value(twins.results[0]), twins.cpu.value(twins.results[0])) == "");
  }
}

TEST_CASE("cuda map: gradients of one element and of rows that serve many, of which the sums are cut into pieces") {
  check_bits(map_case("one element for two pieces", {{1}, {8192}}, {8192}, kinked()));
  check_bits(map_case("one element for all", {{1}, {3, 5, 100}}, {3, 5, 100}, kinked()));
  check_bits(map_case("a column for rows of 700", {{9, 1}, {9, 700}}, {9, 700}, kinked()));
  check_bits(map_case("rank 4", {{2, 1, 3, 1}, {1, 4, 1, 7}}, {2, 4, 3, 7}, kinked()));
}

TEST_CASE("cuda gather and scatter_add: more ids than a block has threads, and rows longer than a block") {
  for (bool gathers : {true, false}) {
    check_bits(take_case("many ids", gathers, {7, 5}, {600, 5}, 0, {600}));
    check_bits(take_case("long rows", gathers, {4, 300}, {9, 300}, 0, {9}));
    check_bits(take_case("many rows", gathers, {50, 3, 4}, {50, 11, 4}, 1, {11}));
  }
}

TEST_CASE("cuda map: every function on zeros, infinities and NaN") {
  const float inf = HUGE_VALF;
  Floats a, b;
  const Floats odd = {0, -0.0f, 1, -1, inf, -inf, NAN, 1e-45f, 3e38f, 100, 2.5f, -8};
  for (float x : odd)
    for (float y : odd) a.push_back(x), b.push_back(y);
  const auto n = static_cast<int32_t>(a.size());
  for (int code = GC_MAP_ADD; code < GC_MAP_COUNT; ++code) {
    CAPTURE(code);
    MapBuilder p = {2, 0, {-1, -1}};
    p.result = p.add(code, 0, 1, 1);
    Twins twins([&](Graph& g, Twins& t) {
      t.results = {g.out(GC_OP_MAP, {g.host({n}, a), g.host({n}, b)}, {n}, p.attributes())};
    });
    twins.compile();
    twins.run(GC_FORWARD);
    const Floats here = twins.cpu.value(twins.results[0]), there = twins.device.value(twins.results[0]);
    size_t different = 0;
    for (size_t i = 0; i < here.size(); ++i)
      different += !(bits(here[i]) == bits(there[i]) || (std::isnan(here[i]) && std::isnan(there[i])));
    CHECK(different == 0);
  }
}

TEST_CASE("cuda reduce: the largest value is NaN where one is NaN, and ties share its gradient") {
  for (int set : {1, 2, 3}) {
    CAPTURE(set);
    Twins twins([&](Graph& g, Twins& t) {
      const Dims out = {set & 1 ? 1 : 3, set & 2 ? 1 : 100};
      Floats values(300, -1.5f);
      values[7] = values[207] = values[299] = 2, values[110] = NAN, values[12] = 0, values[13] = -0.0f;
      const int x = g.param({3, 100}, values), most = g.out(GC_OP_REDUCE, {x}, out, {1, 1, double(set)});
      t.results = {most}, t.parameters = {x};
      const int loss = g.op(GC_OP_MAP, {most}, out, special());
      t.loss = g.out(GC_OP_REDUCE, {loss}, {1}, {0, 1, 3});
    });
    twins.compile();
    twins.run(GC_GRADIENT);
    const auto same = [](const Floats& got, const Floats& expected) {
      size_t different = 0;
      for (size_t i = 0; i < got.size(); ++i)
        different += !(bits(got[i]) == bits(expected[i]) || (std::isnan(got[i]) && std::isnan(expected[i])));
      return different == 0;
    };
    CHECK(same(twins.device.value(twins.results[0]), twins.cpu.value(twins.results[0])));
    CHECK(same(twins.device.grad(twins.parameters[0]), twins.cpu.grad(twins.parameters[0])));
  }
}
