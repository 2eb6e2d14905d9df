// The points of a set of UNIPEN components, in growing typed arrays: a file of many short components would fill the heap as
// objects of points.

import type { StrokeColumns } from '../strokes.js'

/** The points of one set. */
export interface ComponentPoints {
  /** Number of components; a stream of the pen without points does not count. */
  readonly count: number
  /** Number of points of all components. */
  readonly points: number
  /** Begins a component: a stream of points with the pen on the paper or above it. */
  begin(isDown: boolean): void
  add(x: number, y: number, t: number | null): void
  /** Points of component `index`. */
  lengthOf(index: number): number
  /** Points `from` up to and including `to` of component `index`, as views; null for a component above the paper. */
  stroke(index: number, from: number, to: number): StrokeColumns | null
}

class Column {
  #values = new Float64Array(64)
  push(at: number, value: number): void {
    if (at === this.#values.length) {
      const grown = new Float64Array(2 * at)
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values[at] = value
  }
  view(from: number, to: number): Float64Array {
    return this.#values.subarray(from, to)
  }
}

/** Returns a set without points. */
export function componentPoints(): ComponentPoints {
  const [x, y, t] = [new Column(), new Column(), new Column()]
  const [begins, downs]: [number[], boolean[]] = [[], []]
  let points = 0
  let next: boolean | null = null // a component that has no point yet: is the pen down?
  const endOf = (index: number) => begins[index + 1] ?? points
  return {
    get count() {
      return begins.length
    },
    get points() {
      return points
    },
    begin(isDown) {
      next = isDown
    },
    add(valueX, valueY, valueT) {
      if (next !== null) {
        begins.push(points)
        downs.push(next)
        next = null
      }
      x.push(points, valueX)
      y.push(points, valueY)
      t.push(points, valueT ?? NaN)
      points++
    },
    lengthOf: (index) => endOf(index) - begins[index]!,
    stroke(index, from, to) {
      if (!downs[index]) return null
      const [first, end] = [begins[index]! + from, begins[index]! + to + 1]
      const times = t.view(first, end)
      return { x: x.view(first, end), y: y.view(first, end), t: Number.isNaN(times[0]) ? null : times }
    }
  }
}
