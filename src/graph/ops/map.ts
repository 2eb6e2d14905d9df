// map: any function of tensors, element by element, as one op. The function runs once, when the graph is recorded, on expressions.

import { list, number as numberCheck, syncFunction } from '../../check/index.js'
import { expected, show } from '../../errors.js'
import { expectType } from '../check.js'
import { tensor as tensorCheck, type Tensor } from '../graph.js'
import { checkShape, showShape, type Shape } from '../shape.js'
import { Program } from './program.js'
import type { MapCode } from './slopes.js'

const MAX_INPUTS = 16

const programs = new WeakMap<Expression, { program: Program; value: number }>()
const finite = numberCheck(-3.4028234663852886e38, 3.4028234663852886e38)

/** An operand of an expression: another expression of the same map, or a number in the range of float32. */
export type Operand = Expression | number

/**
 * A value of each element inside `map`. Each method returns a new expression; nothing is computed before the graph runs. Comparisons
 * give 1 or 0. Throws ERR_INVALID_ARGUMENT if an operand is neither a finite number nor an
 * expression of the same map.
 */
export class Expression {
  #apply(code: MapCode, ...others: Operand[]): Expression {
    const { program, value } = programOf(this)
    return expression(program, program.apply(code, value, ...others.map((other) => operand(program, other))))
  }

  /** this + other */
  add(other: Operand): Expression {
    return this.#apply('add', other)
  }
  /** this - other */
  sub(other: Operand): Expression {
    return this.#apply('sub', other)
  }
  /** this * other */
  mul(other: Operand): Expression {
    return this.#apply('mul', other)
  }
  /** this / other */
  div(other: Operand): Expression {
    return this.#apply('div', other)
  }
  /** The smaller of both, NaN where one is NaN. Where both are equal each gets half of the gradient. */
  min(other: Operand): Expression {
    return this.#apply('min', other)
  }
  /** The larger of both, NaN where one is NaN. Where both are equal each gets half of the gradient. */
  max(other: Operand): Expression {
    return this.#apply('max', other)
  }
  /** 1 where this < other, else 0. Has no gradient. */
  less(other: Operand): Expression {
    return this.#apply('less', other)
  }
  /** 1 where this <= other, else 0. Has no gradient. */
  lessEqual(other: Operand): Expression {
    return this.#apply('lessEqual', other)
  }
  /** 1 where this > other, else 0. Has no gradient. */
  greater(other: Operand): Expression {
    const { program, value } = programOf(this)
    return expression(program, program.apply('less', operand(program, other), value))
  }
  /** 1 where this >= other, else 0. Has no gradient. */
  greaterEqual(other: Operand): Expression {
    const { program, value } = programOf(this)
    return expression(program, program.apply('lessEqual', operand(program, other), value))
  }
  /** 1 where this = other, else 0. Has no gradient. */
  equal(other: Operand): Expression {
    return this.#apply('equal', other)
  }
  /** `yes` where this is not 0, else `no`. Only the chosen one gets a gradient, also where the other is NaN. */
  select(yes: Operand, no: Operand): Expression {
    return this.#apply('select', yes, no)
  }
  /** -this */
  neg(): Expression {
    return this.#apply('neg')
  }
  /** |this|; its slope at 0 is 0. */
  abs(): Expression {
    return this.#apply('abs')
  }
  /** e to the power of this. */
  exp(): Expression {
    return this.#apply('exp')
  }
  /** The natural logarithm: -Infinity at 0, NaN below. */
  log(): Expression {
    return this.#apply('log')
  }
  /** log(1 + this), exact also near 0. */
  log1p(): Expression {
    return this.#apply('log1p')
  }
  /** The square root, NaN below 0. */
  sqrt(): Expression {
    return this.#apply('sqrt')
  }
  /** 1 / (1 + e^-this) */
  sigmoid(): Expression {
    return this.#apply('sigmoid')
  }
  tanh(): Expression {
    return this.#apply('tanh')
  }
  /** The larger of this and 0; its slope at 0 is 0. */
  relu(): Expression {
    return this.lessEqual(0).select(0, this)
  }
  /** log(1 + e^this), without overflow. */
  softplus(): Expression {
    return this.max(0).add(this.abs().neg().exp().log1p())
  }
  /** The error function. */
  erf(): Expression {
    return this.#apply('erf')
  }
  /** The logarithm of the gamma function for values above 0: Infinity at 0, NaN below. */
  lgamma(): Expression {
    return this.#apply('lgamma')
  }
  /** this * this */
  square(): Expression {
    return this.mul(this)
  }
  /** This to the power of a number. Whole exponents from -8 to 8 take any value, others only values of at least 0. */
  pow(exponent: number): Expression {
    finite(exponent, 'the exponent of pow')
    if (exponent === 0.5) return this.sqrt()
    if (!Number.isInteger(exponent) || Math.abs(exponent) > 8) return this.log().mul(exponent).exp()
    if (exponent < 0)
      return expression(programOf(this).program, programOf(this).program.constant(1)).div(this.pow(-exponent))
    if (exponent === 0) return this.mul(0).add(1)
    return exponent === 1
      ? this
      : exponent % 2 === 0
        ? this.pow(exponent / 2).square()
        : this.pow(exponent - 1).mul(this)
  }
  /** The same value, through which no gradient flows. */
  stopGradient(): Expression {
    const { program, value } = programOf(this)
    return expression(program, program.stop(value))
  }
}

