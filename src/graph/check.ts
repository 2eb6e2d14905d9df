// The shape checks that ops.ts is written with: each throws one sentence naming the op, what it expected and what came.

import { integer as integerCheck, number as numberCheck } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import { sameShape, showShape, sizeOf, type DType, type Shape } from './shape.js'
import { isTensor, type Tensor } from './graph.js'

/** Throws ERR_INVALID_ARGUMENT unless `tensor` is a tensor of dtype `dtype`. */
export function expectType(op: string, what: string, tensor: Tensor, dtype: DType): void {
  if (!isTensor(tensor)) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `${op}: expected a tensor as ${what} but received ${show(tensor)}: pass what an input, a parameter or an op returned.`
    )
  }
  if (tensor.dtype !== dtype) {
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `${op}: expected ${dtype} as ${what} but received ${tensor.dtype}: declare the input with that dtype.`
    )
  }
}

/** Throws ERR_INVALID_SHAPE unless `tensor` is `dtype` and has exactly `shape`; -1 stands for any size. */
export function expectShape(op: string, what: string, tensor: Tensor, dtype: DType, shape: Shape): void {
  expectType(op, what, tensor, dtype)
  const fits = tensor.shape.length === shape.length && shape.every((dim, i) => dim === -1 || dim === tensor.shape[i])
  if (!fits) {
    const expected = `[${shape.map((dim) => (dim === -1 ? 'any' : dim)).join(', ')}]`
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `${op}: expected ${what} of shape ${expected} but received ${showShape(tensor.shape)}: change the shape where the tensor is made, or reshape it.`
    )
  }
}

/** Throws ERR_INVALID_SHAPE unless both tensors have one shape. */
export function expectSame(op: string, whatA: string, a: Tensor, whatB: string, b: Tensor): void {
  if (!sameShape(a.shape, b.shape)) {
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `${op}: expected ${whatB} of the shape of ${whatA}, ${showShape(a.shape)}, but received ${showShape(b.shape)}: make both of one shape.`
    )
  }
}

/** Throws ERR_INVALID_ARGUMENT unless `value` is a number in [low, high]; with `integer`, an integer. */
export function expectNumber(
  op: string,
  what: string,
  value: number,
  low: number,
  high: number,
  integer = false
): void {
  const check = integer ? integerCheck(low, high) : numberCheck(low, high)
  check(value, `${what} of ${op}`)
}

/**
 * Throws ERR_INVALID_SHAPE unless `control` is f32 [4], or [R, 4] next to `rows`, and `rows` is null or i32 [R, 4] for the R rows of
 * `source`: what ops that draw take.
 */
export function expectRows(op: string, source: Tensor, control: Tensor, rows: Tensor | null): void {
  const count = sizeOf(source.shape) / lastDim(source)
  if (rows !== null) expectShape(op, 'rows', rows, 'i32', [count, 4])
  expectType(op, 'control', control, 'f32')
  expectShape(op, 'control', control, 'f32', rows !== null && control.shape.length === 2 ? [count, 4] : [4])
}

export function lastDim(tensor: Tensor): number {
  return tensor.shape[tensor.shape.length - 1]!
}

/** `shape` with its last dimension replaced. */
export function withLast(shape: Shape, last: number): Shape {
  return [...shape.slice(0, -1), last]
}

/** Throws ERR_INVALID_ARGUMENT unless 0 <= rate < 1. */
export function expectRate(op: string, what: string, rate: number): void {
  expectNumber(op, what, rate, 0, 1)
  if (rate === 1)
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      `${op}: expected ${what} below 1 but received 1: choose a smaller share.`
    )
}
