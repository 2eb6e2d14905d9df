// Checks of the tensors and numbers that ops take. Their errors name the op, the argument, the expected value and the received one.

import { integer as integerCheck, number as numberCheck } from '../check/index.js'
import { expected, show } from '../errors.js'
import { sameShape, showShape, sizeOf, type DType, type Shape } from './shape.js'
import { isTensor, type Tensor } from './graph.js'

/** Throws ERR_INVALID_ARGUMENT unless `tensor` is a tensor of dtype `dtype`. */
export function expectType(op: string, what: string, tensor: Tensor, dtype: DType): void {
  if (!isTensor(tensor)) {
    const remedy = 'pass an input, a parameter or the result of an op'
    throw expected('ERR_INVALID_ARGUMENT', `a tensor as ${what} of ${op}`, show(tensor), remedy)
  }
  if (tensor.dtype !== dtype) {
    const remedy = 'declare the input with that dtype'
    throw expected('ERR_INVALID_ARGUMENT', `${dtype} as ${what} of ${op}`, tensor.dtype, remedy)
  }
}

/** Throws ERR_INVALID_ARGUMENT unless `tensor` is a tensor of dtype `dtype`, ERR_INVALID_SHAPE unless it has `shape`; -1 means any size. */
export function expectShape(op: string, what: string, tensor: Tensor, dtype: DType, shape: Shape): void {
  expectType(op, what, tensor, dtype)
  const fits = tensor.shape.length === shape.length && shape.every((dim, i) => dim === -1 || dim === tensor.shape[i])
  if (!fits) {
    const sizes = shape.map((dim) => (dim === -1 ? 'any' : dim)).join(', ')
    const wanted = `${what} of shape [${sizes}] in ${op}`
    const remedy = 'change the shape where the tensor is made, or reshape it'
    throw expected('ERR_INVALID_SHAPE', wanted, showShape(tensor.shape), remedy)
  }
}

/** Throws ERR_INVALID_SHAPE unless both tensors have the same shape. */
export function expectSame(op: string, whatA: string, a: Tensor, whatB: string, b: Tensor): void {
  if (!sameShape(a.shape, b.shape)) {
    const wanted = `${whatB} of the shape of ${whatA}, ${showShape(a.shape)}, in ${op}`
    throw expected('ERR_INVALID_SHAPE', wanted, showShape(b.shape), 'make both of one shape')
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
 * Checks the control and rows of an op that draws from the R rows of `source`. Throws ERR_INVALID_SHAPE unless `rows` is null or has shape
 * [R, 4], and `control` has shape [4], or [R, 4] if there are `rows`. Throws ERR_INVALID_ARGUMENT unless `rows` is i32 and `control` f32.
 */
export function expectRows(op: string, source: Tensor, control: Tensor, rows: Tensor | null): void {
  const count = sizeOf(source.shape) / lastDim(source)
  if (rows !== null) expectShape(op, 'rows', rows, 'i32', [count, 4])
  expectType(op, 'control', control, 'f32')
  expectShape(op, 'control', control, 'f32', rows !== null && control.shape.length === 2 ? [count, 4] : [4])
}

/** Returns the size of the last dimension. */
export function lastDim(tensor: Tensor): number {
  return tensor.shape[tensor.shape.length - 1]!
}

/** Returns `shape` with its last dimension replaced. */
export function withLast(shape: Shape, last: number): Shape {
  return [...shape.slice(0, -1), last]
}

/** Throws ERR_INVALID_ARGUMENT unless 0 <= rate < 1. */
export function expectRate(op: string, what: string, rate: number): void {
  expectNumber(op, what, rate, 0, 1)
  if (rate === 1) throw expected('ERR_INVALID_ARGUMENT', `${what} of ${op} below 1`, '1', 'choose a smaller share')
}
