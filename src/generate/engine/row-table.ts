// The table of the rows of an engine's plan, in memory that the native loop shares: what each row has still to make, with its settings, and
// after a block its results.

import { createArena, viewOf } from '../../graph/arena.js'
import { COUNT_READ, ROW_WORDS, ROWS_HEAD, rowEnd, rowHead, rowWord } from '../../graph/row-words.js'
import { DRAW_STREAM } from '../samplers.js'
import type { ScoredToken } from './types.js'

/** Most forced tokens of a row in one block. */
export const MOST_FORCED = 256

/** The settings of the draws of a row; TokenOptions describes them. */
export interface RowSettings {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  readonly repetition: number
  readonly presence: number
  readonly frequency: number
  /** Likeliest tokens to record; -1: no log probabilities. */
  readonly alternatives: number
  readonly stopTokens: Int32Array
  readonly bias: readonly (readonly [token: number, bias: number])[]
  /** Counts [V] of the tokens so far, for penalties; null: there are none. */
  readonly counts: Int32Array | null
}

/** The task of a row from the next block on. */
export interface RowTask {
  readonly seed: number
  readonly position: number
  /** Tokens that come before draws, at most MOST_FORCED. */
  readonly forced: Int32Array
  /** Draws after those. */
  readonly left: number
  /** Results after which the block ends; 0: none. */
  readonly notify: number
}

/** Capacities of the lists of each row. */
interface Room {
  readonly stops: number
  readonly bias: number
  readonly counts: number
}

/** Returns the smallest power of two that is at least `count`; 0 for 0. */
const roomFor = (count: number) => (count === 0 ? 0 : 2 ** Math.ceil(Math.log2(count)))
const regionOf = ({ stops, bias, counts }: Room) => MOST_FORCED + stops + 2 * bias + counts

/** The table of a plan of `rows` rows. */
export class RowWords {
  readonly rows: number
  readonly #vocabulary: number
  words: Int32Array
  #floats: Float32Array
  #room: Room = { stops: 0, bias: 0, counts: 0 }

  constructor(rows: number, vocabulary: number) {
    this.rows = rows
    this.#vocabulary = vocabulary
    this.words = createWords(ROWS_HEAD + rows * (ROW_WORDS + MOST_FORCED))
    this.#floats = floatsOf(this.words)
    this.words[rowHead.rows] = rows
    this.words[rowHead.stream] = DRAW_STREAM
    this.words[rowHead.ends] = 1
    for (let row = 0; row < rows; row++) this.clear(row)
  }

