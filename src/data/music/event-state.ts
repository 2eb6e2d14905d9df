// The state of a performance while its events are read: the notes that sound, and the events that can follow.
//
// `encodeEvents` writes events in one order: at one instant releases, then presses, both by pitch, each change of loudness just before a press, and
// shifts of time as long as possible. So many events cannot follow, and a model that does not spend probability on them is a model of the same
// performances.

import { eventIds } from './events.js'

/** Number of pitches. */
export const PITCHES = 128

/** The symbol between two performances, after the last event of one and before the first of the next. */
export const PIECE_END = eventIds.count

/** Number of symbols: the events and the end of a piece. */
export const EVENT_SYMBOLS = eventIds.count + 1

/** Score of symbols that cannot follow: its probability is 0 in float32. */
export const IMPOSSIBLE = -1e4

/** Steps of 10 ms in which the input for a key that is down falls halfway from 1 to `HELD`. */
const HALF_LIFE = 50
/** The input for a key that has been down for a long time; that for a key that was just pressed is 1. */
const HELD = 0.25

const decay = Float32Array.from({ length: 1000 }, (_, age) => HELD + (1 - HELD) * 2 ** (-age / HALF_LIFE))

/** Names of the reference notes of a press, from which its intervals are counted: the last two pressed, the lowest and the highest that sound. */
export const REFERENCES = ['last', 'prior', 'lowest', 'highest'] as const

/**
 * The inputs of a network that follow from the state of performances; [..] are T steps and B rows. The reference notes, [..] each, are counted
 * from the highest pitch down; PITCHES means that there is none.
 */
export interface EventInputs extends Record<(typeof REFERENCES)[number], Int32Array> {
  /** [.., PITCHES]: 0 for a key that is up, else from 1 when it is pressed down to 0.25 for one that is held. */
  readonly sounding: Float32Array
  /** [.., EVENT_SYMBOLS]: 0 for symbols that can follow, and a large negative number for the others. */
  readonly allowed: Float32Array
}

/** Returns the inputs of `size` events, for `EventState.write`. */
export function eventInputs(size: number): EventInputs {
  return {
    sounding: new Float32Array(size * PITCHES),
    allowed: new Float32Array(size * EVENT_SYMBOLS),
    last: new Int32Array(size).fill(PITCHES),
    prior: new Int32Array(size).fill(PITCHES),
    lowest: new Int32Array(size).fill(PITCHES),
    highest: new Int32Array(size).fill(PITCHES)
  }
}

/** Kinds of events; 'start' before the first one of a piece. */
type EventKind = 'start' | 'on' | 'off' | 'shift' | 'velocity'

function kindOf(id: number): EventKind {
  if (id >= eventIds.velocity) return 'velocity'
  if (id >= eventIds.shift) return 'shift'
  return id >= eventIds.off ? 'off' : 'on'
}

/** A performance up to an event. */
export class EventState {
  /** The step in which each key was pressed, -1 for keys that are up. */
  readonly #begun = new Int32Array(PITCHES).fill(-1)
  #down = 0
  /** The last two pitches that were pressed, the last one first; -1 before. */
  #pressed = [-1, -1]
  #now = 0
  #bin = -1
  #kind: EventKind = 'start'
  /** Whether the last shift was the longest one, which a longer time continues. */
  #continues = false
  /** The lowest pitches that can be pressed and released at this instant. */
  #leastPress = 0
  #leastRelease = PITCHES

  /** Time since the first event in steps of 10 ms. */
  get now(): number {
    return this.#now
  }

  /** Takes a symbol as `encodeEvents` writes them; PIECE_END begins a piece. */
  take(id: number): void {
    if (id === PIECE_END) {
      this.#begun.fill(-1)
      ;[this.#down, this.#now, this.#bin, this.#kind] = [0, 0, -1, 'start']
      ;[this.#leastPress, this.#leastRelease, this.#pressed] = [0, PITCHES, [-1, -1]]
      return
    }
    const kind = kindOf(id)
    if (kind === 'velocity') this.#bin = id - eventIds.velocity
    else if (kind === 'shift') {
      this.#now += id - eventIds.shift + 1
      this.#continues = id === eventIds.velocity - 1
    } else if (kind === 'on') {
      if (this.#begun[id]! < 0) this.#down++
      this.#begun[id] = this.#now
      this.#pressed = [id, this.#pressed[0]!]
    } else {
      const pitch = id - eventIds.off
      if (this.#begun[pitch]! >= 0) this.#down--
      this.#begun[pitch] = -1
    }
    this.#leastPress = kind === 'on' ? id + 1 : kind === 'velocity' ? this.#leastPress : 0
    this.#leastRelease = kind === 'off' ? id - eventIds.off + 1 : kind === 'shift' ? 0 : PITCHES
    this.#kind = kind
  }

  /** Writes the keys that sound and the symbols that can follow at the place `at` of inputs. */
  write(inputs: EventInputs, at: number): void {
    const { sounding } = inputs
    let [low, high] = [-1, -1]
    for (let pitch = 0, to = at * PITCHES; pitch < PITCHES; pitch++, to++) {
      const begun = this.#begun[pitch]!
      sounding[to] = begun < 0 ? 0 : decay[Math.min(this.#now - begun, decay.length - 1)]!
      if (begun < 0) continue
      if (low < 0) low = pitch
      high = pitch
    }
    const pitches = [...this.#pressed, low, high]
    REFERENCES.forEach((name, k) => (inputs[name][at] = pitches[k]! < 0 ? PITCHES : PITCHES - 1 - pitches[k]!))
    this.#allow(inputs.allowed, at)
  }

  #allow(allowed: Float32Array, at: number): void {
    const [first, kind] = [at * EVENT_SYMBOLS, this.#kind]
    allowed.fill(IMPOSSIBLE, first, first + EVENT_SYMBOLS)
    let presses = false
    for (let pitch = this.#leastPress; pitch < PITCHES; pitch++) {
      if (this.#begun[pitch]! >= 0) continue
      presses = true
      if (this.#bin >= 0) allowed[first + eventIds.on + pitch] = 0
    }
    if (kind === 'velocity') return
    for (let pitch = this.#leastRelease; pitch < PITCHES; pitch++)
      if (this.#begun[pitch]! >= 0) allowed[first + eventIds.off + pitch] = 0
    if (kind !== 'shift' || this.#continues) allowed.fill(0, first + eventIds.shift, first + eventIds.velocity)
    if (presses) allowed.fill(0, first + eventIds.velocity, first + eventIds.count)
    if (this.#bin >= 0) allowed[first + eventIds.velocity + this.#bin] = IMPOSSIBLE
    if (kind === 'off' && this.#down === 0) allowed[first + PIECE_END] = 0
  }
}
