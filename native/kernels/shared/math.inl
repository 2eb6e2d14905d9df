// math.inl: exp, log, sigmoid, tanh and the activations of one LSTM cell, written on the names of vec.h.
//
// Included inside the namespace of an instruction set, after its vec.h. The same bits in each: every product-sum is an
// explicit FMA, every quotient a true division. Coefficients: bench/lab/math_coefficients.py. Errors in ulp of the
// exact result, measured over all 2^32 floats by test/native/exhaustive/math_exhaustive.cc.

// exp(r) = 1 + r + r^2 (1/2 + ...), |r| <= ln2 / 2, relative error 2^-28.2 before rounding.
GC_INLINE V exp_polynomial(V r) {
  V q = v_fma(v_set(0x1.6a4d6p-10f), r, v_set(0x1.12398ep-7f));
  q = v_fma(q, r, v_set(0x1.5558bp-5f));
  q = v_fma(q, r, v_set(0x1.555492p-3f));
  q = v_fma(q, r, v_set(0x1.fffffcp-2f));
  q = v_fma(q, r, v_set(1.0f));
  return v_fma(q, r, v_set(1.0f));
}

// exp(2u) - 1 = 2u + u^2 (2 + ...), |u| <= ln2 / 4, relative error 2^-26.1 before rounding.
GC_INLINE V expm1_polynomial(V u) {
  V q = v_fma(v_set(0x1.6b9c68p-4f), u, v_set(0x1.12254ap-2f));
  q = v_fma(q, u, v_set(0x1.5556f2p-1f));
  q = v_fma(q, u, v_set(0x1.5554b4p+0f));
  q = v_fma(q, u, v_set(0x1.fffffep+0f));
  return v_fma(q, v_mul(u, u), v_add(u, u));
}

// Adding 1.5 * 2^23 + 127 to a float below 2^22 rounds it to an integer n and leaves n + 127, the biased exponent of
// 2^n, in the low bits: one shift makes 2^n for -126 <= n <= 127, and 0 for n = -127.
#define GC_ROUNDER 12583039.0f
GC_INLINE V power_of_two(V rounded) { return v_from_bits(vi_shl<23>(v_bits(rounded))); }

// exp(x) for every x: inf above 88.72, gradual underflow (exact denormals) below -87.33, 0 below -103.97, NaN to NaN.
// Method: x = n ln2 + r (Cody and Waite, ln2 in two floats), polynomial, then 2^n in two factors so that neither
// overflows and only the last product rounds.
GC_INLINE V v_exp(V x) {
  const V c = v_min(v_set(89.0f), v_max(v_set(-104.0f), x));
  const V n = v_round(v_mul(c, v_set(0x1.715476p+0f)));
  const V r = v_fnma(n, v_set(-0x1.05c61p-29f), v_fnma(n, v_set(0x1.62e43p-1f), c));
  const VI whole = v_to_int(n), half = vi_sar<1>(whole), bias = vi_set(127);
  const V first = v_from_bits(vi_shl<23>(vi_add(half, bias)));
  const V second = v_from_bits(vi_shl<23>(vi_add(vi_sub(whole, half), bias)));
  return v_mul(v_mul(exp_polynomial(r), first), second);
}

