// Best path decoding of networks that were trained with connectionist temporal classification (CTC; Graves, Fernandez, Gomez, Schmidhuber,
// "Connectionist temporal classification", 2006, section 3.2), for callers that need the likeliest symbols and their steps.

import {
  float32Array,
  integer,
  iterable,
  list,
  numbers,
  options as optionsOf,
  optional,
  type Check
} from '../../check/index.js'
import { expected } from '../../errors.js'
import { argmax } from '../probabilities.js'

/** Logits [K] of one step after the other. Logarithms of probabilities are logits too. */
export type LogitRows = Iterable<ArrayLike<number>>

/** Checks rows of logits while they are read. */
export const readLogitRows: Check<LogitRows> = iterable(numbers)

const readShape = list(integer(0, 2 ** 31 - 1), 3, 3)

/**
 * Returns the rows [K] of sample `b` of logits [T, B, K] for its first `length` steps (default: all T), as views that share the memory of
 * `logits`. `shape` is [T, B, K]. Throws ERR_INVALID_ARGUMENT for a sample or a length outside the shape, and ERR_INVALID_SHAPE if the
 * logits do not have T * B * K elements.
 *
 * @example
 * const logits = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) // two steps of two samples, two symbols
 * const rows = [...rowsOf(logits, [2, 2, 2], 1)] // [Float32Array [3, 4], Float32Array [7, 8]]
 */
export function rowsOf(
  logits: Float32Array,
  shape: readonly [number, number, number],
  b: number,
  length?: number
): Generator<Float32Array> {
  const [steps, batch, symbols] = readShape(shape, 'the shape') as [number, number, number]
  float32Array(steps * batch * symbols)(logits, 'the logits')
  integer(0, batch - 1)(b, 'b')
  const count = optional(integer(0, steps))(length, 'length') ?? steps
  return sampleRows(logits, batch, symbols, b, count)
}

function* sampleRows(logits: Float32Array, batch: number, symbols: number, b: number, count: number) {
  for (let t = 0; t < count; t++) yield logits.subarray((t * batch + b) * symbols, (t * batch + b + 1) * symbols)
}

/** The labels of the best path. */
export interface CtcPath {
  /** The labels [N], without blanks and with repeats joined. */
  labels: Int32Array
  /** The step [N] at which the best path first emits each label. */
  steps: Int32Array
}

/** Checks the index of the blank. */
export const checkBlank = optional(integer(0, 2 ** 31 - 1))
const readGreedyOptions = optionsOf<{ blank?: number }>({ blank: checkBlank })

/**
 * Returns the labels of the best path: the likeliest symbol of each step, with repeats joined and blanks left out. It reads the rows one by
 * one. `blank` is the index of the blank, default 0. Throws ERR_INVALID_ARGUMENT for rows that are not numbers, ERR_OUT_OF_RANGE for a NaN.
 *
 * @example
 * const rows = [[0, 2, 1], [0, 2, 1], [5, 2, 1], [0, 1, 2]] // likeliest: 1, 1, the blank 0, 2
 * const { labels, steps } = ctcGreedy(rows) // labels Int32Array [1, 2], steps Int32Array [0, 3]
 */
export function ctcGreedy(rows: LogitRows, options: { blank?: number } = {}): CtcPath {
  const { blank = 0 } = readGreedyOptions(options, 'the options of ctcGreedy')
  const path = new BestPath(blank)
  for (const row of readLogitRows(rows, 'the rows')) path.push(row)
  return { labels: Int32Array.from(path.labels), steps: Int32Array.from(path.steps) }
}

/** Best path decoding step by step, for rows that come one at a time. */
export class BestPath {
  /** The labels of the steps so far. */
  readonly labels: number[] = []
  /** The step at which each label was first emitted. */
  readonly steps: number[] = []
  readonly #blank: number
  #before: number
  #step = 0

  constructor(blank: number) {
    this.#blank = blank
    this.#before = blank
  }

  /** Reads the logits [K] of the next step. Throws ERR_OUT_OF_RANGE for a NaN. */
  push(row: ArrayLike<number>): void {
    const symbol = likeliest(row)
    if (symbol !== this.#blank && symbol !== this.#before) {
      this.labels.push(symbol)
      this.steps.push(this.#step)
    }
    this.#before = symbol
    this.#step++
  }
}

/** Returns the likeliest symbol of a step. Throws ERR_OUT_OF_RANGE for a NaN. */
function likeliest(row: ArrayLike<number>): number {
  for (let k = 0; k < row.length; k++) {
    if (!Number.isNaN(row[k]!)) continue
    const remedy = 'check the weights and the ink'
    throw expected('ERR_OUT_OF_RANGE', 'numbers to decode', `NaN for symbol ${k}`, remedy)
  }
  return argmax(row)
}
