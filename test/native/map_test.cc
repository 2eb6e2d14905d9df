// Map programs: the accuracy of their functions, the same bits in every instruction set, and what is refused.
#include "core/machine.h"
#include "map_cases.h"
#include "tables.h"

using namespace lab;

namespace {
struct Special {
  int code;
  double (*exact)(double);
  double low, high, bound;  // of |got - exact| / max(1, |exact|), or relative where `relative`
  bool relative;
};

double loggamma(double x) { return std::lgamma(x); }
const Special kSpecial[] = {{GC_MAP_LOG, std::log, 1e-44, 3e38, 1.2e-7, true},
                            {GC_MAP_LOG1P, std::log1p, 1e-30, 1e30, 2.4e-7, true},
                            {GC_MAP_ERF, std::erf, 1e-20, 6, 1.8e-7, true},
                            {GC_MAP_LGAMMA, loggamma, 1e-30, 1e30, 4e-7, false},
                            {GC_MAP_LGAMMA, loggamma, 0.5, 12, 4e-7, false},
                            {GC_MAP_DIGAMMA, ref::digamma<double>, 1e-30, 1e30, 1e-6, false},
                            {GC_MAP_DIGAMMA, ref::digamma<double>, 0.5, 12, 1e-6, false}};

// All codes on lanes with zeros, infinities and NaN, for one table; `n` elements, not whole vectors.
Floats all_codes(const gc_kernels& table, const Floats& a, const Floats& b, const Floats& c) {
  Floats all;
  for (int code = GC_MAP_ADD; code < GC_MAP_COUNT; ++code) {
    Floats out(a.size(), 7);
    const gc_map_step step = {code, out.data(), a.data(), b.data(), c.data()};
    table.map(&step, 1, static_cast<int64_t>(a.size()) - 1);
    CHECK(out.back() == 7);
    all.insert(all.end(), out.begin(), out.end());
  }
  return all;
}
}  // namespace

TEST_CASE("map: log, log1p, erf, lgamma and digamma are as exact as their comments promise") {
  for (const Special& s : kSpecial) {
    CAPTURE(s.code);
    Floats x, y(4096);
    for (int i = 0; i < 4096; ++i) x.push_back(static_cast<float>(s.low * std::pow(s.high / s.low, (i + 0.5) / 4096)));
    const gc_map_step step = {s.code, y.data(), x.data(), nullptr, nullptr};
    gatecell::kernels().map(&step, 1, 4096);
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = s.exact(static_cast<double>(x[i]));
      const double wrong = std::fabs(static_cast<double>(y[i]) - exact) /
                           (s.relative ? std::fabs(exact) : std::fmax(1, std::fabs(exact)));
      worst = wrong <= worst ? worst : wrong;
    }
    CHECK(worst <= s.bound);
  }
}

TEST_CASE("map: every function gives the same bits in every instruction set") {
  const float inf = HUGE_VALF;
  Floats a = Random(1).floats(2000, 3), b = Random(2).floats(2000, 3), c = Random(3).floats(2000, 100);
  const Floats odd = {0, -0.0f, 1, -1, inf, -inf, NAN, 1e-45f, -1e-45f, 3e38f, 100, 2, 8, 3};
  for (float x : odd)
    for (float y : odd) a.push_back(x), b.push_back(y), c.push_back(x == y ? 0 : y);
  a.push_back(1), b.push_back(1), c.push_back(1);
  const Floats expected = all_codes(gc_kernels_scalar, a, b, c);
  for (const gc_kernels* table : tables()) {
    CAPTURE(table->name);
    const Floats got = all_codes(*table, a, b, c);
    size_t different = 0;
    for (size_t i = 0; i < got.size(); ++i)
      different += !(bits(got[i]) == bits(expected[i]) || (std::isnan(got[i]) && std::isnan(expected[i])));
    CHECK(different == 0);
  }
}

TEST_CASE("map: a gradient of 0 stays 0 where the slope is infinite or NaN") {
  Graph g;
  MapBuilder p = {1, 0, {}};
  p.result = p.add(GC_MAP_LOG, 0);
  p.grads = {p.add(GC_MAP_FLOW, 1, p.add(GC_MAP_DIV, p.add(GC_MAP_CONSTANT, 1), 0))};
  const int w = g.param({3}, {0, 1, 2}), y = g.op(GC_OP_MAP, {w}, {3}, p.attributes());
  const int masked = g.op(GC_OP_SLICE, {y}, {2}, {0, 1});
  const int loss = g.out(GC_OP_MEAN_SQUARE, {masked, g.host({2}, {-1, -1})}, {2});
  g.compile(loss);
  g.run(GC_GRADIENT);
  CHECK(g.grad(w)[0] == 0);
  CHECK(g.grad(w)[1] == 1);
}

