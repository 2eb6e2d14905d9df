// Performances for the form events: piano music from MIDI files as it sounds, in seconds and with its pedal, as events; and the batches of a
// training on them.

import { augmentNotes } from '../../data/music/augment.js'
import { encodeEvents } from '../../data/music/events.js'
import { eventInputs, EventState, PIECE_END, type EventInputs } from '../../data/music/event-state.js'
import type { Note } from '../../data/music/notes.js'
import type { EpochSource } from '../../data/batching/source.js'
import { createBatches, type BatchCursor } from '../../data/batching/windows.js'
import { makeTokens } from '../../data/text/tokens.js'
import { createPace } from '../../data/files/pace.js'
import { integer, open } from '../../check/index.js'
import { createRandom, shuffle } from '../../random.js'
import type { StepPiece } from './batches.js'
import type { MusicNetwork } from './settings.js'

/** The notes of a performance in seconds. */
export type Performance = readonly Note[]

/** Returns the events of a performance as steps of one event each, and the end of the piece. */
export function stepsOfPerformance(notes: Performance): StepPiece {
  return [...encodeEvents(notes).ids, PIECE_END].map((id) => [id])
}

/** Returns the number of events of pieces, the ends included. */
export function countEvents(pieces: readonly Performance[]): number {
  return pieces.reduce((sum, notes) => sum + encodeEvents(notes).ids.length + 1, 0)
}

/** Options of `performanceBatches`. */
export interface PerformanceBatchOptions {
  readonly batch: number
  readonly seed: number
  readonly network: Pick<MusicNetwork, 'window' | 'transpose' | 'stretch'>
}

/** Default of the largest change of the tempo, as a share. */
const STRETCH = 0.05

const readCursor = open<BatchCursor>({ epoch: integer(0), step: integer(0) })

/** Returns `count` events: those of the pieces in a random order, each piece transposed and stretched at random. */
async function epochTokens(
  pieces: readonly Performance[],
  count: number,
  { seed, network: { transpose, stretch = STRETCH }, epoch }: PerformanceBatchOptions & { epoch: number }
): Promise<Int32Array> {
  const random = createRandom(seed, `performances ${epoch}`)
  const pace = createPace()
  const all = new Int32Array(count)
  for (let at = 0; at < count;)
    for (const piece of shuffle([...pieces], random)) {
      const notes = augmentNotes(piece, { semitones: transpose, stretch, lowest: 21, highest: 108 }, random)
      const ids = [PIECE_END, ...encodeEvents(notes).ids].slice(0, count - at)
      all.set(ids, at)
      at += ids.length
      if (pace.due()) await pace.turn()
    }
  return all
}

/** Writes the inputs of the windows that begin at `positions` [T, B] of the events; `next` are the positions of the targets, -1 in padding. */
function writeWindows(ids: Int32Array, positions: Int32Array, next: Int32Array, batch: number, inputs: EventInputs) {
  for (let b = 0; b < batch; b++) {
    const state = new EventState()
    // What sounds at the begin of a window follows from the whole piece before it.
    for (let i = Math.max(0, ids.lastIndexOf(PIECE_END, positions[b])); i < positions[b]!; i++) state.take(ids[i]!)
    for (let at = b; at < positions.length && next[at]! >= 0; at += batch) {
      state.take(ids[positions[at]!]!)
      state.write(inputs, at)
    }
  }
}

/**
 * Returns the batches of a training, epoch after epoch: in each the pieces in a new order, transposed and stretched at random, as one sequence of
 * events that is cut into `batch` streams of windows, through which the states are carried. All epochs have the same number of events, that of the
 * pieces as they are. A batch is a function of the seed and its position.
 */
export function performanceBatches(pieces: readonly Performance[], options: PerformanceBatchOptions): EpochSource {
  const { batch, network } = options
  const { window: length } = network
  const count = countEvents(pieces) + 1
  // Windows of positions: the events are others in each epoch, their places are not.
  const positions = makeTokens(count, (begin, length, into, at) => {
    for (let i = 0; i < length; i++) into[at + i] = begin + i
  })
  const windows = createBatches(positions, { batch, length, rotate: false })
  return {
    dims: { length, batch },
    stepsPerEpoch: windows.stepsPerEpoch,
    async *batches(cursor) {
      // The trainer copies a batch, so that the next one may be in the same arrays.
      const size = length * batch
      const [own, next, tokens, goals] = Array.from({ length: 4 }, () => new Int32Array(size)) as [
        Int32Array,
        Int32Array,
        Int32Array,
        Int32Array
      ]
      const inputs = { tokens, targets: goals, ...eventInputs(size) }
      let [epoch, ids]: [number, Int32Array] = [-1, new Int32Array(0)]
      for (let at = readCursor(cursor ?? windows.at(0), 'the cursor'); ; at = windows.next(at)) {
        if (at.epoch !== epoch) ids = await epochTokens(pieces, count, { ...options, epoch: (epoch = at.epoch) })
        const { fresh, targets } = windows.fill(at, own, next)
        tokens.forEach((_, i) => (tokens[i] = ids[own[i]!]!))
        goals.forEach((_, i) => (goals[i] = next[i]! < 0 ? next[i]! : ids[next[i]!]!))
        writeWindows(ids, own, next, batch, inputs)
        yield { inputs, epoch, cursor: { ...windows.next(at) }, reset: fresh, count: targets }
      }
    }
  }
}
