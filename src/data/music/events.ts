// Music as a sequence of events with expressive timing, for models that learn performances.
//
// The encoding of Performance RNN (Oore, Simon, Dieleman, Eck and Simonyan, "This time with feeling", Neural Computing and Applications 2018):
// 128 note-on events, 128 note-off events, 100 shifts of time of 10 ms to 1 s, and 32 velocities, which hold until the next one. The pedal is
// folded into the lengths of notes. At one instant releases come before presses; otherwise repeated notes would vanish.

import { expected } from '../../errors.js'
import { HANGING_SECONDS } from './midi/keys.js'
import { PERCUSSION, separateNotes, type Note, type Piece } from './notes.js'
import { performanceOf, sustained } from './time.js'

/** The first id of each kind of event, and the number of ids. */
export const eventIds = { on: 0, off: 128, shift: 256, velocity: 356, count: 388 } as const

/** Steps of time in a second. */
export const EVENT_STEPS = 100
const LONGEST_SHIFT = 100
/** Number of velocities in each of the 32 bins. */
const BIN = 4
/** Most events of one performance. */
const MAX_EVENTS = 2 ** 24

/** Events of a performance, and the numbers of notes that were changed or left out. */
export interface EncodedEvents {
  /** Ids from 0 to `eventIds.count - 1`. */
  readonly ids: Int32Array
  /** Notes that end earlier, because the next one of their pitch begins (of any channel). */
  readonly cut: number
  /** Notes that began in the same step as another one of their pitch, and are one note now. */
  readonly merged: number
  /** Notes of percussion, which are left out. */
  readonly percussion: number
}

/** Returns the notes of a performance on steps of 10 ms, those of one pitch separate. */
function onSteps(notes: readonly Note[]) {
  return separateNotes(
    notes.map((note) => {
      const begin = Math.round(note.begin * EVENT_STEPS)
      return { ...note, begin, end: Math.max(begin + 1, Math.round(note.end * EVENT_STEPS)), channel: 0, program: 0 }
    })
  )
}

interface Change {
  readonly step: number
  readonly pitch: number
  /** 0 for a release. */
  readonly velocity: number
}

/**
 * Encodes notes in seconds (`performanceOf`). Silence before the first note is kept. Times are rounded to 10 ms, velocities to 32 bins; a
 * note has at least one step. Throws ERR_OUT_OF_RANGE for more than 16,777,216 events.
 */
export function encodeEvents(notes: readonly Note[]): EncodedEvents {
  const pitched = notes.filter(({ channel }) => channel !== PERCUSSION)
  const { notes: separate, cut, merged } = onSteps(pitched)
  const changes = separate.flatMap(({ pitch, begin, end, velocity }): Change[] => [
    { step: begin, pitch, velocity },
    { step: end, pitch, velocity: 0 }
  ])
  changes.sort((a, b) => a.step - b.step || Math.sign(a.velocity) - Math.sign(b.velocity) || a.pitch - b.pitch)
  if ((changes.at(-1)?.step ?? 0) / LONGEST_SHIFT + 2 * changes.length > MAX_EVENTS)
    throw expected('ERR_OUT_OF_RANGE', `at most ${MAX_EVENTS} events`, 'more', 'divide the piece')
  const ids: number[] = []
  let [now, bin] = [0, -1]
  for (const { step, pitch, velocity } of changes) {
    for (; step > now; now += Math.min(LONGEST_SHIFT, step - now))
      ids.push(eventIds.shift - 1 + Math.min(LONGEST_SHIFT, step - now))
    if (velocity === 0) {
      ids.push(eventIds.off + pitch)
      continue
    }
    const next = Math.floor((velocity - 1) / BIN)
    if (next !== bin) ids.push(eventIds.velocity + next)
    bin = next
    ids.push(eventIds.on + pitch)
  }
  return { ids: Int32Array.from(ids), cut, merged, percussion: notes.length - pitched.length }
}

