// special.inl: log, log1p, erf, log-gamma and digamma, written on the names of vec.h after math.inl. The same bits in every
// instruction set. Errors are the largest that test/native/map_test.cc finds against double precision.

// Called instead of inlined: they are long, each is in several loops, and a call takes little of their time.
#if !defined(GC_CALLED)
#define GC_CALLED static __attribute__((noinline))
#endif

// log(x): x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), and the polynomial of Moshier's Cephes (logf) for log(1 + f). At most
// 1 ulp; -inf at 0, NaN below, denormals included.
GC_CALLED V v_log(V x) {
  const VM tiny = v_lt(x, v_set(0x1p-126f));
  const V scaled = v_select(tiny, v_mul(x, v_set(0x1p23f)), x);
  const VI bits = v_bits(scaled), offset = vi_sub(bits, v_bits(v_set(0x1.6a09e6p-1f)));
  const V power = v_from_int(vi_sar<23>(offset));
  const V k = v_sub(power, v_select(tiny, v_set(23.0f), v_zero()));
  const V f = v_sub(v_from_bits(vi_sub(bits, vi_shl<23>(vi_sar<23>(offset)))), v_set(1.0f));
  const V z = v_mul(f, f);
  V p = v_set(7.0376836292e-2f);
  p = v_fma(p, f, v_set(-1.1514610310e-1f));
  p = v_fma(p, f, v_set(1.1676998740e-1f));
  p = v_fma(p, f, v_set(-1.2420140846e-1f));
  p = v_fma(p, f, v_set(1.4249322787e-1f));
  p = v_fma(p, f, v_set(-1.6668057665e-1f));
  p = v_fma(p, f, v_set(2.0000714765e-1f));
  p = v_fma(p, f, v_set(-2.4999993993e-1f));
  p = v_fma(p, f, v_set(3.3333331174e-1f));
  p = v_fma(v_mul(p, f), z, v_mul(k, v_set(-2.12194440e-4f)));
  p = v_add(f, v_fma(v_set(-0.5f), z, p));
  V y = v_fma(k, v_set(0.693359375f), p);
  y = v_select(v_eq(x, v_set(__builtin_inff())), x, y);
  y = v_select(v_eq(x, v_zero()), v_set(-__builtin_inff()), y);
  return v_select(v_ge(x, v_zero()), y, v_set(__builtin_nanf("")));
}

// log(1 + x) for x >= -1, at most 3 ulp (Kahan): log(w) x / (w - 1) takes back the rounding of w = 1 + x.
GC_CALLED V v_log1p(V x) {
  const V w = v_add(v_set(1.0f), x), less = v_sub(w, v_set(1.0f)), y = v_log(w);
  const V corrected = v_select(v_eq(less, v_zero()), x, v_mul(y, v_div(x, less)));
  return v_select(v_lt(x, v_set(0x1p24f)), v_select(v_eq(w, v_zero()), y, corrected), y);
}

// erf(x), at most 2 ulp: polynomials of N. Juffa (2015), below 0.927734375 in x, above it 1 - exp of one in |x|.
GC_CALLED V v_erf(V x) {
  const V t = v_abs(x), s = v_mul(x, x);
  V high = v_fma(v_set(-0x1.220000p-16f), t, v_set(0x1.91cfb2p-12f));
  const V u = v_fma(v_set(-0x1.fd1438p-9f), t, v_set(0x1.8d6342p-6f));
  high = v_fma(high, s, u);
  high = v_fma(high, t, v_set(-0x1.b55cb8p-4f));
  high = v_fma(high, t, v_set(-0x1.450aa0p-1f));
  high = v_fma(high, t, v_set(-0x1.079d0cp-3f));
  high = v_fma(high, t, v_neg(t));
  high = v_sub(v_set(1.0f), v_exp(v_select(v_gt(t, v_set(4.0f)), v_set(-100.0f), high)));
  V low = v_fma(v_set(-0x1.38e000p-11f), s, v_set(0x1.471a58p-8f));
  low = v_fma(low, s, v_set(-0x1.b691b2p-6f));
  low = v_fma(low, s, v_set(0x1.ce1c44p-4f));
  low = v_fma(low, s, v_set(-0x1.812700p-2f));
  low = v_fma(low, s, v_set(0x1.06eba8p-3f));
  low = v_fma(low, x, x);
  const V signed_high = v_select(v_lt(x, v_zero()), v_neg(high), high);
  return v_select(v_ne(x, x), x, v_select(v_gt(t, v_set(0.927734375f)), signed_high, low));
}

