// vec.h: every operation gives the same bits in every instruction set, and NaN, zeros and ties behave as its comments define.
#include <doctest/doctest.h>

#if defined(GATECELL_X86)
#include <immintrin.h>
#endif

#include <cmath>
#include <limits>

#include "lab.h"
#include "math_lab.h"
#include "tables.h"

#include "kernels/scalar/vec.h"
namespace gc_scalar {
namespace {
#include "vec_probe.inl"
}  // namespace
}  // namespace gc_scalar

#if defined(GATECELL_X86)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#include "kernels/avx2/vec.h"
namespace gc_avx2 {
namespace {
#include "vec_probe.inl"
}  // namespace
}  // namespace gc_avx2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma")
#endif
#include "kernels/avx512/vec.h"
namespace gc_avx512 {
namespace {
#include "vec_probe.inl"
}  // namespace
}  // namespace gc_avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#elif defined(GATECELL_ARM64)
#include "kernels/neon/vec.h"
namespace gc_neon {
namespace {
#include "vec_probe.inl"
}  // namespace
}  // namespace gc_neon
#endif

using namespace lab;

namespace {
// Zeros, denormals, ties, the edges of integers, infinities, NaN of both kinds, each with both signs.
Floats special_values() {
  Floats v;
  for (float x : {0.0f,
                  0x1p-149f,
                  0x1.fffffcp-127f,
                  0x1p-126f,
                  0x1p-24f,
                  0.25f,
                  0.49999997f,
                  0.5f,
                  1.0f,
                  1.5f,
                  2.5f,
                  3.0f,
                  8388607.5f,
                  8388608.0f,
                  16777217.0f,
                  2147483520.0f,
                  2147483648.0f,
                  0x1.fffffep127f,
                  std::numeric_limits<float>::infinity(),
                  std::numeric_limits<float>::quiet_NaN(),
                  from_bits(0x7fc12345u)}) {
    v.push_back(x);
    v.push_back(-x);
  }
  return v;
}

struct Inputs {
  Floats a, b, c;
  Inputs() {
    const Floats s = special_values();
    for (float x : s)
      for (float y : s) a.push_back(x), b.push_back(y), c.push_back(s[(a.size() * 7) % s.size()]);
    Random random(21);
    while (a.size() % 16 != 0 || a.size() < 20000) {
      // Any bits, and numbers of everyday size.
      const bool any = random.below(2) == 0;
      for (Floats* v : {&a, &b, &c})
        v->push_back(any ? from_bits(static_cast<uint32_t>(random.next()))
                         : static_cast<float>((2 * random.uniform() - 1) * 100));
    }
  }
  size_t size() const { return a.size(); }
};

template <class P>
Ids outcome(const P& probe, const Inputs& in) {
  Ids out(in.size());
  probe.run(in.a.data(), in.b.data(), in.c.data(), out.data(), static_cast<int64_t>(in.size()));
  return out;
}

template <class P>
void compare(const P* list, int count, const Inputs& in) {
  REQUIRE(count == gc_scalar::probe_count);
  for (int p = 0; p < count; ++p) {
    CAPTURE(list[p].name);
    const Ids got = outcome(list[p], in), expected = outcome(gc_scalar::probes[p], in);
    size_t different = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      const bool both_nan = list[p].floats && std::isnan(from_bits(static_cast<uint32_t>(got[i]))) &&
                            std::isnan(from_bits(static_cast<uint32_t>(expected[i])));
      different += got[i] != expected[i] && !both_nan;
    }
    CHECK(different == 0);
  }
}

// The result of the scalar probe `name` for one triple.
float scalar_float(const char* name, float a, float b = 0, float c = 0) {
  const Floats x(16, a), y(16, b), z(16, c);
  int32_t out[16];
  for (int p = 0; p < gc_scalar::probe_count; ++p)
    if (strcmp(gc_scalar::probes[p].name, name) == 0) gc_scalar::probes[p].run(x.data(), y.data(), z.data(), out, 16);
  return from_bits(static_cast<uint32_t>(out[0]));
}
}  // namespace

TEST_CASE("vec: every operation gives the scalar bits in every instruction set") {
  const Inputs in;
  compare(gc_scalar::probes, gc_scalar::probe_count, in);
#if defined(GATECELL_X86)
  const size_t usable = tables().size();
  if (usable > 1) compare(gc_avx2::probes, gc_avx2::probe_count, in);
  if (usable > 2) compare(gc_avx512::probes, gc_avx512::probe_count, in);
#elif defined(GATECELL_ARM64)
  compare(gc_neon::probes, gc_neon::probe_count, in);
#endif
}

TEST_CASE("vec: the scalar operations are the ones of IEEE 754") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  // The second operand where either is NaN or both are zero.
  CHECK(scalar_float("min", nan, 1) == 1);
  CHECK(std::isnan(scalar_float("min", 1, nan)));
  CHECK(scalar_float("max", nan, 1) == 1);
  CHECK(std::isnan(scalar_float("max", 1, nan)));
  CHECK(bits(scalar_float("min", 0.0f, -0.0f)) == bits(-0.0f));
  CHECK(bits(scalar_float("max", -0.0f, 0.0f)) == bits(0.0f));
  for (float x : special_values()) {
    CAPTURE(x);
    CHECK(same_float(scalar_float("round", x), std::nearbyint(x)));
    CHECK(same_float(scalar_float("sqrt", x), std::sqrt(x)));
    CHECK(same_float(scalar_float("fma", x, 3.1f, 0.7f), std::fma(x, 3.1f, 0.7f)));
    CHECK(same_float(scalar_float("fnma", x, 3.1f, 0.7f), std::fma(-x, 3.1f, 0.7f)));
    const bool fits = x >= -0x1p31f && x < 0x1p31f;
    CHECK(bits(scalar_float("to_int", x)) ==
          static_cast<uint32_t>(fits ? static_cast<int32_t>(std::nearbyint(x)) : INT32_MIN));
  }
}

TEST_CASE("vec: loads and stores of the first lanes touch nothing else") {
  Floats a(17 * 16, 2), c(17 * 16, -1);
  Ids out(a.size());
  const auto expect = [&](const gc_scalar::Probe& probe, float inside, float outside) {
    probe.run(a.data(), a.data(), c.data(), out.data(), static_cast<int64_t>(a.size()));
    for (size_t i = 0; i < out.size(); ++i)
      CHECK(from_bits(static_cast<uint32_t>(out[i])) == (i % 16 < i / 16 ? inside : outside));
  };
  for (int p = 0; p < gc_scalar::probe_count; ++p) {
    if (strcmp(gc_scalar::probes[p].name, "partial") == 0) expect(gc_scalar::probes[p], 3, -1);
    if (strcmp(gc_scalar::probes[p].name, "zero_beyond") == 0) expect(gc_scalar::probes[p], 2, 0);
  }
}
