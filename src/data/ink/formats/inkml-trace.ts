// Values of an InkML trace (recommendation, section 3.2.1): points with commas between, a value for each channel: ! an explicit
// value, ' a first difference, " a second difference, * as before, ? unknown; a prefix holds until the next one.

import { formatError, parseNumber, quoted } from './parser.js'

/** A channel of a trace format: its place in a point, and how its values become the ink's. */
export interface Channels {
  readonly names: readonly string[]
  /** Channels after the regular ones, which a point may leave out from some place on. */
  readonly optional: number
  /** Scale of X and of Y, with sign: as units and orientation of the channels define it. */
  readonly scaleX: number
  readonly scaleY: number
}

/** A trace as columns. `t` is null if a point has no time. */
export interface TraceColumns {
  x: number[]
  y: number[]
  t: number[] | null
}

type Mode = '!' | "'" | '"'

/** Characters of a number; `-` only begins one. */
const NUMERIC = /[0-9.]/
const BLANK = /\s/

/** Parses a trace in time linear in its text. Throws ERR_FILE_FORMAT; `most` bounds the points. */
export function parseTrace(text: string, channels: Channels, where: string, most: number): TraceColumns {
  const { names, optional, scaleX, scaleY } = channels
  const [x, y, t] = ['X', 'Y', 'T'].map((name) => names.indexOf(name)) as [number, number, number]
  const described = `points of ${names.length - optional} values (${names.join(' ').slice(0, 60)})`
  const columns: TraceColumns = { x: [], y: [], t: t < 0 ? null : [] }
  const modes: Mode[] = names.map(() => '!')
  const value = names.map(() => 0)
  const speed = names.map(() => 0)
  const known = names.map(() => false)
  let channel = 0

  const refuse = (expected: string, found: string) => formatError(where, expected, found)
  const finish = () => {
    if (channel < names.length - optional) throw refuse(described, `${channel} in point ${columns.x.length + 1}`)
    if (columns.x.length >= most) throw refuse(`at most ${most} points`, 'more')
    columns.x.push(scaleX * value[x]!)
    columns.y.push(scaleY * value[y]!)
    if (t < channel && known[t]) columns.t?.push(value[t]!)
    else columns.t = null
    channel = 0
  }
  /** `given` null: the value, or the difference, is that of the point before. */
  const advance = (given: number | null) => {
    if (channel >= names.length) throw refuse(described, 'more')
    const k = channel++
    const before = value[k]!
    known[k] = true
    if (modes[k] === '!') value[k] = given ?? before
    else if (modes[k] === "'") value[k] = before + (speed[k] = given ?? speed[k]!)
    else value[k] = before + (speed[k] = speed[k]! + (given ?? 0))
    if (modes[k] === '!') speed[k] = value[k] - before
  }
  const unknown = () => {
    if (channel >= names.length) throw refuse(described, 'more')
    if (channel === x || channel === y) throw refuse(`a value of ${names[channel]}`, '"?"')
    known[channel++] = false
  }

  for (let i = 0; i < text.length;) {
    const character = text[i]!
    if (BLANK.test(character)) i++
    else if (character === ',') {
      finish()
      i++
    } else if (character === '*' || character === '?') {
      if (character === '*') advance(null)
      else unknown()
      i++
    } else if (character === '!' || character === "'" || character === '"') {
      if (channel >= names.length) throw refuse(described, 'more')
      modes[channel] = character
      i++
    } else if (character === 'T' || character === 'F') {
      advance(character === 'T' ? 1 : 0)
      i++
    } else {
      const end = endOfNumber(text, i)
      const number = character === '#' ? parseHex(text.slice(i + 1, end)) : parseNumber(text.slice(i, end))
      if (Number.isNaN(number)) throw refuse('numbers and commas in a trace', quoted(text.slice(i, i + 24)))
      advance(number)
      i = end
    }
  }
  // A comma after the last point is common.
  if (channel > 0) finish()
  return columns
}

/** Returns the end of the number that begins at `from`: numbers need no blanks between them where a sign divides them. */
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
