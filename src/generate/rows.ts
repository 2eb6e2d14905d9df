// Values of sessions, and their places in the tensors of a plan whose rows are sessions.

import type { Shape, View } from '../graph/shape.js'
import { expected } from '../errors.js'

/** A plan in which the newest value of a session is, between two calls on the caller's thread. */
export interface ValueHome {
  /** Copies the newest value to the object of the value, and leaves it in the plan. */
  refresh(): void
  /** Copies the newest value to the object of the value, which has no home afterwards. */
  leave(): void
}

/** The value of a session between its steps. While it has a home, states, inputs and kept outputs of the object may be old. */
export interface SessionValue {
  /** Carried states by name. */
  readonly states: Record<string, Float32Array>
  /** The inputs of the next step by name: all those of the model. */
  readonly inputs: Record<string, View>
  /** Steps made so far. */
  position: number
  seed: number
  /** The four settings of each sampler, by the input that it feeds. */
  settings: Record<string, readonly number[]>
  /** The outputs of the last step by name, if sessions of the kind keep them. */
  readonly kept: Record<string, View>
  home: ValueHome | null
}

/** Returns a copy of the value that shares no memory with it. */
export function copyValue(value: SessionValue): SessionValue {
  value.home?.refresh()
  const { states, inputs, position, seed, settings, kept } = value
  const copies = <V extends View>(views: Record<string, V>) =>
    Object.fromEntries(Object.entries(views).map(([name, view]) => [name, view.slice() as V]))
  return {
    states: copies(states),
    inputs: copies(inputs),
    position,
    seed,
    settings: { ...settings },
    kept: copies(kept),
    home: null
  }
}

/** Places of the elements of one row in a view of `rows` rows: `outer` pieces of `inner` elements, `rows * inner` elements apart. */
export interface RowLayout {
  readonly rows: number
  readonly outer: number
  readonly inner: number
}

const product = (sizes: Shape) => sizes.reduce((all, size) => all * size, 1)

/**
 * Returns the layout of the rows of a tensor. `shape` is its shape in a plan of `rows` rows, `single` that in a plan of one row. Throws
 * ERR_UNSUPPORTED unless the shapes differ in one dimension only, which has the size `rows` in the one and 1 in the other.
 */
export function rowsOfShape(name: string, shape: Shape, single: Shape, rows: number): RowLayout {
  if (rows === 1) return { rows, outer: 1, inner: product(shape) }
  const axis = shape.findIndex((size, i) => size !== single[i])
  if (axis >= 0 && single[axis] === 1 && product(shape) === rows * product(single))
    return { rows, outer: product(shape.slice(0, axis)), inner: product(shape.slice(axis + 1)) }
  throw expected(
    'ERR_UNSUPPORTED',
    `"${name}" with a row for each session`,
    'one whose shape has no dimension of size "batch"',
    'step the sessions one by one'
  )
}

/** Copies `value` into row `row` of `view`. */
export function putRow(view: View, { rows, outer, inner }: RowLayout, row: number, value: View): void {
  if (rows === 1) return view.set(value)
  if (outer === 1) return view.set(value, row * inner)
  for (let o = 0; o < outer; o++) view.set(value.subarray(o * inner, (o + 1) * inner), (o * rows + row) * inner)
}

/** Copies row `row` of `view` into `value`, from its element `at` on. */
export function takeRow(view: View, { rows, outer, inner }: RowLayout, row: number, value: View, at = 0): void {
  if (rows === 1) return value.set(view, at)
  for (let o = 0; o < outer; o++) {
    const begin = (o * rows + row) * inner
    value.set(view.subarray(begin, begin + inner), at + o * inner)
  }
}

/** Returns the number of elements of a row. */
export const sizeOfRow = ({ outer, inner }: RowLayout): number => outer * inner

/** A row of a view. */
export interface RowOfView {
  readonly view: View
  readonly layout: RowLayout
  readonly row: number
}

/** Copies a row of a view into a row of another one, of a plan with another number of rows. */
export function copyRow(from: RowOfView, to: RowOfView): void {
  // The layout of a plan of one row has no outer pieces.
  const { outer, inner } = to.layout.rows === 1 ? from.layout : to.layout
  for (let o = 0; o < outer; o++) {
    const begin = (o * from.layout.rows + from.row) * inner
    to.view.set(from.view.subarray(begin, begin + inner), (o * to.layout.rows + to.row) * inner)
  }
}
