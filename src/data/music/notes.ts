// Notes and pieces of music, for everything that reads, learns, draws or plays them.
//
// A piece has its notes in ticks, which are the written score: a quarter note always has the same number of them. The tempo map
// gives the performance in seconds (time.ts). A piano has one key for each pitch, and an event model no more, so notes
// of one channel and pitch never overlap in a piece.

import { integer, number, string } from '../../check/index.js'
import { expected } from '../../errors.js'

/** A note: ticks in a piece, seconds in a performance (`performanceOf`). */
export interface Note {
  /** MIDI number of the key, an integer from 0 to 127; 60 is the middle C. */
  readonly pitch: number
  /** When the key is pressed, at least 0. */
  readonly begin: number
  /** When the key is released, above `begin`. */
  readonly end: number
  /** How hard the key is pressed, an integer from 1 to 127. */
  readonly velocity: number
  /** An integer from 0 to 15; notes of channel 9 are percussion. */
  readonly channel: number
  /** Instrument of General MIDI, an integer from 0 to 127; 0 is a piano. */
  readonly program: number
}

/** The tempo from a tick on. */
export interface TempoChange {
  readonly tick: number
  /** Microseconds of a quarter note, a number from 1 to 16,777,215; 500,000 are 120 quarter notes a minute. */
  readonly microsecondsPerQuarter: number
}

/** The time signature from a tick on. */
export interface Meter {
  readonly tick: number
  /** Beats of a bar, an integer from 1 to 255. */
  readonly numerator: number
  /** Part of a whole note that a beat is: a power of two from 1 to 128. */
  readonly denominator: number
}

/** A time during which the sustain pedal of a channel is down. */
export interface PedalSpan {
  readonly begin: number
  /** Above `begin`. */
  readonly end: number
  readonly channel: number
}

/** A piece of music; all times are ticks. */
export interface Piece {
  /** Name for people, such as the path of the file. */
  readonly name: string
  /** By begin, then pitch, then channel; of one channel and pitch, none overlap. */
  readonly notes: readonly Note[]
  /** Ticks of a quarter note, an integer from 1 to 32,767. */
  readonly ticksPerQuarter: number
  /** By tick, the first at 0. */
  readonly tempo: readonly TempoChange[]
  /** By tick, the first at 0. */
  readonly meters: readonly Meter[]
  /** By begin, then channel; of one channel, none overlap. `sustained` lengthens the notes by them. */
  readonly pedals: readonly PedalSpan[]
}

/** The parts of a piece that `createPiece` takes. */
export interface PieceParts {
  readonly name: string
  /** In any order. */
  readonly notes: readonly Note[]
  /** Default 480. */
  readonly ticksPerQuarter?: number
  /** In any order; of changes at one tick the last one counts. Default: 120 quarter notes a minute. */
  readonly tempo?: readonly TempoChange[]
  /** In any order; of changes at one tick the last one counts. Default: 4/4. */
  readonly meters?: readonly Meter[]
  /** In any order; those that overlap are joined. Default: none. */
  readonly pedals?: readonly PedalSpan[]
}

/** Channel of General MIDI whose notes are drums. */
export const PERCUSSION = 9

/** Microseconds of a quarter note where a file does not give a tempo. */
export const DEFAULT_TEMPO = 500_000

/** Last tick or second of a piece: sums of them stay exact. */
const MAX_TIME = 2 ** 49

const [name, pitch, velocity, channel, time] = [
  string,
  integer(0, 127),
  integer(1, 127),
  integer(0, 15),
  number(0, MAX_TIME)
]
const [ticksPerQuarter, microseconds, tick] = [integer(1, 32767), number(1, 0xffffff), integer(0, MAX_TIME)]

function checkNote(note: Note, at: string): void {
  pitch(note.pitch, `the pitch of ${at}`)
  velocity(note.velocity, `the velocity of ${at}`)
  channel(note.channel, `the channel of ${at}`)
  pitch(note.program, `the program of ${at}`)
  time(note.begin, `the begin of ${at}`)
  if (time(note.end, `the end of ${at}`) > note.begin) return
  throw expected('ERR_INVALID_ARGUMENT', `an end after ${note.begin} of ${at}`, `${note.end}`, 'leave empty notes out')
}

const byPlace = (a: Note, b: Note): number => a.begin - b.begin || a.pitch - b.pitch || a.channel - b.channel

/** Notes of which none of the same channel and pitch overlap, and the numbers of those that were changed for this. */
export interface SeparateNotes {
  readonly notes: Note[]
  /** Notes that end earlier, because the next one of the same pitch begins. */
  readonly cut: number
  /** Notes that began together with another one of the same pitch, and are one note now. */
  readonly merged: number
}

