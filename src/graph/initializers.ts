// How parameters start: functions that fill an array from a random sequence of the parameter's own (seed, name).
// Everything is computed in double and rounded once; the same seed gives the same bits on every machine.
// Large arrays take seconds, so every initializer of this file also does its work in pieces; see first-values.ts.

import { callback, float32Array, methods, number } from '../check/index.js'
import { native } from '../native.js'
import type { Random } from '../random.js'
import { createDoubles } from './arena.js'
import { callNative, nativeError } from './native-call.js'
import { checkShape, sizeOf, type Shape } from './shape.js'

/** A piece of native work of a few milliseconds, for either thread: the caller's, or the engine's. */
export interface NativePiece {
  sync(): void
  async(): Promise<void>
}

/** Fills `values` in pieces of about a millisecond: between two of them it yields null, or native work to do before the next. */
export type Pieces = (
  values: Float32Array,
  shape: Shape,
  random: Random
) => Generator<NativePiece | null, void, undefined>

/**
 * Fills `values` (row-major, `shape`) with a parameter's first values, drawing only from `random`. A function of your own is called
 * when the model is defined; what the functions of this library return works later, and in pieces.
 */
export type Initializer = (values: Float32Array, shape: Shape, random: Random) => void

interface InPieces {
  readonly pieces: Pieces
  /** Estimate of the nanoseconds that the pieces take together. */
  cost(shape: Shape): number
}

const known = new WeakMap<Initializer, InPieces>()

/** How `initializer` does its work in pieces; undefined for a function of the caller's own. */
export function piecesOf(initializer: Initializer): InPieces | undefined {
  return known.get(initializer)
}

/** Values that are drawn or written between two looks at the clock. */
const PIECE = 4096
/** Nanoseconds of one random value, and of one multiply-add of Gram-Schmidt in all lanes: orders of magnitude. */
const RANDOM_COST = 60
const STEP_COST = 2.5
/** Matrices that the native Gram-Schmidt works on side by side: GC_ORTHONORMAL_LANES. */
const LANES = 4
/** Multiply-adds of one native piece at least; 5 to 10 ms. */
const NATIVE_PIECE = 2 ** 22

const checkRandom = methods<Random>(['uint32', 'uniform', 'normal', 'below'])

function inPieces(pieces: Pieces, cost: (shape: Shape) => number): Initializer {
  const whole: Initializer = (values, shape, random) => {
    float32Array(sizeOf(checkShape(shape, 'a parameter')))(values, 'the values of a parameter')
    checkRandom(random, 'the random sequence')
    for (const piece of pieces(values, shape, random)) piece?.sync()
  }
  known.set(whole, { pieces, cost })
  return whole
}

const count = (shape: Shape) => shape.reduce((product, size) => product * size, 1)

/** `other` with its values changed by `change`, a short piece of work. */
export function adjusted(other: Initializer, change: (values: Float32Array, shape: Shape) => void): Initializer {
  const inside = known.get(other)
  if (!inside) {
    return (values, shape, random) => {
      other(values, shape, random)
      change(values, shape)
    }
  }
  return inPieces(function* (values, shape, random) {
    yield* inside.pieces(values, shape, random)
    change(values, shape)
  }, inside.cost)
}

/** One value after the other, each from `next`. */
function eachValue(next: (random: Random, shape: Shape) => () => number): Initializer {
  return inPieces(
    function* (values, shape, random) {
      const value = next(random, shape)
      for (let begin = 0; begin < values.length; begin += PIECE) {
        const end = Math.min(values.length, begin + PIECE)
        for (let i = begin; i < end; i++) values[i] = value()
        yield null
      }
    },
    (shape) => RANDOM_COST * count(shape)
  )
}

/** Factors of first values: within float32, so that no weight starts infinite. */
const factor = number(-3e38, 3e38)