  #at(row: number): number {
    return ROWS_HEAD + row * ROW_WORDS
  }

  #region(row: number): number {
    return ROWS_HEAD + this.rows * ROW_WORDS + row * regionOf(this.#room)
  }

  /** Makes a row idle. */
  clear(row: number): void {
    this.words[this.#at(row) + rowWord.ended] = rowEnd.full
    this.words[this.#at(row) + rowWord.made] = 0
  }

  /** Lets the lists of rows have at least this room. Lists of rows that are live are moved. */
  #reserve(wanted: Room): void {
    const { stops, bias, counts } = this.#room
    if (wanted.stops <= stops && wanted.bias <= bias && wanted.counts <= counts) return
    const before = { words: this.words, bases: Array.from({ length: this.rows }, (_, row) => this.#region(row)) }
    const old = this.#room
    const room = {
      stops: Math.max(stops, roomFor(wanted.stops)),
      bias: Math.max(bias, roomFor(wanted.bias)),
      counts: Math.max(counts, wanted.counts)
    }
    // If there is no memory for it, the table stays as it is.
    this.words = createWords(ROWS_HEAD + this.rows * (ROW_WORDS + regionOf(room)))
    this.#room = room
    this.#floats = floatsOf(this.words)
    this.words.set(before.words.subarray(0, ROWS_HEAD + this.rows * ROW_WORDS))
    for (let row = 0; row < this.rows; row++) this.#moveLists(before.words, before.bases[row]!, old, this, row)
  }

  /** Copies the lists of a row from memory in which they begin at `base`, and lets the words of row `row` of `into` refer to them. */
  #moveLists(from: Int32Array, base: number, room: Room, into: RowWords, row: number): void {
    const at = into.#at(row)
    const to = into.#region(row)
    const moved = [
      [rowWord.forced, 0, 0, MOST_FORCED],
      [rowWord.stops, MOST_FORCED, MOST_FORCED, room.stops],
      [rowWord.bias, MOST_FORCED + room.stops, MOST_FORCED + into.#room.stops, 2 * room.bias],
      [rowWord.counts, regionOf(room) - room.counts, regionOf(into.#room) - into.#room.counts, room.counts]
    ] as const
    for (const [word, begin, target, length] of moved) {
      into.words.set(from.subarray(base + begin, base + begin + length), to + target)
      if (into.words[at + word] !== 0) into.words[at + word]! += to + target - base - begin
    }
  }

  /** Copies row `from` of another table of the same vocabulary into row `to`. */
  moveRow(source: RowWords, from: number, to: number): void {
    this.#reserve(source.#room)
    const begin = source.#at(from)
    this.words.set(source.words.subarray(begin, begin + ROW_WORDS), this.#at(to))
    source.#moveLists(source.words, source.#region(from), source.#room, this, to)
  }

  /** Writes the settings of a row. */
  settle(row: number, settings: RowSettings): void {
    const { stopTokens, bias, counts, alternatives } = settings
    this.#reserve({ stops: stopTokens.length, bias: bias.length, counts: counts ? this.#vocabulary : 0 })
    const at = this.#at(row)
    const stops = this.#region(row) + MOST_FORCED
    const biases = stops + this.#room.stops
    const counted = biases + 2 * this.#room.bias
    const { words } = this
    const floats = this.#floats
    floats[at + rowWord.temperature] = settings.temperature
    words[at + rowWord.topK] = settings.topK
    floats[at + rowWord.topP] = Math.max(settings.topP, SMALLEST)
    floats[at + rowWord.minP] = settings.minP
    floats[at + rowWord.repetition] = settings.repetition
    floats[at + rowWord.presence] = settings.presence
    floats[at + rowWord.frequency] = settings.frequency
    words[at + rowWord.alternatives] = alternatives
    words.set(stopTokens, stops)
    words[at + rowWord.stops] = stops
    words[at + rowWord.stops + 1] = stopTokens.length
    bias.forEach(([token, value], i) => {
      words[biases + 2 * i] = token
      floats[biases + 2 * i + 1] = value
    })
    words[at + rowWord.bias] = biases
    words[at + rowWord.bias + 1] = bias.length
    if (counts) words.set(counts, counted)
    words[at + rowWord.counts] = counts ? counted : 0
  }

  /** Writes the task of a row, which is live from now on. */
  assign(row: number, { seed, position, forced, left, notify }: RowTask): void {
    const at = this.#at(row)
    const { words } = this
    words[at + rowWord.left] = left
    words[at + rowWord.ended] = rowEnd.live
    words[at + rowWord.made] = 0
    words[at + rowWord.notify] = notify
    words[at + rowWord.seed] = seed
    words[at + rowWord.seed + 1] = seed / 2 ** 32
    words[at + rowWord.step] = position
    words[at + rowWord.step + 1] = position / 2 ** 32
    words.set(forced, this.#region(row))
    words[at + rowWord.forced] = this.#region(row)
    words[at + rowWord.forced + 1] = forced.length
  }

  /** Copies the counts of a row into `counts`. */
  takeCounts(row: number, counts: Int32Array): void {
    const at = this.words[this.#at(row) + rowWord.counts]!
    if (at > 0) counts.set(this.words.subarray(at, at + counts.length))
  }

  /** Steps of the row so far. */
  position(row: number): number {
    const at = this.#at(row) + rowWord.step
    return (this.words[at]! >>> 0) + this.words[at + 1]! * 2 ** 32
  }

  /** Results of the row in the last block. */
  made(row: number): number {
    return this.words[this.#at(row) + rowWord.made]!
  }

  /** The state of the row, one of `rowEnd`. */
  ended(row: number): number {
    return this.words[this.#at(row) + rowWord.ended]!
  }

  /** Microseconds of the last block. */
  get elapsed(): number {
    return this.words[rowHead.elapsed]!
  }

  /** Prepares a block of at most `microseconds`, whose rows record `alternatives`. */
  begin(microseconds: number, alternatives: number): void {
    this.words[rowHead.microseconds] = microseconds
    this.words[rowHead.alternatives] = alternatives
    for (let row = 0; row < this.rows; row++) this.words[this.#at(row) + rowWord.made] = 0
  }

  /** Lets the next block run until it is interrupted. */
  rearm(): void {
    Atomics.store(this.words, rowHead.interrupt, 0)
  }

  /** Ends the block under way after its present step. */
  interrupt(): void {
    Atomics.store(this.words, rowHead.interrupt, 1)
  }

  /** Number of words that a step writes out for each row. */
  get width(): number {
    if (this.#vocabulary === 0) return 0
    const alternatives = this.words[rowHead.alternatives]!
    return alternatives < 0 ? 1 : 2 + 2 * alternatives
  }
}

/** The smallest top-p that is not 0 as a float32. */
const SMALLEST = 2 ** -126

/** Returns memory that the native loop may share. Throws ERR_OUT_OF_MEMORY. */
function createWords(count: number): Int32Array {
  return viewOf(createArena(count), 0, [count], 'i32') as Int32Array
}

function floatsOf({ buffer, byteOffset, length }: Int32Array): Float32Array {
  return new Float32Array(buffer, byteOffset, length)
}

/** Returns the tokens of the first `count` results of a row. `out` has `stride` words for a step, `at` is the place of the row in them. */
export function tokenResults(out: Int32Array, stride: number, at: number, count: number): number[] {
  const tokens = Array<number>(count)
  for (let i = 0; i < count; i++) tokens[i] = out[i * stride + at]!
  return tokens
}

/** Returns the records of a result at `at`, in a table of `most` alternatives; `floats` is the memory of `out`. */
export function scoreAt(out: Int32Array, floats: Float32Array, at: number, count: number, most: number): ScoredToken {
  const top = []
  for (let i = 0; i < count; i++) {
    const token = out[at + 2 + i]!
    if (token >= 0) top.push({ token, logProbability: floats[at + 2 + most + i]! })
  }
  return { token: out[at]!, logProbability: floats[at + 1]!, top }
}

/** Adds tokens that were read to counts. */
export function countRead(counts: Int32Array, tokens: Int32Array): void {
  for (const token of tokens) counts[token]! |= COUNT_READ
}
