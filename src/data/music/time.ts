// The two grids of a piece: ticks of the score, seconds of the performance, and the sustain pedal as longer notes.

import { expected } from '../../errors.js'
import { createPiece, DEFAULT_TEMPO, type Note, type Piece } from './notes.js'

/** Conversions between the grids of one piece. Both rise strictly. */
export interface TimeMap {
  seconds(tick: number): number
  /** Returns a tick with its fraction. */
  tick(seconds: number): number
}

/** Most seconds of a piece, a day: a longer one is damaged. */
export const MAX_SECONDS = 86_400

/** Returns the index of the last value of a rising list that is at most `value`; 0 if none is. */
function lastAtMost(list: readonly number[], value: number): number {
  let [low, high] = [0, list.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (list[middle]! <= value) low = middle
    else high = middle - 1
  }
  return low
}

/** Returns the conversions of a piece, from its tempo map. */
export function timeMapOf({ tempo, ticksPerQuarter }: Pick<Piece, 'tempo' | 'ticksPerQuarter'>): TimeMap {
  const ticks = tempo.map(({ tick }) => tick)
  const rates = tempo.map(({ microsecondsPerQuarter }) => microsecondsPerQuarter / 1e6 / ticksPerQuarter)
  const begins = [0]
  for (let i = 1; i < ticks.length; i++) begins.push(begins[i - 1]! + (ticks[i]! - ticks[i - 1]!) * rates[i - 1]!)
  return {
    seconds(tick) {
      const i = lastAtMost(ticks, tick)
      return begins[i]! + (tick - ticks[i]!) * rates[i]!
    },
    tick(seconds) {
      const i = lastAtMost(begins, seconds)
      return ticks[i]! + (seconds - begins[i]!) / rates[i]!
    }
  }
}

/**
 * Returns the notes of a piece in seconds, as they are played. The pedal does not count: call it with `sustained(piece)` for the times
 * during which the strings sound.
 */
export function performanceOf(piece: Piece): Note[] {
  const { seconds } = timeMapOf(piece)
  return piece.notes.map((note) => ({ ...note, begin: seconds(note.begin), end: seconds(note.end) }))
}

/**
 * Returns a piece with the notes of a performance in seconds, rounded to ticks of `ticksPerQuarter` (default 480) at a steady tempo
 * (default 120 quarter notes a minute, so a tick is about a millisecond). A note that rounding makes empty has one tick.
 */
export function pieceOfPerformance(
  notes: readonly Note[],
  {
    name,
    ticksPerQuarter = 480,
    microsecondsPerQuarter = DEFAULT_TEMPO
  }: { name: string; ticksPerQuarter?: number; microsecondsPerQuarter?: number }
): Piece {
  const rate = (ticksPerQuarter * 1e6) / microsecondsPerQuarter
  const inTicks = notes.map((note) => {
    const begin = Math.round(note.begin * rate)
    return { ...note, begin, end: Math.max(begin + 1, Math.round(note.end * rate)) }
  })
  return createPiece({ name, notes: inTicks, ticksPerQuarter, tempo: [{ tick: 0, microsecondsPerQuarter }] })
}

/**
 * Returns a piece without pedals that sounds the same: a note that ends while the pedal of its channel is down, or at the moment in which
 * it goes down, ends when the pedal comes up, or before that where the next note of its pitch begins.
 */
export function sustained(piece: Piece): Piece {
  const spans = new Map<number, { begins: number[]; ends: number[] }>()
  for (const { begin, end, channel } of piece.pedals) {
    const { begins, ends } = spans.get(channel) ?? { begins: [], ends: [] }
    begins.push(begin)
    ends.push(end)
    spans.set(channel, { begins, ends })
  }
  const notes = piece.notes.map((note) => {
    const own = spans.get(note.channel)
    if (!own) return note
    const i = lastAtMost(own.begins, note.end)
    const held = own.begins[i]! <= note.end && own.ends[i]! > note.end
    return held ? { ...note, end: own.ends[i]! } : note
  })
  // createPiece cuts a lengthened note where the next one of its pitch begins.
  return createPiece({ ...piece, notes, pedals: [] })
}

/** Most bars of a piece, so that a hostile file with bars of 1/128 does not fill the memory. */
const MAX_BARS = 2 ** 20

/**
 * Returns the ticks at which the bars of a piece begin, up to `end`; a change of meter begins a bar. Throws ERR_OUT_OF_RANGE for more
 * than 1,048,576 bars.
 */
export function barTicks({ name, meters, ticksPerQuarter }: Piece, end: number): number[] {
  const ticks: number[] = []
  meters.forEach(({ tick, numerator, denominator }, i) => {
    const next = Math.min(end, meters[i + 1]?.tick ?? end)
    const bar = (4 * ticksPerQuarter * numerator) / denominator
    for (let at = tick; at < next; at += bar) {
      if (ticks.length === MAX_BARS)
        throw expected('ERR_OUT_OF_RANGE', `at most ${MAX_BARS} bars in ${name}`, 'more', 'correct its time signatures')
      ticks.push(at)
    }
  })
  return ticks
}
