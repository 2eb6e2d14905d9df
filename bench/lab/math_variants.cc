// math_variants.cc: the attempts behind native/kernels/shared/math.inl, numbered; accuracy and speed of each, whole cells.
//
//   g++ -std=c++17 -O3 -ffp-contract=off -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -DISA=avx512 FILE && ./a.out
//   the same with -mavx2 -mfma -DISA=avx2
//
// Zen 4 (EPYC, 2 cores of a shared machine), GCC 12; ns per 16 cells, avx512 | avx2; largest sampled ulp of sigmoid, tanh:
//   1 Horner, expm1              24.9 | 39.0   1.61 2.49   the first version
//   2 Estrin, expm1              23.4 | 37.7   1.61 2.49
//   3 table of 8, expm1          22.4 | 36.4   1.79 2.49
//   4 table of 8, rational 9/8   20.4 | 29.6   1.79 4.90   misses 4 ulp, and |tanh| <= 1 needs a clamp more
//   5 table of 8, half angle     19.7 | 27.9   1.79 3.79   chosen
//   6 as 5, divisions in pairs   22.3 | 34.9   2.99 4.94   a division costs about 2 FMA slots here, sharing one 3 products
//   7 as 5, all four in one      23.0 | 38.8   4.07 5.56
//   8 as 5, h one row later      18.7 | 23.9   1.79 3.79   tanh(c) of a row runs beside the gates of the next
//   9 as 5, table with degree 3  18.8 | 26.8   2.05 3.79   misses 2 ulp
// Lost without a line here: e / (1 + e) for sigmoid (2.2 ulp), 1 / (1 + exp(-x)) unfolded (2.2 ulp), three sigmoids in lockstep
// and two rows per turn (no gain over the out-of-order core). Where a division takes 16 clocks a vector 6 may win the time, at
// 1 ulp more.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define GC_TEXT2(x) #x
#define GC_TEXT(x) GC_TEXT2(x)
#define GC_VEC ../../native/kernels/ISA/vec.h
#include GC_TEXT(GC_VEC)
#define GC_JOIN2(a, b) a##b
#define GC_JOIN(a, b) GC_JOIN2(a, b)

