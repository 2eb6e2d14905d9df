// math.inl: exp, sigmoid, tanh and the activations of one LSTM cell, written on the names of vec.h.
//
// Included inside the namespace of an instruction set, after its vec.h. The same bits in each: every product-sum is an
// explicit FMA, every quotient a true division. Coefficients: bench/lab/math_coefficients.py; what lost:
// bench/lab/math_variants.cc. Errors are the largest over all 2^32 floats, as test/native/math_exhaustive.cc measures them.

#if !defined(GC_TABLE)
#define GC_TABLE static const
#endif

// The bits of 2^(j/8) less j << 20: adding k << 20 for k = 8 n + j gives the bits of 2^(k/8).
GC_TABLE int32_t eighth_powers[8] = {0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7,
                                     0x3f7504f3, 0x3f75672a, 0x3f7744fd, 0x3f7ac0c7};

// exp(x) = 2^(k/8) (1 + q): x = k ln2 / 8 + r (Cody and Waite, ln2 in two floats), q = r + r^2 (1/2 + ...), |r| <= ln2 / 16,
// relative error 2^-32 before rounding. k is an integer, and also the low bits of `rounded`, less those of 1.5 * 2^23.
struct Eighths {
  V rounded, q;
};
GC_INLINE Eighths exp_eighths(V x) {
  const V rounder = v_set(0x1.8p+23f);
  const V rounded = v_fma(x, v_set(0x1.715476p+3f), rounder);
  const V k = v_sub(rounded, rounder);
  const V r = v_fnma(k, v_set(-0x1.05c61p-32f), v_fnma(k, v_set(0x1.62e43p-4f), x));
  const V square = v_mul(r, r);
  const V high = v_fma(v_set(0x1.555c72p-3f), r, v_set(0.5f));
  return {rounded, v_fma(v_fma(v_set(0x1.55567p-5f), square, high), square, r)};
}

// exp(x) for every x, at most 0.93 ulp, denormal results included: inf above 88.72, 0 below -103.97, NaN to NaN.
// 2^(k/8) goes in as two factors, so that neither overflows and a denormal result is rounded only by the last product.
GC_INLINE V v_exp(V x) {
  const Eighths e = exp_eighths(v_min(v_set(89.0f), v_max(v_set(-104.0f), x)));
  const VI k = vi_sub(v_bits(e.rounded), v_bits(v_set(0x1.8p+23f))), half = vi_sar<4>(k);
  const VI rest = vi_shl<20>(vi_sub(k, vi_shl<3>(half)));
  const V power = v_from_bits(vi_add(rest, vi_lookup8(eighth_powers, k)));
  const V scale = v_from_bits(vi_shl<23>(vi_add(half, vi_set(127))));
  return v_mul(v_fma(power, e.q, power), scale);
}

// exp(x) for -88 <= x <= 0 and NaN. 2^(k/8) runs out into denormals that are off by up to 2^-127, and is exactly 0 at
// k = -8 * 127, which is where x = -88 lands.
GC_INLINE V exp_negative(V x) {
  const Eighths e = exp_eighths(x);
  const VI k = v_bits(e.rounded);
  const V power = v_from_bits(vi_add(vi_shl<20>(k), vi_lookup8(eighth_powers, k)));
  return v_fma(power, e.q, power);
}

// 1 / (1 + exp(-x)) for every x, at most 1.87 ulp in both tails while the result is normal: a denormal below -87.33 (at most
// 2^-126 off), 0 from -88 down, 1 above 17.33, NaN to NaN. Method: e = exp(-|x|), w = e / (1 + e); then e - e w for x < 0
// and 1 - w else, which scales the errors of the sum and of the quotient by e (e / (1 + e) itself misses 2 ulp).
GC_INLINE V v_sigmoid(V x) {
  const V e = exp_negative(v_max(v_set(-88.0f), v_negabs(x)));
  const V w = v_div(e, v_add(v_set(1.0f), e));
  const V whole = v_select_negative(x, e, v_set(1.0f));
  return v_fnma(whole, w, whole);
}

// tanh(x) for every x, at most 3.992 ulp (near 1/4; 2.9 above 1): exactly odd, |y| <= 1, x itself where |x| < 2^-13 (denormals
// too), 1 above 9.0109, NaN to NaN. Method: tanh x = 2 t / (1 + t^2) = 2 p q / (p^2 + q^2) with t = tanh(x / 2) = p / q, where
// p = x (1 + p1 s + p2 s^2), q = 2 + q1 s + q2 s^2 + q3 s^3, s = x^2, fitted so that the error of tanh x itself is least
// (2^-26.9): doubling the angle scales the error of t by 1 / cosh x. A rational for tanh x needs degrees 9/8 for the same and
// misses 4 ulp by rounding; expm1 has 2.5 ulp and takes an eighth more time per cell. The clamp is where the formula gives 1.
GC_INLINE V v_tanh(V x) {
  const V c = v_min(v_set(0x1.20596cp+3f), v_max(v_set(-0x1.20596cp+3f), x));
  const V s = v_mul(c, c);
  V p = v_fma(s, v_set(0x1.dfa82p-14f), v_set(0x1.e7e52ep-6f));
  V q = v_fma(s, v_set(0x1.4a7c4ap-19f), v_set(0x1.3c6cd4p-9f));
  q = v_fma(s, q, v_set(0x1.cf4e98p-3f));
  p = v_fma(v_mul(c, s), p, c);
  q = v_fma(s, q, v_set(2.0f));
  return v_div(v_mul(p, v_add(q, q)), v_fma(q, q, v_mul(p, p)));
}

// The activations of one cell, in place: i, f, o by v_sigmoid and g by v_tanh, the same bits as those.
GC_INLINE void v_gates(V& i, V& f, V& g, V& o) {
  i = v_sigmoid(i);
  f = v_sigmoid(f);
  g = v_tanh(g);
  o = v_sigmoid(o);
}
