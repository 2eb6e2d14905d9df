// map_codes.h: the functions of a map program (native/ops/map.cc): number, name in capitals, name, operands. `npm run opcodes` writes
// them into src/graph/op-list.ts. Comparisons give 1 or 0. Numbers stay as they are: new functions get the next one.
#pragma once

// FLOW(d, s) is d * s, but 0 if d is 0, because s may then be NaN or infinite: the chain rule for rows that have no part in the loss.
// MIN and MAX are NaN if an operand is. SELECT(c, a, b) is a if c is not 0, otherwise b. SIGN is 0 at 0. LGAMMA and DIGAMMA are for x > 0.
#define GC_MAP_CODES(F)           \
  F(0, CONSTANT, constant, 0)     \
  F(1, ADD, add, 2)               \
  F(2, SUB, sub, 2)               \
  F(3, MUL, mul, 2)               \
  F(4, DIV, div, 2)               \
  F(5, MIN, min, 2)               \
  F(6, MAX, max, 2)               \
  F(7, FLOW, flow, 2)             \
  F(8, LESS, less, 2)             \
  F(9, LESS_EQUAL, less_equal, 2) \
  F(10, EQUAL, equal, 2)          \
  F(11, SELECT, select, 3)        \
  F(12, NEG, neg, 1)              \
  F(13, ABS, abs, 1)              \
  F(14, SIGN, sign, 1)            \
  F(15, EXP, exp, 1)              \
  F(16, LOG, log, 1)              \
  F(17, LOG1P, log1p, 1)          \
  F(18, SQRT, sqrt, 1)            \
  F(19, SIGMOID, sigmoid, 1)      \
  F(20, TANH, tanh, 1)            \
  F(21, ERF, erf, 1)              \
  F(22, LGAMMA, lgamma, 1)        \
  F(23, DIGAMMA, digamma, 1)

#define GC_MAP_ENUM(number, NAME, name, operands) GC_MAP_##NAME = number,
enum { GC_MAP_CODES(GC_MAP_ENUM) GC_MAP_COUNT };
#undef GC_MAP_ENUM

// One function applied to n elements; `out` may be one of the operands.
typedef struct gc_map_step {
  int code;
  float* out;
  const float *a, *b, *c;  // null for operands that the function does not have
} gc_map_step;
