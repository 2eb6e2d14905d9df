// glibc_floor.cc binds exp, log and pow to the versions of the oldest glibc: they must give the bits of the newest ones.
#if defined(__linux__) && defined(__GLIBC__) && defined(__x86_64__)
#include <dlfcn.h>

#include <cmath>
#include <cstring>

#include "lab.h"

using namespace lab;

namespace {
uint64_t bits(double x) {
  uint64_t out;
  memcpy(&out, &x, sizeof out);
  return out;
}
template <class F>
F version(const char* name, const char* which) {
  return reinterpret_cast<F>(dlvsym(RTLD_DEFAULT, name, which));
}
}  // namespace

TEST_CASE("libc: old and new versions of exp, log and pow give the same bits") {
  using One = double (*)(double);
  using Two = double (*)(double, double);
  const One old_exp = version<One>("exp", "GLIBC_2.2.5"), old_log = version<One>("log", "GLIBC_2.2.5");
  const Two old_pow = version<Two>("pow", "GLIBC_2.2.5");
  REQUIRE(old_exp);
  REQUIRE(old_log);
  REQUIRE(old_pow);
  const One new_exp = version<One>("exp", "GLIBC_2.29"), new_log = version<One>("log", "GLIBC_2.29");
  const Two new_pow = version<Two>("pow", "GLIBC_2.29");
  if (!new_exp || !new_log || !new_pow) {
    MESSAGE("this glibc has one version of exp, log and pow: skipped");
    return;
  }
  int64_t wrong = 0;
  const auto compare = [&](double x, double y) {
    wrong += bits(old_exp(x)) != bits(new_exp(x));
    if (x >= 0) wrong += bits(old_log(x)) != bits(new_log(x));
    wrong += bits(old_pow(x, y)) != bits(new_pow(x, y)) && !(std::isnan(old_pow(x, y)) && std::isnan(new_pow(x, y)));
  };
  const double edges[] = {0.0,     -0.0,    1.0,    -1.0,   709.782712893384, 709.79,
                          -745.13, -745.14, -708.4, 5e-324, 2.2e-308,         1.7e308,
                          0.5,     2.0,     0.999,  1e-8,   INFINITY,         -INFINITY};
  for (double x : edges)
    for (double y : edges) compare(x, y);
  Random random(3);
  for (int i = 0; i < 2000000; ++i) {
    const double scale = std::ldexp(1.0, static_cast<int>(random.below(40)) - 30);
    compare((random.uniform() - 0.3) * scale, (random.uniform() - 0.5) * 8);
  }
  CHECK(wrong == 0);
}
#endif
