// Values of sessions, and the rows of a plan: where in a plan's views the value of each session lies.

import type { Shape, View } from '../graph/shape.js'
import { GatecellError } from '../errors.js'

/** The value of a session between its steps. */
export interface SessionValue {
  /** Carried states by name. */
  readonly states: Record<string, Float32Array>
  /** All inputs of the model by name: what the next step reads. */
  readonly inputs: Record<string, View>
  /** Steps made so far. */
  position: number
  seed: number
  /** The four settings of each sampler, by the input that it feeds. */
  settings: Record<string, readonly number[]>
}

/** A copy of the value that shares nothing with it. */
export function copyValue({ states, inputs, position, seed, settings }: SessionValue): SessionValue {
  const copies = <V extends View>(views: Record<string, V>) =>
    Object.fromEntries(Object.entries(views).map(([name, view]) => [name, view.slice() as V]))
  return { states: copies(states), inputs: copies(inputs), position, seed, settings: { ...settings } }
}

/** Elements of a view that belong to one row: `outer` pieces of `inner` elements, `rows * inner` elements apart. */
export interface Rows {
  readonly rows: number
  readonly outer: number
  readonly inner: number
}

const product = (sizes: Shape) => sizes.reduce((all, size) => all * size, 1)

/**
 * The rows of a tensor of `shape` in a plan of `rows` rows, whose shape in a plan of one row is `alone`. Throws ERR_UNSUPPORTED if no
 * dimension is that of the rows.
 */
export function rowsOfShape(name: string, shape: Shape, alone: Shape, rows: number): Rows {
  if (rows === 1) return { rows, outer: 1, inner: product(shape) }
  const axis = shape.findIndex((size, i) => size !== alone[i])
  if (axis >= 0 && alone[axis] === 1 && product(shape) === rows * product(alone))
    return { rows, outer: product(shape.slice(0, axis)), inner: product(shape.slice(axis + 1)) }
  throw new GatecellError(
    'ERR_UNSUPPORTED',
    `Expected "${name}" with a row for each session but its shape has no dimension of size "batch": step the sessions one by one.`
  )
}

/** Copies `value` into row `row` of `view`. */
export function putRow(view: View, { rows, outer, inner }: Rows, row: number, value: View): void {
  if (rows === 1) return view.set(value)
  for (let o = 0; o < outer; o++) view.set(value.subarray(o * inner, (o + 1) * inner), (o * rows + row) * inner)
}

/** Copies row `row` of `view` into `value`, from its element `at` on. */
export function takeRow(view: View, { rows, outer, inner }: Rows, row: number, value: View, at = 0): void {
  if (rows === 1) return value.set(view, at)
  for (let o = 0; o < outer; o++) {
    const begin = (o * rows + row) * inner
    value.set(view.subarray(begin, begin + inner), at + o * inner)
  }
}

/** Elements of a row. */
export const sizeOfRow = ({ outer, inner }: Rows): number => outer * inner
