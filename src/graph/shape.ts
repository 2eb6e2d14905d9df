// Shapes and dtypes of tensors, and their checks.

import { anything, list } from '../check/index.js'
import { expected, isRevoked, show } from '../errors.js'

/** The type of a tensor's elements: float32 or int32. */
export type DType = 'f32' | 'i32'
/** The sizes of a tensor's dimensions. */
export type Shape = readonly number[]

/** A view of a plan's memory. */
export type View = Float32Array | Int32Array

/** Maximum number of elements of a tensor, so that sizes and offsets are exact in an int32. */
export const MAX_ELEMENTS = 2 ** 31 - 1

/** Returns a shape as text: "[2, 3]". */
export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/** Returns the number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dim) => product * dim, 1)
}

/** Returns whether two shapes have the same sizes in the same order. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i])
}

/**
 * Returns a frozen copy of `shape`. Throws ERR_INVALID_SHAPE unless it has 1 to 4 dimensions, all integers of at least 1, and at most
 * MAX_ELEMENTS elements.
 */
export function checkShape(shape: Shape, what: string): Shape {
  const isList = !isRevoked(shape) && Array.isArray(shape) && shape.length >= 1 && shape.length <= 4
  const copy = isList ? (list(anything)(shape, 'the shape') as number[]) : null
  // `every` passes over holes; the copy has none.
  if (!copy?.every((dim) => Number.isInteger(dim) && dim >= 1)) {
    const found = copy ? `[${copy.map(show).join(', ')}]` : show(shape)
    const wanted = `1 to 4 dimensions, each an integer >= 1, as the shape of ${what}`
    throw expected('ERR_INVALID_SHAPE', wanted, found, 'pass an array of sizes')
  }
  if (sizeOf(copy) > MAX_ELEMENTS) {
    const wanted = `at most ${MAX_ELEMENTS} elements in ${what}`
    throw expected('ERR_INVALID_SHAPE', wanted, `the shape ${showShape(copy)}`, 'use a smaller batch, length or size')
  }
  return Object.freeze(copy)
}