// Natural logarithm of every x: denormals exact, log(0) = -inf, log(inf) = inf, NaN for x < 0 and NaN.
// Method: x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), polynomial for log(1 + f), n ln2 in two floats.
GC_INLINE V v_log(V x) {
  const VM tiny = v_lt(x, v_set(0x1p-126f));
  const V scaled = v_select(tiny, v_mul(x, v_set(0x1p23f)), x);
  // The bits of sqrt(1/2) taken away: the exponent field then counts powers of two from sqrt(1/2) up.
  const VI offset = vi_sub(v_bits(scaled), vi_set(0x3f3504f3));
  const VI mantissa = vi_add(vi_and(offset, vi_set(0x007fffff)), vi_set(0x3f3504f3));
  const V n = v_sub(v_from_int(vi_sar<23>(offset)), v_select(tiny, v_set(23.0f), v_zero()));
  const V f = v_sub(v_from_bits(mantissa), v_set(1.0f));
  V q = v_fma(v_set(0x1.645e52p-4f), f, v_set(-0x1.242fdp-3f));
  q = v_fma(q, f, v_set(0x1.3172fap-3f));
  q = v_fma(q, f, v_set(-0x1.5382a4p-3f));
  q = v_fma(q, f, v_set(0x1.98d824p-3f));
  q = v_fma(q, f, v_set(-0x1.00038p-2f));
  q = v_fma(q, f, v_set(0x1.5556d8p-2f));
  const V square = v_mul(f, f);
  V y = v_fma(n, v_set(-0x1.05c61p-29f), v_mul(v_mul(f, square), q));
  y = v_add(v_fma(v_set(-0.5f), square, y), f);
  y = v_fma(n, v_set(0x1.62e43p-1f), y);
  y = v_select(v_eq(x, v_zero()), v_set(-__builtin_inff()), y);
  y = v_select(v_lt(x, v_zero()), v_set(__builtin_nanf("")), y);
  // inf and NaN as they came.
  return v_select(v_lt(x, v_set(__builtin_inff())), y, v_add(x, v_select(v_lt(x, v_zero()), y, v_zero())));
}

// 1 / (1 + exp(-x)) for every x, relative accuracy in both tails. Denormal below -87.33, exactly 0 below -87.68; exactly 1
// above 17.33; NaN to NaN. Method: e = exp(-|x|), w = e / (1 + e); then e - e w for x < 0 and 1 - w else: the errors of
// the sum and of the quotient are scaled by e, where e / (1 + e) itself misses 2 ulp.
GC_INLINE V v_sigmoid(V x) {
  const V c = v_max(v_set(-88.0f), v_negabs(x));
  const V rounded = v_fma(c, v_set(0x1.715476p+0f), v_set(GC_ROUNDER));
  const V n = v_sub(rounded, v_set(GC_ROUNDER));
  const V r = v_fnma(n, v_set(-0x1.05c61p-29f), v_fnma(n, v_set(0x1.62e43p-1f), c));
  const V e = v_mul(exp_polynomial(r), power_of_two(rounded));
  const V w = v_div(e, v_add(v_set(1.0f), e));
  const V whole = v_select_negative(x, e, v_set(1.0f));
  return v_fnma(whole, w, whole);
}

// tanh(x) for every x: exactly odd, |y| <= 1, x itself where tanh x rounds to it (denormals too); NaN to NaN.
// Method: -m / (2 + m) with m = exp(-2|x|) - 1 = 2^n (exp(2u) - 1) + (2^n - 1), u = -|x| - n ln2 / 2. No second float
// of ln2: what it would add is scaled by 2^n. Beyond |x| = 10 the result is 1 in float.
GC_INLINE V v_tanh(V x) {
  const V c = v_max(v_set(-10.0f), v_negabs(x));
  const V rounded = v_fma(c, v_set(0x1.715476p+1f), v_set(GC_ROUNDER));
  const V n = v_sub(rounded, v_set(GC_ROUNDER));
  const V u = v_fnma(n, v_set(0x1.62e43p-2f), c);
  const V power = power_of_two(rounded);
  const V m = v_fma(expm1_polynomial(u), power, v_sub(power, v_set(1.0f)));
  return v_copysign(v_div(m, v_add(v_set(2.0f), m)), x);
}

// The activations of one cell, in place: i, f, o by v_sigmoid and g by v_tanh, the same bits as those.
GC_INLINE void v_gates(V& i, V& f, V& g, V& o) {
  i = v_sigmoid(i);
  f = v_sigmoid(f);
  g = v_tanh(g);
  o = v_sigmoid(o);
}
