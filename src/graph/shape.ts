// Shapes and dtypes of tensors, and their checks.

import { anything, list } from '../check/index.js'
import { GatecellError, isRevoked, show } from '../errors.js'

export type DType = 'f32' | 'i32'
export type Shape = readonly number[]

/** A view on a plan's memory. */
export type View = Float32Array | Int32Array

/** Most elements one tensor may have: sizes and offsets stay exact in an int32. */
export const MAX_ELEMENTS = 2 ** 31 - 1

export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dim) => product * dim, 1)
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i])
}

/** Returns a frozen copy of `shape`; throws ERR_INVALID_SHAPE unless it has 1 to 4 dimensions that are integers >= 1. */
export function checkShape(shape: Shape, what: string): Shape {
  const isList = !isRevoked(shape) && Array.isArray(shape) && shape.length >= 1 && shape.length <= 4
  const copy = isList ? (list(anything)(shape, 'the shape') as number[]) : null
  // `every` passes over holes; the copy has none.
  if (!copy?.every((dim) => Number.isInteger(dim) && dim >= 1)) {
    const found = copy ? `[${copy.map(show).join(', ')}]` : show(shape)
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `Expected 1 to 4 dimensions, each an integer >= 1, as the shape of ${what} but received ${found}: pass an array of sizes.`
    )
  }
  if (sizeOf(copy) > MAX_ELEMENTS) {
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `Expected at most ${MAX_ELEMENTS} elements in ${what} but received the shape ${showShape(copy)}: use a smaller batch, length or size.`
    )
  }
  return Object.freeze(copy)
}