namespace GC_JOIN(gc_, ISA) {
namespace {
#include "../../native/kernels/shared/math.inl"

const float kRounder = 12583039.0f;  // 1.5 * 2^23 + 127

GC_INLINE V damped(V x, V e) {
  const V w = v_div(e, v_add(v_set(1.0f), e)), whole = v_select_negative(x, e, v_set(1.0f));
  return v_fnma(whole, w, whole);
}

// exp(r), |r| <= ln2 / 2, relative error 2^-28.2 before rounding.
GC_INLINE V exp_horner(V r) {
  V q = v_fma(v_set(0x1.6a4d6p-10f), r, v_set(0x1.12398ep-7f));
  q = v_fma(q, r, v_set(0x1.5558bp-5f));
  q = v_fma(q, r, v_set(0x1.555492p-3f));
  q = v_fma(q, r, v_set(0x1.fffffcp-2f));
  q = v_fma(q, r, v_set(1.0f));
  return v_fma(q, r, v_set(1.0f));
}
// The table with r + r^2 (1/2 + ...) of degree 3 instead of 4: 2^-25.2.
GC_INLINE V sigmoid_degree3(V x) {
  const V c = v_max(v_set(-88.0f), v_negabs(x)), rounder = v_set(0x1.8p+23f);
  const V rounded = v_fma(c, v_set(0x1.715476p+3f), rounder), k = v_sub(rounded, rounder);
  const V r = v_fnma(k, v_set(-0x1.05c61p-32f), v_fnma(k, v_set(0x1.62e43p-4f), c));
  const V power = v_from_bits(vi_add(vi_shl<20>(v_bits(rounded)), vi_lookup8(eighth_powers, v_bits(rounded))));
  const V q = v_fma(v_fma(v_set(0x1.55567cp-3f), r, v_set(0x1.000878p-1f)), v_mul(r, r), r);
  return damped(x, v_fma(power, q, power));
}

struct Reduced {
  V r, power;
};
GC_INLINE Reduced reduce(V c) {
  const V rounded = v_fma(c, v_set(0x1.715476p+0f), v_set(kRounder)), n = v_sub(rounded, v_set(kRounder));
  return {v_fnma(n, v_set(-0x1.05c61p-29f), v_fnma(n, v_set(0x1.62e43p-1f), c)), v_from_bits(vi_shl<23>(v_bits(rounded)))};
}
GC_INLINE V sigmoid_horner(V x) {
  const Reduced a = reduce(v_max(v_set(-88.0f), v_negabs(x)));
  return damped(x, v_mul(exp_horner(a.r), a.power));
}
GC_INLINE V sigmoid_estrin(V x) {
  const Reduced a = reduce(v_max(v_set(-88.0f), v_negabs(x)));
  const V s = v_mul(a.r, a.r), low = v_fma(v_set(0x1.555492p-3f), a.r, v_set(0x1.fffffcp-2f));
  const V high = v_fma(v_set(0x1.6a4d6p-10f), s, v_fma(v_set(0x1.12398ep-7f), a.r, v_set(0x1.5558bp-5f)));
  return damped(x, v_fma(v_fma(v_fma(high, s, low), s, a.r), a.power, a.power));
}

// -m / (2 + m), m = exp(-2|x|) - 1 = 2^n (exp(2u) - 1) + (2^n - 1).
template <bool estrin>
GC_INLINE V tanh_expm1(V x) {
  const V c = v_max(v_set(-10.0f), v_negabs(x));
  const V rounded = v_fma(c, v_set(0x1.715476p+1f), v_set(kRounder)), n = v_sub(rounded, v_set(kRounder));
  const V u = v_fnma(n, v_set(0x1.62e43p-2f), c), power = v_from_bits(vi_shl<23>(v_bits(rounded))), s = v_mul(u, u);
  V q;
  if (estrin) {
    const V high = v_fma(v_set(0x1.6b9c68p-4f), s, v_fma(v_set(0x1.12254ap-2f), u, v_set(0x1.5556f2p-1f)));
    q = v_fma(high, s, v_fma(v_set(0x1.5554b4p+0f), u, v_set(0x1.fffffep+0f)));
  } else {
    q = v_fma(v_set(0x1.6b9c68p-4f), u, v_set(0x1.12254ap-2f));
    q = v_fma(q, u, v_set(0x1.5556f2p-1f));
    q = v_fma(q, u, v_set(0x1.5554b4p+0f));
    q = v_fma(q, u, v_set(0x1.fffffep+0f));
  }
  const V m = v_fma(v_fma(q, s, v_add(u, u)), power, v_sub(power, v_set(1.0f)));
  const V y = v_div(m, v_add(v_set(2.0f), m));
  return v_select_negative(x, y, v_neg(y));
}
GC_INLINE V tanh_rational(V x) {
  const V c = v_min(v_set(9.02f), v_max(v_set(-9.02f), x)), s = v_mul(c, c);
  V p = v_fma(s, v_set(0x1.cbb1fep-27f), v_set(0x1.5a2d3p-16f)), q = v_fma(s, v_set(0x1.a22516p-21f), v_set(0x1.58d00cp-12f));
  p = v_fma(s, p, v_set(0x1.ca69eep-9f)), q = v_fma(s, q, v_set(0x1.a816b2p-6f));
  p = v_fma(s, p, v_set(0x1.1213d4p-3f)), q = v_fma(s, q, v_set(0x1.de5f38p-2f));
  p = v_fma(s, p, v_set(1.0f)), q = v_fma(s, q, v_set(1.0f));
  return v_min(v_set(1.0f), v_max(v_set(-1.0f), v_div(v_mul(c, p), q)));
}

template <V (*sigmoid)(V), V (*tangent)(V)>
struct Plain {
  static V tanh(V x) { return tangent(x); }
  static void gates(V& i, V& f, V& g, V& o) { i = sigmoid(i), f = sigmoid(f), g = tangent(g), o = sigmoid(o); }
};

// Numerator and denominator of w = e / (1 + e) and of tanh, so that quotients can share a division.
struct Quotient {
  V top, bottom, whole;
};
GC_INLINE Quotient sigmoid_parts(V x) {
  const V e = exp_negative(v_max(v_set(-88.0f), v_negabs(x)));
  return {e, v_add(v_set(1.0f), e), v_select_negative(x, e, v_set(1.0f))};
}
GC_INLINE Quotient tanh_parts(V x) {
  const V c = v_min(v_set(0x1.20596cp+3f), v_max(v_set(-0x1.20596cp+3f), x)), s = v_mul(c, c);
  V p = v_fma(s, v_set(0x1.dfa82p-14f), v_set(0x1.e7e52ep-6f)), q = v_fma(s, v_set(0x1.4a7c4ap-19f), v_set(0x1.3c6cd4p-9f));
  q = v_fma(s, q, v_set(0x1.cf4e98p-3f)), p = v_fma(v_mul(c, s), p, c), q = v_fma(s, q, v_set(2.0f));
  return {v_mul(p, v_add(q, q)), v_fma(q, q, v_mul(p, p)), c};
}
GC_INLINE V limited(V y) { return v_min(v_set(1.0f), v_max(v_set(-1.0f), y)); }
template <bool all_in_one>
struct Shared {
  static V tanh(V x) { return v_tanh(x); }
  static void gates(V& i, V& f, V& g, V& o) {
    const Quotient a = sigmoid_parts(i), b = tanh_parts(g), c = sigmoid_parts(f), d = sigmoid_parts(o);
    const V ab = v_mul(a.bottom, b.bottom), cd = v_mul(c.bottom, d.bottom), one = v_set(1.0f);
    V first, second;
    if (all_in_one) {
      const V r = v_div(one, v_mul(ab, cd));
      first = v_mul(r, cd), second = v_mul(r, ab);
    } else {
      first = v_div(one, ab), second = v_div(one, cd);
    }
    i = v_fnma(a.whole, v_mul(v_mul(a.top, b.bottom), first), a.whole);
    g = limited(v_mul(v_mul(b.top, a.bottom), first));
    f = v_fnma(c.whole, v_mul(v_mul(c.top, d.bottom), second), c.whole);
    o = v_fnma(d.whole, v_mul(v_mul(d.top, c.bottom), second), d.whole);
  }
};

template <class A>
__attribute__((noinline)) void cells(float* gates, const float* before, float* c, float* h, int rows) {
  for (int at = 0; at < rows * 16; at += VL) {
    float* g0 = gates + at / 16 * 64 + at % 16;
    V i = v_load(g0), f = v_load(g0 + 16), g = v_load(g0 + 32), o = v_load(g0 + 48);
    A::gates(i, f, g, o);
    const V now = v_fma(f, v_load(before + at), v_mul(i, g));
    v_store(c + at, now);
    v_store(h + at, v_mul(o, A::tanh(now)));
    v_store(g0, i), v_store(g0 + 16, f), v_store(g0 + 32, g), v_store(g0 + 48, o);
  }
}
template <class A>
__attribute__((noinline)) void cells_later(float* gates, const float* before, float* c, float* h, int rows) {
  V last_c = v_zero(), last_o = v_zero();
  for (int at = 0; at < rows * 16; at += VL) {
    float* g0 = gates + at / 16 * 64 + at % 16;
    V i = v_load(g0), f = v_load(g0 + 16), g = v_load(g0 + 32), o = v_load(g0 + 48);
    A::gates(i, f, g, o);
    const V last_h = v_mul(last_o, A::tanh(last_c));
    if (at > 0) v_store(h + at - VL, last_h);
    last_c = v_fma(f, v_load(before + at), v_mul(i, g)), last_o = o;
    v_store(c + at, last_c);
    v_store(g0, i), v_store(g0 + 16, f), v_store(g0 + 32, g), v_store(g0 + 48, o);
  }
  v_store(h + rows * 16 - VL, v_mul(last_o, A::tanh(last_c)));
}

double ulp(float got, double exact) {
  int exponent;
  std::frexp(exact, &exponent);
  return std::fabs(got - exact) * std::ldexp(1.0, 24 - exponent);
}
template <class A>
void accuracy(double* worst) {
  for (double x = -80; x < 20; x += 0.000013) {
    const float at = static_cast<float>(x * std::fabs(x) / 80);
    V i = v_set(at), f = i, g = i, o = i;
    A::gates(i, f, g, o);
    float y[16];
    v_store(y, i);
    worst[0] = std::fmax(worst[0], ulp(y[0], 1 / (1 + std::exp(-static_cast<double>(at)))));
    v_store(y, g);
    if (at != 0) worst[1] = std::fmax(worst[1], ulp(y[0], std::tanh(static_cast<double>(at))));
  }
}

struct Attempt {
  const char* name;
  void (*cells)(float*, const float*, float*, float*, int);
  void (*accuracy)(double*);
};
template <class A>
constexpr Attempt attempt(const char* name) { return {name, cells<A>, accuracy<A>}; }
using Chosen = Plain<v_sigmoid, v_tanh>;
const Attempt attempts[] = {
    attempt<Plain<sigmoid_horner, tanh_expm1<false>>>("1 Horner, expm1"),
    attempt<Plain<sigmoid_estrin, tanh_expm1<true>>>("2 Estrin, expm1"),
    attempt<Plain<v_sigmoid, tanh_expm1<true>>>("3 table of 8, expm1"),
    attempt<Plain<v_sigmoid, tanh_rational>>("4 table of 8, rational 9/8"),
    attempt<Chosen>("5 table of 8, half angle"),
    attempt<Shared<false>>("6 as 5, divisions in pairs"),
    attempt<Shared<true>>("7 as 5, all four in one"),
    {"8 as 5, h one row later", cells_later<Chosen>, accuracy<Chosen>},
    attempt<Plain<sigmoid_degree3, v_tanh>>("9 as 5, table with degree 3"),
};
}  // namespace
}  // namespace GC_JOIN(gc_, ISA)