/**
 * Sorts notes, ends each where the next one of its channel and pitch begins, and joins those that begin together: the joined note has
 * the later end and the larger velocity. So no note is lost silently, and none has length zero.
 */
export function separateNotes(notes: readonly Note[]): SeparateNotes {
  const sorted = [...notes].sort(byPlace)
  const last = new Map<number, number>()
  const separate: Note[] = []
  let [cut, merged] = [0, 0]
  for (const note of sorted) {
    const key = note.channel * 128 + note.pitch
    const index = last.get(key)
    const former = index === undefined ? undefined : separate[index]!
    if (former && former.begin === note.begin) {
      const end = Math.max(former.end, note.end)
      separate[index!] = { ...former, end, velocity: Math.max(former.velocity, note.velocity) }
      merged++
      continue
    }
    if (former && former.end > note.begin) {
      separate[index!] = { ...former, end: note.begin }
      cut++
    }
    last.set(key, separate.length)
    separate.push(note)
  }
  return { notes: separate, cut, merged }
}

/** Returns changes by tick: the last one at each, and `first` at 0 if there is none. */
function changes<T extends { readonly tick: number }>(list: readonly T[], first: T): T[] {
  const sorted = [...list].sort((a, b) => a.tick - b.tick)
  const kept = sorted.filter((change, i) => change.tick !== sorted[i + 1]?.tick)
  return kept[0]?.tick === 0 ? kept : [first, ...kept]
}

/** Returns spans sorted, those of one channel that overlap as one. */
function joined(spans: readonly PedalSpan[]): PedalSpan[] {
  const last = new Map<number, number>()
  const kept: PedalSpan[] = []
  for (const span of [...spans].sort((a, b) => a.begin - b.begin || a.channel - b.channel)) {
    const index = last.get(span.channel)
    const former = index === undefined ? undefined : kept[index]!
    if (former && former.end > span.begin) kept[index!] = { ...former, end: Math.max(former.end, span.end) }
    else {
      last.set(span.channel, kept.length)
      kept.push(span)
    }
  }
  return kept
}

function checkMeter({ numerator, denominator, tick: at }: Meter, i: number): void {
  tick(at, `the tick of meter ${i}`)
  integer(1, 255)(numerator, `the numerator of meter ${i}`)
  if (Number.isInteger(Math.log2(integer(1, 128)(denominator, `the denominator of meter ${i}`)))) return
  throw expected(
    'ERR_INVALID_ARGUMENT',
    `a power of two as the denominator of meter ${i}`,
    String(denominator),
    'pass 4 for quarters'
  )
}

/**
 * Returns a piece: sorted, with a tempo and a meter from tick 0 on, notes separated as `separateNotes` does. Throws
 * ERR_INVALID_ARGUMENT for values outside the ranges of `Note`, `TempoChange`, `Meter`, `PedalSpan` and `Piece`.
 */
export function createPiece(parts: PieceParts): Piece {
  const { notes, tempo = [], meters = [], pedals = [] } = parts
  notes.forEach((note, i) => checkNote(note, `note ${i}`))
  tempo.forEach((change, i) => {
    tick(change.tick, `the tick of tempo change ${i}`)
    microseconds(change.microsecondsPerQuarter, `the microseconds of tempo change ${i}`)
  })
  meters.forEach(checkMeter)
  pedals.forEach((span, i) => {
    time(span.begin, `the begin of pedal ${i}`)
    if (!(time(span.end, `the end of pedal ${i}`) > span.begin))
      throw expected(
        'ERR_INVALID_ARGUMENT',
        `an end after ${span.begin} of pedal ${i}`,
        `${span.end}`,
        'leave empty spans out'
      )
    channel(span.channel, `the channel of pedal ${i}`)
  })
  return {
    name: name(parts.name, 'the name of the piece'),
    notes: separateNotes(notes).notes,
    ticksPerQuarter: ticksPerQuarter(parts.ticksPerQuarter ?? 480, 'the ticks of a quarter note'),
    tempo: changes(tempo, { tick: 0, microsecondsPerQuarter: DEFAULT_TEMPO }),
    meters: changes(meters, { tick: 0, numerator: 4, denominator: 4 }),
    pedals: joined(pedals)
  }
}

/** Returns the end of the last note, 0 without notes. */
export function endOf(notes: readonly Note[]): number {
  return notes.reduce((end, note) => Math.max(end, note.end), 0)
}