/** Every element is `value`. */
export function constant(value: number): Initializer {
  factor(value, 'the value of constant')
  return inPieces(
    function* (values) {
      for (let begin = 0; begin < values.length; begin += 2 ** 20) {
        values.fill(value, begin, begin + 2 ** 20)
        yield null
      }
    },
    (shape) => count(shape) / 2
  )
}

export const zeros: Initializer = constant(0)

/** Uniform in [-bound, bound); a function gives the bound for a shape. */
export function uniform(bound: number | ((shape: Shape) => number)): Initializer {
  if (typeof bound === 'function') callback()(bound, 'the bound of uniform')
  else factor(bound, 'the bound of uniform')
  return eachValue((random, shape) => {
    const most = typeof bound === 'number' ? bound : factor(bound(shape), 'the bound of uniform')
    return () => (2 * random.uniform() - 1) * most
  })
}

/** Normal with mean 0 and standard deviation `deviation`. */
export function normal(deviation = 1): Initializer {
  factor(deviation, 'the deviation of normal')
  return eachValue((random) => () => random.normal() * deviation)
}

/**
 * Rows of each square block [columns, columns] are orthonormal times `gain` (Saxe, McClelland, Ganguli 2014): for a
 * recurrent weight [4H, H] each gate's block on its own. A last block with fewer rows has orthonormal rows too.
 * Cost: about 4 H^3 multiplications for [4H, H].
 */
export function orthogonal(gain = 1): Initializer {
  factor(gain, 'the gain of orthogonal')
  return inPieces(
    function* (values, shape, random) {
      const [rows, columns] = rowsAndColumns(shape)
      for (let first = 0; first < rows; first += LANES * columns) {
        const end = Math.min(rows, first + LANES * columns)
        yield* orthonormalBlocks(values.subarray(first * columns, end * columns), columns, gain, random)
      }
    },
    (shape) => {
      const [rows, columns] = rowsAndColumns(shape)
      const groups = Math.ceil(rows / (LANES * columns))
      return RANDOM_COST * rows * columns + STEP_COST * groups * Math.min(rows, columns) ** 2 * columns
    }
  )
}

function rowsAndColumns(shape: Shape): [rows: number, columns: number] {
  return shape.length === 2 ? [shape[0]!, shape[1]!] : [1, shape[0]!]
}

/**
 * Gram-Schmidt on normal rows, for the blocks of `values` side by side. In a lane that has no row, or fewer rows, the rest computes
 * on zeros; what comes out is read by nobody.
 */
function* orthonormalBlocks(
  values: Float32Array,
  columns: number,
  gain: number,
  random: Random
): Generator<NativePiece | null, void, undefined> {
  const square = columns * columns
  const height = Math.min(columns, values.length / columns)
  const q = createDoubles(height * columns * LANES)
  const place = (i: number) => LANES * (i % square) + Math.floor(i / square)
  for (let i = 0; i < values.length; i++) {
    q[place(i)] = random.normal()
    if (i % PIECE === 0) yield null
  }
  for (let from = 0; from < height;) {
    let to = from
    for (let work = 0; to < height && work < NATIVE_PIECE; to++) work += 2 * to * columns
    const rows = [q, height, columns, from, to] as const
    yield {
      sync: () => callNative(() => native().orthonormalize(...rows)),
      async: () =>
        native()
          .orthonormalizeAsync(...rows)
          .catch((error: unknown) => {
            throw nativeError(error)
          })
    }
    from = to
  }
  for (let i = 0; i < values.length; i++) {
    values[i] = gain * q[place(i)]!
    if (i % PIECE === 0) yield null
  }
}

/** For an LSTM's bias [4H], gate order i, f, g, o: `other` everywhere, then the forget gate's quarter set to `value`. */
export function withForgetBias(value: number, other: Initializer): Initializer {
  return adjusted(other, (values) => {
    const hidden = values.length / 4
    values.fill(value, hidden, 2 * hidden)
  })
}