int main() {
  using namespace GC_JOIN(gc_, ISA);
  const int rows = 24, turns = 300;
  std::vector<float> memory(rows * 64 + rows * 48 + 64);
  float* gates = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) & ~uintptr_t{63});
  float *before = gates + rows * 64, *c = before + rows * 16, *h = c + rows * 16;
  const int count = sizeof attempts / sizeof attempts[0];
  std::vector<double> best(count, 1e9);
  for (int round = 0; round < 200; ++round)
    for (int a = 0; a < count; ++a) {
      for (int i = 0; i < rows * 80; ++i) gates[i] = static_cast<float>(rand() % 6000 - 3000) / 1000;
      const auto start = std::chrono::steady_clock::now();
      for (int turn = 0; turn < turns; ++turn) attempts[a].cells(gates, before, c, h, rows);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      best[a] = std::fmin(best[a], took.count() / turns / rows * 1e9);
    }
  for (int a = 0; a < count; ++a) {
    double worst[2] = {0, 0};
    attempts[a].accuracy(worst);
    std::printf("%-28s %6.2f ns per 16 cells %7.1f Mcells/s   max ulp (sampled) sigmoid %.2f tanh %.2f\n", attempts[a].name, best[a],
                16e3 / best[a], worst[0], worst[1]);
  }
}
