// The chain rule of each function of a map program: the gradient that flows from a value into each of its operands.

import type { mapCodes } from '../op-list.js'

/** A function of map programs. */
export type MapCode = keyof typeof mapCodes

/** The program to which a rule appends values. */
export interface Builder {
  apply(code: MapCode, ...operands: number[]): number
  constant(value: number): number
  /** d * slope; 0 if d is 0, also for a slope that is not finite. */
  flow(d: number, slope: number): number
}

/** `value` is the function's result, `d` its gradient, a to c its operands; null: no gradient flows. */
type Rule = (make: Builder, d: number, value: number, a: number, b: number) => (number | null)[]

/** The gradient of the operand that wins, half of it where both are equal. */
const winner = (make: Builder, d: number, wins: number, a: number, b: number) => {
  const half = make.apply('select', make.apply('equal', a, b), make.flow(d, make.constant(0.5)), make.constant(0))
  return make.apply('select', wins, d, half)
}

const inverse = (make: Builder, x: number) => make.apply('div', make.constant(1), x)

/** The rules; functions without one have no gradient. */
export const rules: Partial<Record<MapCode, Rule>> = {
  add: (_, d) => [d, d],
  sub: (make, d) => [d, make.apply('neg', d)],
  mul: (make, d, _, a, b) => [make.flow(d, b), make.flow(d, a)],
  div: (make, d, value, _, b) => [
    make.flow(d, inverse(make, b)),
    make.flow(d, make.apply('neg', make.apply('div', value, b)))
  ],
  min: (make, d, _, a, b) => [
    winner(make, d, make.apply('less', a, b), a, b),
    winner(make, d, make.apply('less', b, a), a, b)
  ],
  max: (make, d, _, a, b) => [
    winner(make, d, make.apply('less', b, a), a, b),
    winner(make, d, make.apply('less', a, b), a, b)
  ],
  select: (make, d, _, a) => [
    null,
    make.apply('select', a, d, make.constant(0)),
    make.apply('select', a, make.constant(0), d)
  ],
  neg: (make, d) => [make.apply('neg', d)],
  abs: (make, d, _, a) => [make.flow(d, make.apply('sign', a))],
  exp: (make, d, value) => [make.flow(d, value)],
  log: (make, d, _, a) => [make.flow(d, inverse(make, a))],
  log1p: (make, d, _, a) => [make.flow(d, inverse(make, make.apply('add', make.constant(1), a)))],
  sqrt: (make, d, value) => [make.flow(d, make.apply('div', make.constant(0.5), value))],
  sigmoid: (make, d, value) => [make.flow(d, make.apply('mul', value, make.apply('sub', make.constant(1), value)))],
  tanh: (make, d, value) => [make.flow(d, make.apply('sub', make.constant(1), make.apply('mul', value, value)))],
  erf: (make, d, _, a) => {
    const bell = make.apply('exp', make.apply('neg', make.apply('mul', a, a)))
    return [make.flow(d, make.apply('mul', make.constant(2 / Math.sqrt(Math.PI)), bell))]
  },
  lgamma: (make, d, _, a) => [make.flow(d, make.apply('digamma', a))]
}