function expression(program: Program, value: number): Expression {
  const made = new Expression()
  programs.set(made, { program, value })
  return made
}

function programOf(value: unknown): { program: Program; value: number } {
  const found = programs.get(value as Expression)
  if (found) return found
  throw expected(
    'ERR_INVALID_ARGUMENT',
    'an expression that map has handed to its function',
    show(value),
    'build on the arguments of that function'
  )
}

function operand(program: Program, value: Operand): number {
  if (typeof value === 'number') return program.constant(finite(value, 'an operand of map'))
  const found = programOf(value)
  if (found.program === program) return found.value
  throw expected(
    'ERR_INVALID_ARGUMENT',
    'an operand of the same map',
    'an expression of another one',
    'pass its tensor to this map, too'
  )
}

/** Returns the shape that all shapes broadcast to, aligned at the last dimension. */
export function broadcastShape(op: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  const sizes = Array.from({ length: rank }, (_, d) => {
    const own = shapes.map((shape) => shape[shape.length - rank + d] ?? 1)
    const size = Math.max(...own)
    if (own.every((one) => one === 1 || one === size)) return size
    throw expected(
      'ERR_INVALID_SHAPE',
      `shapes that broadcast to one, each dimension equal or 1 counted from the last, in ${op}`,
      shapes.map(showShape).join(', '),
      'reshape them'
    )
  })
  return checkShape(sizes, `the result of ${op}`)
}

/**
 * Computes a function of tensors, element by element, as one op with gradients.
 *
 * Tensors are f32 and broadcast as in NumPy: shapes are aligned at the last dimension, and a dimension of size 1, or a missing one, is
 * used for every index. The function is called once, while the graph is recorded, with one expression for each tensor, and returns an
 * expression (or a number, for a constant result). The core runs it as one vectorised pass; equal parts are computed once. Where the
 * gradient of the result is 0 no gradient flows, even if a slope is infinite there. Gradients of broadcast tensors are summed in double,
 * in an order that does not depend on threads.
 *
 * @example
 * // The negative log-likelihood of a normal distribution with mean m and log-deviation s, [T, B, 1] each:
 * const nats = ops.map([x, m, s], (x, m, s) => x.sub(m).mul(s.neg().exp()).square().mul(0.5).add(s).add(0.9189385))
 *
 * @param tensors 1 to 16 tensors of one graph.
 * @param f Receives as many expressions as there are tensors.
 * @returns A tensor of the shape that all tensors broadcast to.
 * Throws ERR_INVALID_SHAPE if the shapes do not broadcast. Throws ERR_INVALID_ARGUMENT if a tensor is not f32, if `f` returns something
 * else, or if the expression and its gradients have more than 256 values.
 */
export function map(tensors: readonly Tensor[], f: (...values: Expression[]) => Operand): Tensor {
  const inputs = readTensors(tensors)
  checkFunction(f, 'the function of map, for example (a, b) => a.add(b),')
  const shape = broadcastShape(
    'map',
    inputs.map((tensor) => tensor.shape)
  )
  const program = new Program(inputs.length)
  const result = operand(program, f(...inputs.map((_, i) => expression(program, i))))
  const attributes = program.encode(result, program.differentiate(result))
  return inputs[0]!.graph.record('map', inputs, [{ dtype: 'f32', shape }], attributes)[0]!
}

const checkFunction = syncFunction<(...values: Expression[]) => Operand>()

function readTensors(tensors: readonly Tensor[]): Tensor[] {
  const inputs = list(tensorCheck, 1, MAX_INPUTS)(tensors, 'the tensors of map')
  inputs.forEach((tensor, i) => expectType('map', `tensor ${i}`, tensor, 'f32'))
  return inputs
}
