// Initializers: functions that fill an array from a random sequence of the parameter's own (seed, name). Values are computed in double and
// rounded once, so the same seed gives the same bits on every machine. Large arrays take seconds, so every initializer of this file can
// also do its work in pieces; see first-values.ts.

import { callback, float32Array, methods, number } from '../check/index.js'
import { native } from '../native.js'
import type { Random } from '../random.js'
import { createDoubles } from './arena.js'
import { callNative, nativeError } from '../native-call.js'
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
 * Fills `values` (row-major, `shape`) with a parameter's first values, which it draws only from `random`. An initializer of the caller is
 * called when the model is defined; those of this library work later, and in pieces.
 * @example
 * const ramp: Initializer = (values) => values.forEach((_, i) => (values[i] = i / values.length))
 */
export type Initializer = (values: Float32Array, shape: Shape, random: Random) => void

interface InPieces {
  readonly pieces: Pieces
  /** Estimate of the nanoseconds that the pieces take together. */
  cost(shape: Shape): number
}

const known = new WeakMap<Initializer, InPieces>()

/** Returns the form of `initializer` that works in pieces; undefined for a function of the caller. */
export function piecesOf(initializer: Initializer): InPieces | undefined {
  return known.get(initializer)
}

/** Number of values that are drawn or written between two readings of the clock. */
const PIECE = 4096
/** Nanoseconds of one random value, and of one multiply-add of Gram-Schmidt in all lanes: orders of magnitude. */
const RANDOM_COST = 60
const STEP_COST = 2.5
/** Number of matrices that the native Gram-Schmidt computes at the same time: GC_ORTHONORMAL_LANES. */
const LANES = 4
/** Smallest number of multiply-adds of a native piece, which takes 5 to 10 ms. */
const NATIVE_PIECE = 2 ** 22

const checkRandom = methods<Random>(['uint32', 'uniform', 'normal', 'below'])

function inPieces(pieces: Pieces, cost: (shape: Shape) => number): Initializer {
  const whole: Initializer = (values, shape, random) => {
    float32Array(sizeOf(checkShape(shape, 'a parameter')))(values, 'the values of a parameter')
    const draws = checkRandom(random, 'the random sequence')
    for (const piece of pieces(values, shape, draws)) piece?.sync()
  }
  known.set(whole, { pieces, cost })
  return whole
}

const count = (shape: Shape) => shape.reduce((product, size) => product * size, 1)

/** Returns an initializer that calls `other` and then `change`, a short piece of work. */
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

/** Returns an initializer that takes one value after the other from `next`. */
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

/** Range of factors: within float32, so that no weight starts as infinity. */
const factor = number(-3e38, 3e38)

/**
 * Returns an initializer that sets every element to `value`, from -3e38 to 3e38. Throws ERR_INVALID_ARGUMENT for other values.
 * @example
 * linear(x, { name: 'head', size: 10, biasStart: constant(0.5) })
 */
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

/** Sets every element to 0. */
export const zeros: Initializer = constant(0)

/**
 * Returns an initializer that draws from the uniform distribution on [-bound, bound). `bound` is a number from -3e38 to 3e38, or a function
 * of the parameter's shape that returns it. Throws ERR_INVALID_ARGUMENT for other values.
 * @example
 * // Glorot and Bengio 2010
 * const glorot = uniform(([rows = 1, columns = 1]) => Math.sqrt(6 / (rows + columns)))
 * linear(x, { name: 'head', size: 10, weight: glorot })
 */
export function uniform(bound: number | ((shape: Shape) => number)): Initializer {
  if (typeof bound === 'function') callback()(bound, 'the bound of uniform')
  else factor(bound, 'the bound of uniform')
  return eachValue((random, shape) => {
    const most = typeof bound === 'number' ? bound : factor(bound(shape), 'the bound of uniform')
    return () => (2 * random.uniform() - 1) * most
  })
}

/**
 * Returns an initializer that draws from the normal distribution with mean 0 and standard deviation `deviation`, from -3e38 to 3e38, by
 * default 1. Throws ERR_INVALID_ARGUMENT for other values.
 * @example
 * embedding(ids, { name: 'embedding', vocabulary: 100, size: 16, weight: normal(0.02) })
 */
export function normal(deviation = 1): Initializer {
  factor(deviation, 'the deviation of normal')
  return eachValue((random) => () => random.normal() * deviation)
}

/**
 * Returns an initializer whose matrices have orthonormal rows, times `gain` (Saxe, McClelland, Ganguli 2014), in each square block
 * `[columns, columns]`: in a recurrent weight [4H, H], the block of each gate. A last block with fewer rows has orthonormal rows, too.
 * `gain` is from -3e38 to 3e38, by default 1. Takes about 4 H^3 multiplications for [4H, H]. Throws ERR_INVALID_ARGUMENT for other gains.
 * @example
 * lstm(x, { name: 'lstm', hidden: 128, recurrentWeight: orthogonal() })
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
 * Applies Gram-Schmidt to rows of normal values, for the blocks of `values` in parallel lanes. Lanes without a row, or with fewer rows,
 * compute on zeros, and their results are not used.
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

/** Returns an initializer for an LSTM's bias [4H], gate order i, f, g, o: that of `other`, with `value` in the quarter of the forget gate. */
export function withForgetBias(value: number, other: Initializer): Initializer {
  return adjusted(other, (values) => {
    const hidden = values.length / 4
    values.fill(value, hidden, 2 * hidden)
  })
}
