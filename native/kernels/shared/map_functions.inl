// map_functions.inl: the functions of map programs (map_codes.h), written on the names of vec.h after math.inl and special.inl. The loops of
// map.inl and the kernels of the device compute the same expressions.

GC_INLINE V map_truth(VM m) { return v_select(m, v_set(1.0f), v_zero()); }
// v_min and v_max return the second operand where either is NaN.
GC_INLINE V map_min(V a, V b) { return v_select(v_ne(a, a), a, v_min(a, b)); }
GC_INLINE V map_max(V a, V b) { return v_select(v_ne(a, a), a, v_max(a, b)); }
GC_INLINE V map_flow(V d, V slope) { return v_select(v_eq(d, v_zero()), v_zero(), v_mul(d, slope)); }
GC_INLINE V map_sign(V x) {
  const V up = v_select(v_gt(x, v_zero()), v_set(1.0f), x);
  return v_select(v_lt(x, v_zero()), v_set(-1.0f), up);
}

// The name of each function, and its value of the operands a, b and c: ONE(NAME, value), TWO and THREE by the number of operands.
#define GC_MAP_FUNCTIONS(ONE, TWO, THREE)          \
  TWO(ADD, v_add(a, b))                            \
  TWO(SUB, v_sub(a, b))                            \
  TWO(MUL, v_mul(a, b))                            \
  TWO(DIV, v_div(a, b))                            \
  TWO(MIN, map_min(a, b))                          \
  TWO(MAX, map_max(a, b))                          \
  TWO(FLOW, map_flow(a, b))                        \
  TWO(LESS, map_truth(v_lt(a, b)))                 \
  TWO(LESS_EQUAL, map_truth(v_le(a, b)))           \
  TWO(EQUAL, map_truth(v_eq(a, b)))                \
  THREE(SELECT, v_select(v_ne(a, v_zero()), b, c)) \
  ONE(NEG, v_neg(a))                               \
  ONE(ABS, v_abs(a))                               \
  ONE(SIGN, map_sign(a))                           \
  ONE(EXP, v_exp(a))                               \
  ONE(LOG, v_log(a))                               \
  ONE(LOG1P, v_log1p(a))                           \
  ONE(SQRT, v_sqrt(a))                             \
  ONE(SIGMOID, v_sigmoid(a))                       \
  ONE(TANH, v_tanh(a))                             \
  ONE(ERF, v_erf(a))                               \
  ONE(LGAMMA, v_lgamma(a))                         \
  ONE(DIGAMMA, v_digamma(a))
