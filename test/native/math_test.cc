// exp, sigmoid, tanh of math.inl: the same bits in every table, inside their bounds in ulp, and exact where they say so.
// All 2^32 floats are taken by math_exhaustive.cc; here every 211th.
#include <limits>

#include "lab.h"
#include "math_lab.h"
#include "tables.h"

using namespace lab;

namespace {
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Floats apply(const gc_kernels& table, const Function& f, const Floats& x) {
  Floats y(x.size());
  (table.*f.kernel)(x.data(), y.data(), static_cast<int64_t>(x.size()));
  return y;
}

float one(const gc_kernels& table, const Function& f, float x) { return apply(table, f, {x})[0]; }

const Function& named(const char* name) {
  for (const Function& f : functions())
    if (strcmp(f.name, name) == 0) return f;
  abort();
}

// Around every place where a formula changes its course: 2 * width floats each.
Floats edges(int width = 200) {
  Floats v = {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), from_bits(0xffc00001u),
              from_bits(0x7f800001u)};
  for (float at : {0.0f,       0x1p-149f,  0x1p-126f,  0x1p-24f,   0x1p-13f,   0x1p-12f,   0.34657359f,    0.25f,
                   0.5f,       1.0f,       9.0109134f, 9.02f,      17.328680f, 87.336544f, 87.683113f,     88.0f,
                   88.376263f, 88.722839f, 89.0f,      103.27893f, 103.97208f, 104.0f,     0x1.fffffep127f})
    for (int d = -width; d < width; ++d) {
      const float x = from_bits(static_cast<uint32_t>(static_cast<int64_t>(bits(at)) + d) & 0x7fffffffu);
      v.push_back(x);
      v.push_back(-x);
    }
  return v;
}

Floats random_values() {
  Random random(22);
  Floats v = random.floats(20000, 12);
  const Floats wide = random.floats(20000, 120);
  v.insert(v.end(), wide.begin(), wide.end());
  for (int i = 0; i < 40000; ++i) v.push_back(from_bits(static_cast<uint32_t>(random.next())));
  return v;
}
}  // namespace

TEST_CASE("math: same bits in every table") {
  for (const Floats& x : {edges(), random_values()})
    for (const Function& f : functions()) {
      const Floats expected = apply(gc_kernels_scalar, f, x);
      for (const gc_kernels* table : tables()) {
        CAPTURE(f.name);
        CAPTURE(table->name);
        const Floats got = apply(*table, f, x);
        size_t different = 0;
        for (size_t i = 0; i < x.size(); ++i) different += !same_float(got[i], expected[i]);
        CHECK(different == 0);
      }
    }
}

TEST_CASE("math: every 211th float and every edge inside the bound") {
  // One table stands for all: the case above and the exhaustive one compare their bits.
  const gc_kernels& table = *tables().back();
  for (const Function& f : functions()) {
    Worst worst;
    const auto visit = [&](const Floats& x) {
      const Floats y = apply(table, f, x);
      for (size_t i = 0; i < x.size(); ++i) worst.see(f, x[i], y[i]);
    };
    for_floats(0, uint64_t{1} << 32, 211, 4096, visit);
    visit(edges());
    CAPTURE(f.name);
    CAPTURE(worst.ulp);
    CAPTURE(worst.at);
    CHECK(worst.broken == 0);
    CHECK(worst.ulp > 0.4);  // no function of these is rounded correctly: less would mean that nothing was measured
  }
}

TEST_CASE("math: exact values") {
  for (const gc_kernels* table : tables()) {
    CAPTURE(table->name);
    const Function &exp = named("exp"), &sigmoid = named("sigmoid"), &tanh = named("tanh");
    CHECK(one(*table, exp, 0.0f) == 1.0f);
    CHECK(one(*table, exp, -0.0f) == 1.0f);
    CHECK(one(*table, exp, kInfinity) == kInfinity);
    CHECK(one(*table, exp, 88.73f) == kInfinity);
    CHECK(one(*table, exp, 88.72f) < kInfinity);
    CHECK(one(*table, exp, -kInfinity) == 0.0f);
    CHECK(one(*table, exp, -103.9f) == 0x1p-149f);
    CHECK(one(*table, sigmoid, 0.0f) == 0.5f);
    CHECK(one(*table, sigmoid, -0.0f) == 0.5f);
    CHECK(one(*table, sigmoid, 18.0f) == 1.0f);
    CHECK(one(*table, sigmoid, kInfinity) == 1.0f);
    CHECK(one(*table, sigmoid, -88.0f) == 0.0f);
    CHECK(one(*table, sigmoid, -kInfinity) == 0.0f);
    CHECK(bits(one(*table, tanh, 0.0f)) == bits(0.0f));
    CHECK(bits(one(*table, tanh, -0.0f)) == bits(-0.0f));
    CHECK(one(*table, tanh, kInfinity) == 1.0f);
    CHECK(one(*table, tanh, -kInfinity) == -1.0f);
    for (const Function& f : functions()) CHECK(std::isnan(one(*table, f, std::numeric_limits<float>::quiet_NaN())));
  }
}

TEST_CASE("math: tanh is odd, at most 1, and x itself for tiny x; sigmoid lies in [0, 1]") {
  const gc_kernels& table = *tables().back();
  const Function &sigmoid = named("sigmoid"), &tanh = named("tanh");
  size_t odd = 0, large = 0, tiny = 0, outside = 0;
  for_floats(0, 0x7f800001u, 997, 4096, [&](const Floats& x) {
    Floats minus = x;
    for (float& v : minus) v = -v;
    const Floats up = apply(table, tanh, x), down = apply(table, tanh, minus), right = apply(table, sigmoid, x),
                 left = apply(table, sigmoid, minus);
    for (size_t i = 0; i < x.size(); ++i) {
      odd += bits(down[i]) != (bits(up[i]) ^ 0x80000000u);
      large += !(up[i] <= 1);
      tiny += x[i] < 0x1p-13f && up[i] != x[i];
      outside += !(right[i] >= 0.5f && right[i] <= 1 && left[i] >= 0 && left[i] <= 0.5f);
    }
  });
  CHECK(odd == 0);
  CHECK(large == 0);
  CHECK(tiny == 0);
  CHECK(outside == 0);
}

TEST_CASE("math: in place, and at every length without touching what follows") {
  const Floats x = random_values();
  for (const gc_kernels* table : tables())
    for (const Function& f : functions()) {
      CAPTURE(table->name);
      CAPTURE(f.name);
      const Floats all = apply(*table, f, Floats(x.begin(), x.begin() + 64));
      size_t wrong = 0;
      for (int64_t n = 0; n <= 40; ++n) {
        Floats y(x.begin(), x.begin() + 64);
        (table->*f.kernel)(y.data(), y.data(), n);
        for (size_t i = 0; i < 64; ++i) wrong += bits(y[i]) != bits(i < static_cast<size_t>(n) ? all[i] : x[i]);
      }
      CHECK(wrong == 0);
    }
}