// log Gamma(x) for x > 0, error at most 4e-7 times max(1, |result|); inf at 0, NaN below. Between 1 and 3 a polynomial times its zeros
// (x - 1) (x - 2), from there to 8 by Gamma(x) = (x - 1) Gamma(x - 1), below 1 by Gamma(x) = Gamma(x + 1) / x, above 8 Stirling's series.
GC_CALLED V v_lgamma(V x) {
  const V one = v_set(1.0f);
  V at = x, product = one;
  for (int i = 0; i < 5; ++i) {
    const VM above = v_ge(at, v_set(3.0f));
    const V next = v_sub(at, one);
    product = v_select(above, v_mul(product, next), product);
    at = v_select(above, next, at);
  }
  const VM below = v_lt(x, one);
  at = v_select(below, v_add(x, one), at);
  product = v_select(below, x, product);
  const V t = v_sub(at, v_set(2.0f));
  V p = v_set(-0x1.30a2fep-15f);
  p = v_fma(p, t, v_set(0x1.469dbp-14f));
  p = v_fma(p, t, v_set(-0x1.ef331cp-15f));
  p = v_fma(p, t, v_set(0x1.138a94p-13f));
  p = v_fma(p, t, v_set(-0x1.b75c06p-12f));
  p = v_fma(p, t, v_set(0x1.eebd4cp-11f));
  p = v_fma(p, t, v_set(-0x1.13e4fcp-9f));
  p = v_fma(p, t, v_set(0x1.472462p-8f));
  p = v_fma(p, t, v_set(-0x1.95d07ep-7f));
  p = v_fma(p, t, v_set(0x1.0e0ddep-5f));
  p = v_fma(p, t, v_set(-0x1.9ae65p-4f));
  p = v_fma(p, t, v_set(0x1.b0ee6p-2f));
  const V logarithm = v_log(product), signed_log = v_select(below, v_neg(logarithm), logarithm);
  const V low = v_fma(v_mul(v_sub(at, one), t), p, signed_log);
  const V inverse = v_div(one, x), square = v_mul(inverse, inverse);
  V series = v_fma(square, v_set(1.0f / 1260), v_set(-1.0f / 360));
  series = v_mul(v_fma(square, series, v_set(1.0f / 12)), inverse);
  series = v_add(series, v_set(0.918938533f));
  const V high = v_fma(v_sub(x, v_set(0.5f)), v_sub(v_log(x), one), v_add(series, v_set(-0.5f)));
  const V y = v_select(v_lt(x, v_set(8.0f)), low, v_select(v_eq(x, v_set(__builtin_inff())), x, high));
  const V negative = v_select(v_eq(x, v_zero()), v_set(__builtin_inff()), v_set(__builtin_nanf("")));
  return v_select(v_gt(x, v_zero()), y, negative);
}

// digamma(x), the derivative of log Gamma, for x > 0, error at most 1e-6 times max(1, |result|); NaN for others. Up to 6 by
// psi(x) = psi(x + 1) - 1 / x, from there the asymptotic series.
GC_CALLED V v_digamma(V x) {
  const V one = v_set(1.0f);
  V at = x, sum = v_zero();
  for (int i = 0; i < 6; ++i) {
    const VM below = v_lt(at, v_set(6.0f));
    sum = v_select(below, v_add(sum, v_div(one, at)), sum);
    at = v_select(below, v_add(at, one), at);
  }
  const V inverse = v_div(one, at), square = v_mul(inverse, inverse);
  V series = v_fma(square, v_set(1.0f / 252), v_set(-1.0f / 120));
  series = v_fma(square, series, v_set(1.0f / 12));
  const V high = v_sub(v_log(at), v_fma(series, square, v_mul(v_set(0.5f), inverse)));
  return v_select(v_gt(x, v_zero()), v_sub(high, sum), v_set(__builtin_nanf("")));
}
