// Values of an InkML trace (recommendation, section 3.2.1): points with commas between, a value for each channel: ! an explicit
// value, ' a first difference, " a second difference, * as before, ? unknown; a prefix applies until the next one.

import { inkFormatError, parseNumber, excerpt } from './parser.js'

/** The channels of a trace format, in the order of their values in a point, and the scales of X and Y. */
export interface Channels {
  readonly names: readonly string[]
  /** Number of channels after the regular ones; a point may leave out the last of them. */
  readonly optional: number
  /** Factors of X and Y, which units and orientation of the channels define; negative if the axis is reversed. */
  readonly scaleX: number
  readonly scaleY: number
}

/** The points of a trace as columns. `t` is null if a point has no time. */
export interface TraceColumns {
  x: number[]
  y: number[]
  t: number[] | null
}

type Mode = '!' | "'" | '"'

/** Characters of a number; `-` only begins one. */
const NUMERIC = /[0-9.]/
const BLANK = /\s/

/**
 * Parses a trace in time linear in its text. `where` names the trace in messages. Throws ERR_FILE_FORMAT if a point lacks a regular channel
 * or has more values than channels, if a value is not a number, or if there are more than `maxPoints` points.
 */
export function parseTrace(text: string, channels: Channels, where: string, maxPoints: number): TraceColumns {
  const points = new TracePoints(channels, where, maxPoints)
  for (let i = 0; i < text.length;) {
    const character = text[i]!
    if (BLANK.test(character)) i++
    else if (character === ',') {
      points.finish()
      i++
    } else if (character === '*' || character === '?') {
      if (character === '*') points.add(null)
      else points.addUnknown()
      i++
    } else if (character === '!' || character === "'" || character === '"') {
      points.setMode(character)
      i++
    } else if (character === 'T' || character === 'F') {
      points.add(character === 'T' ? 1 : 0)
      i++
    } else {
      const end = endOfNumber(text, i)
      const number = character === '#' ? parseHex(text.slice(i + 1, end)) : parseNumber(text.slice(i, end))
      if (Number.isNaN(number))
        throw inkFormatError(where, 'numbers and commas in a trace', excerpt(text.slice(i, i + 24)))
      points.add(number)
      i = end
    }
  }
  return points.end()
}

/** The points of a trace, made value by value. */
class TracePoints {
  readonly #channels: Channels
  readonly #where: string
  readonly #maxPoints: number
  /** Places of X, Y and T in a point; that of T is -1 if the trace has no times. */
  readonly #x: number
  readonly #y: number
  readonly #t: number
  readonly #columns: TraceColumns
  /** For each channel: its prefix, its last value and difference, and whether the value is known. */
  readonly #modes: Mode[]
  readonly #value: number[]
  readonly #speed: number[]
  readonly #known: boolean[]
  /** The channel of the next value. */
  #channel = 0

  constructor(channels: Channels, where: string, maxPoints: number) {
    const { names } = channels
    this.#channels = channels
    this.#where = where
    this.#maxPoints = maxPoints
    this.#x = names.indexOf('X')
    this.#y = names.indexOf('Y')
    this.#t = names.indexOf('T')
    this.#columns = { x: [], y: [], t: this.#t < 0 ? null : [] }
    this.#modes = names.map(() => '!')
    this.#value = names.map(() => 0)
    this.#speed = names.map(() => 0)
    this.#known = names.map(() => false)
  }

  /** Sets how the values of the next channel are meant, from here on. */
  setMode(mode: Mode): void {
    if (this.#channel >= this.#channels.names.length) throw this.#wrongCount('more')
    this.#modes[this.#channel] = mode
  }

  /** Adds the value, or difference, of the next channel; null repeats that of the point before. */
  add(given: number | null): void {
    if (this.#channel >= this.#channels.names.length) throw this.#wrongCount('more')
    const k = this.#channel++
    const before = this.#value[k]!
    this.#known[k] = true
    if (this.#modes[k] === '!') {
      this.#value[k] = given ?? before
      this.#speed[k] = this.#value[k] - before
    } else {
      this.#speed[k] = this.#modes[k] === "'" ? (given ?? this.#speed[k]!) : this.#speed[k]! + (given ?? 0)
      this.#value[k] = before + this.#speed[k]
    }
  }

  /** Leaves the value of the next channel unknown. */
  addUnknown(): void {
    const { names } = this.#channels
    if (this.#channel >= names.length) throw this.#wrongCount('more')
    if (this.#channel === this.#x || this.#channel === this.#y)
      throw inkFormatError(this.#where, `a value of ${names[this.#channel]}`, '"?"')
    this.#known[this.#channel++] = false
  }

  /** Finishes a point. */
  finish(): void {
    const { names, optional, scaleX, scaleY } = this.#channels
    const { x, y, t } = this.#columns
    if (this.#channel < names.length - optional) throw this.#wrongCount(`${this.#channel} in point ${x.length + 1}`)
    if (x.length >= this.#maxPoints) throw inkFormatError(this.#where, `at most ${this.#maxPoints} points`, 'more')
    x.push(scaleX * this.#value[this.#x]!)
    y.push(scaleY * this.#value[this.#y]!)
    if (this.#t < this.#channel && this.#known[this.#t]) t?.push(this.#value[this.#t]!)
    else this.#columns.t = null
    this.#channel = 0
  }

  /** Returns the columns of the trace. A comma after the last point is common in files, and makes no point. */
  end(): TraceColumns {
    if (this.#channel > 0) this.finish()
    return this.#columns
  }

  #wrongCount(found: string): Error {
    const { names, optional } = this.#channels
    const what = `points of ${names.length - optional} values (${names.join(' ').slice(0, 60)})`
    return inkFormatError(this.#where, what, found)
  }
}

/** Returns the end of the number that begins at `from`: numbers need no blanks between them if a sign divides them. */
function endOfNumber(text: string, from: number): number {
  let i = from + 1
  if (text[from] === '#') {
    while (i < text.length && /[0-9a-fA-F]/.test(text[i]!)) i++
    return i
  }
  while (i < text.length && NUMERIC.test(text[i]!)) i++
  if (i === from + 1 && !NUMERIC.test(text[from]!) && text[from] !== '-' && text[from] !== '+') return i
  if (text[i] === 'e' || text[i] === 'E') {
    i++
    if (text[i] === '-' || text[i] === '+') i++
    while (i < text.length && NUMERIC.test(text[i]!)) i++
  }
  return i
}

function parseHex(digits: string): number {
  return digits.length >= 1 && digits.length <= 8 ? parseInt(digits, 16) : NaN
}