/** Encodes a piece as it sounds: in seconds, with its pedal. */
export function encodePiece(piece: Piece): EncodedEvents {
  return encodeEvents(performanceOf(sustained(piece)))
}

/** Notes that events describe, and the numbers of those that needed an interpretation; none is left out. */
export interface DecodedEvents {
  /** By begin, then pitch, in seconds, on channel 0. */
  readonly notes: readonly Note[]
  /** Notes without a release, which end after 5 seconds, or where the events end. */
  readonly hanging: number
  /** Presses of a pitch that sounded; they end the note before. */
  readonly repeated: number
  /** Releases of pitches that did not sound. */
  readonly releases: number
  /** Notes that ended at the step at which they began, and have one step now. */
  readonly lengthened: number
}

/** Velocity of presses before the first velocity event. */
const FIRST_VELOCITY = 64

/** Collects the notes of events. */
class EventDecoder {
  readonly notes: Note[] = []
  readonly #open = new Map<number, { begin: number; velocity: number }>()
  #now = 0
  #velocity = FIRST_VELOCITY
  #program: number
  counts = { hanging: 0, repeated: 0, releases: 0, lengthened: 0 }

  constructor(program: number) {
    this.#program = program
  }

  #close(pitch: number, end: number): void {
    const { begin, velocity } = this.#open.get(pitch)!
    this.#open.delete(pitch)
    if (end <= begin) this.counts.lengthened++
    this.notes.push({ pitch, begin, end: Math.max(end, begin + 1), velocity, channel: 0, program: this.#program })
  }

  take(id: number): void {
    if (id >= eventIds.velocity) this.#velocity = (id - eventIds.velocity) * BIN + 2
    else if (id >= eventIds.shift) this.#now += id - eventIds.shift + 1
    else if (id >= eventIds.off) {
      const pitch = id - eventIds.off
      if (this.#open.has(pitch)) this.#close(pitch, this.#now)
      else this.counts.releases++
    } else {
      if (this.#open.has(id)) {
        this.counts.repeated++
        this.#close(id, this.#now)
      }
      this.#open.set(id, { begin: this.#now, velocity: this.#velocity })
    }
  }

  end(): void {
    this.counts.hanging = this.#open.size
    for (const [pitch, { begin }] of [...this.#open])
      this.#close(pitch, Math.max(begin + 1, Math.min(this.#now, begin + HANGING_SECONDS * EVENT_STEPS)))
  }
}

/**
 * Decodes events, as a model makes them: any ids in any order. `program` is the instrument of the notes, default 0. Throws
 * ERR_OUT_OF_RANGE for an id outside the encoding.
 */
export function decodeEvents(ids: ArrayLike<number>, { program = 0 }: { program?: number } = {}): DecodedEvents {
  const decoder = new EventDecoder(program)
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (!Number.isInteger(id) || id < 0 || id >= eventIds.count)
      throw expected(
        'ERR_OUT_OF_RANGE',
        `an id from 0 to ${eventIds.count - 1} as event ${i}`,
        String(id),
        'pass ids of this encoding'
      )
    decoder.take(id)
  }
  decoder.end()
  // Two notes that became one step long at the same step are one.
  const { notes } = separateNotes(decoder.notes)
  const inSeconds = notes.map((note) => ({ ...note, begin: note.begin / EVENT_STEPS, end: note.end / EVENT_STEPS }))
  return { notes: inSeconds, ...decoder.counts }
}

/** Returns the number of note-on events, by which nats are divided to get nats per note. */
export function countPresses(ids: ArrayLike<number>): number {
  let count = 0
  for (let i = 0; i < ids.length; i++) if (ids[i]! < eventIds.off) count++
  return count
}

/** Returns the seconds from the first event to the last. */
export function secondsOfEvents(ids: ArrayLike<number>): number {
  let steps = 0
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (id >= eventIds.shift && id < eventIds.velocity) steps += id - eventIds.shift + 1
  }
  return steps / EVENT_STEPS
}
