// Symbolic tensors: a shape and a dtype in a graph, no memory. Memory comes when a graph is compiled to a plan.

import { GatecellError } from '../errors.js'
import type { Graph } from './graph.js'

export type DType = 'f32' | 'i32'
export type Shape = readonly number[]

/** A value of a graph. Rank 1 to 4, row-major; sequences are time-major [T, B, ...]. */
export interface Tensor {
  readonly graph: Graph
  readonly id: number
  readonly dtype: DType
  readonly shape: Shape
}

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
  const legal = isArray(shape) && shape.length >= 1 && shape.length <= 4
  if (!legal || !shape.every((dim) => Number.isInteger(dim) && dim >= 1)) {
    const found = isArray(shape) ? showShape(shape) : String(shape)
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `Expected 1 to 4 dimensions, each an integer >= 1, as the shape of ${what} but received ${found}.`
    )
  }
  if (sizeOf(shape) > MAX_ELEMENTS) {
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `Expected at most ${MAX_ELEMENTS} elements in ${what} but received the shape ${showShape(shape)}.`
    )
  }
  return Object.freeze([...shape])
}

function isArray(value: unknown): value is Shape {
  return Array.isArray(value)
}