TEST_CASE(
    "map: programs that are cut off, read later values or their own gradient, and shapes that do not fit, are "
    "refused") {
  const auto status = [](const Doubles& attributes, const Dims& other = {4}) {
    Graph g;
    g.out(GC_OP_MAP, {g.host({3, 4}), g.host(other)}, {3, 4}, attributes);
    return g.try_compile();
  };
  const double add = GC_MAP_ADD;
  CHECK(status({1, 3, -1, -1, add, 0, 1, 0}) == GC_OK);
  CHECK(status({0, 0, -1, -1}) == GC_OK);
  CHECK(status({1, 3, 2, 2, add, 0, 1, 0}) == GC_OK);
  CHECK(status({1, 3, -1, -1, add, 0, 1, 0}, {3, 1}) == GC_OK);
  CHECK(status({1, 3, -1, -1, add, 0, 1, 0}, {3}) == GC_INVALID_SHAPE);
  CHECK(status({1, 3, -1, -1, add, 0, 1, 0}, {1, 3, 4}) == GC_INVALID_SHAPE);
  CHECK(status({1, 3, -1, -1, add, 0, 1}) == GC_INVALID_ARGUMENT);
  CHECK(status({2, 3, -1, -1, add, 0, 1, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 4, -1, -1, add, 0, 1, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 3, 4, -1, add, 0, 1, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 3, -2, -1, add, 0, 1, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 3, -1, -1, add, 0, 3, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 3, -1, -1, add, 0, -1, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 3, -1, -1, add, 0, 0.5, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 3, -1, -1, add, 0, NAN, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 3, -1, -1, GC_MAP_COUNT, 0, 1, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 3, -1, -1, -1, 0, 1, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({NAN, 3, -1, -1, add, 0, 1, 0}) == GC_INVALID_ARGUMENT);
  CHECK(status({1, 2, -1, -1, add, 0, 1, 0}) == GC_INVALID_ARGUMENT);  // the gradient itself
  CHECK(status({1, 3, -1, -1, add, 0, 2, 0}) == GC_INVALID_ARGUMENT);
  Doubles wide = {200, 3, -1, -1};  // a sum of as many values that are all needed at the end
  for (int i = 0; i < 100; ++i) wide.insert(wide.end(), {GC_MAP_CONSTANT, i / 7.0, 0, 0});
  for (int i = 0; i < 100; ++i) wide.insert(wide.end(), {add, i ? 102.0 + i : 0, 3.0 + i, 0});
  wide[1] = 202;
  CHECK(status(wide) == GC_UNSUPPORTED);
}

TEST_CASE("reduce: unknown kinds, sets of dimensions and shapes that do not fit are refused; NaN stays the largest") {
  const auto status = [](const Doubles& attributes, const Dims& out) {
    Graph g;
    g.out(GC_OP_REDUCE, {g.host({3, 4, 5})}, out, attributes);
    return g.try_compile();
  };
  CHECK(status({0, 1, 2}, {3, 1, 5}) == GC_OK);
  CHECK(status({1, 1, 2}, {3, 5}) == GC_OK);
  CHECK(status({0, 1, 7}, {1}) == GC_OK);
  CHECK(status({0, 1, 7}, {1, 1, 1}) == GC_OK);
  CHECK(status({0, 1, 2}, {3, 4, 5}) == GC_INVALID_SHAPE);
  CHECK(status({0, 1, 2}, {5, 3}) == GC_INVALID_SHAPE);
  for (double kind : {-1.0, 2.0, 0.5, static_cast<double>(NAN)})
    CHECK(status({kind, 1, 2}, {3, 5}) == GC_INVALID_ARGUMENT);
  for (double set : {0.0, 8.0, -1.0, 1.5, static_cast<double>(NAN)})
    CHECK(status({0, 1, set}, {3, 5}) == GC_INVALID_ARGUMENT);
  CHECK(status({0, HUGE_VAL, 2}, {3, 5}) == GC_INVALID_ARGUMENT);
  Graph g;
  const int x = g.host({2, 3}, {1, NAN, 2, 4, 6, 5}), rows = g.out(GC_OP_REDUCE, {x}, {2}, {1, 1, 2}),
            columns = g.out(GC_OP_REDUCE, {x}, {3}, {1, 1, 1});
  g.compile();
  g.run();
  CHECK(std::isnan(g.value(rows)[0]));
  CHECK(g.value(rows)[1] == 6);
  CHECK(g.value(columns)[0] == 4);
  CHECK(std::isnan(g.value(columns)[1]));
}
