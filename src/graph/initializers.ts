// How parameters start: functions that fill an array from a random sequence of the parameter's own (seed, name).
// Everything is computed in double and rounded once; the same seed gives the same bits on every machine.

import type { Random } from '../random.js'
import type { Shape } from './tensor.js'

/** Fills `values` (row-major, `shape`) with a parameter's first values, drawing from `random` alone. */
export type Initializer = (values: Float32Array, shape: Shape, random: Random) => void

export function constant(value: number): Initializer {
  return (values) => {
    values.fill(value)
  }
}

export const zeros: Initializer = constant(0)

/** Uniform in [-bound, bound). */
export function uniform(bound: number): Initializer {
  return (values, _shape, random) => {
    for (let i = 0; i < values.length; i++) values[i] = (2 * random.uniform() - 1) * bound
  }
}

/** Normal with mean 0 and standard deviation `deviation`. */
export function normal(deviation = 1): Initializer {
  return (values, _shape, random) => {
    for (let i = 0; i < values.length; i++) values[i] = random.normal() * deviation
  }
}

/**
 * Rows of each square block [columns, columns] are orthonormal times `gain` (Saxe, McClelland, Ganguli 2014): for a
 * recurrent weight [4H, H] each gate's block on its own. A last block with fewer rows has orthonormal rows too.
 * Cost: about 4 H^3 multiplications for [4H, H].
 */
export function orthogonal(gain = 1): Initializer {
  return (values, shape, random) => {
    const [rows, columns] = shape.length === 2 ? [shape[0]!, shape[1]!] : [1, shape[0]!]
    for (let first = 0; first < rows; first += columns) {
      const block = orthonormalRows(Math.min(columns, rows - first), columns, random)
      for (let i = 0; i < block.length; i++) values[first * columns + i] = gain * block[i]!
    }
  }
}

/** Gram-Schmidt on normal rows, each projection done twice ("twice is enough", Kahan and Parlett). */
function orthonormalRows(rows: number, columns: number, random: Random): Float64Array {
  const q = new Float64Array(rows * columns)
  for (let i = 0; i < q.length; i++) q[i] = random.normal()
  for (let row = 0; row < rows; row++) {
    const current = q.subarray(row * columns, (row + 1) * columns)
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < row; other++) {
        const done = q.subarray(other * columns, (other + 1) * columns)
        const along = dot(current, done)
        for (let k = 0; k < columns; k++) current[k]! -= along * done[k]!
      }
    }
    const scale = 1 / Math.sqrt(dot(current, current))
    for (let k = 0; k < columns; k++) current[k]! *= scale
  }
  return q
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!
  return sum
}

/** For an LSTM's bias [4H], gate order i, f, g, o: `other` everywhere, then the forget gate's quarter set to `value`. */
export function withForgetBias(value: number, other: Initializer): Initializer {
  return (values, shape, random) => {
    other(values, shape, random)
    const hidden = values.length / 4
    values.fill(value, hidden, 2 * hidden)
  }
}
