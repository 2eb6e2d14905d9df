// Transposition and stretching of time, so that a model learns from few pieces.

import { expected } from '../../errors.js'
import type { Random } from '../../random.js'
import { PERCUSSION, type Note } from './notes.js'

/**
 * Returns notes `semitones` higher (negative: lower); percussion stays, because its pitches are instruments. Throws ERR_OUT_OF_RANGE if a
 * pitch leaves the range from 0 to 127.
 */
export function transposeNotes(notes: readonly Note[], semitones: number): Note[] {
  return notes.map((note) => {
    const pitch = note.channel === PERCUSSION ? note.pitch : note.pitch + semitones
    if (Number.isInteger(pitch) && pitch >= 0 && pitch <= 127) return { ...note, pitch }
    throw expected('ERR_OUT_OF_RANGE', 'pitches from 0 to 127 after the transposition', String(pitch), 'transpose less')
  })
}

/** Returns notes whose times are multiplied by `factor`, a positive number: above 1 is slower. Throws ERR_INVALID_ARGUMENT for other factors. */
export function stretchNotes(notes: readonly Note[], factor: number): Note[] {
  if (!(factor > 0 && Number.isFinite(factor)))
    throw expected('ERR_INVALID_ARGUMENT', 'a positive factor of time', String(factor), 'pass 1 for the same')
  return notes.map((note) => ({ ...note, begin: note.begin * factor, end: note.end * factor }))
}

/** Limits of the random changes of a piece. */
export interface MusicAugmentation {
  /** Largest transposition either way in semitones, an integer of at least 0. */
  readonly semitones: number
  /** Largest change of the tempo either way, from 0 to below 1: 0.05 makes notes up to 5 % longer or shorter. */
  readonly stretch: number
  /** Pitches that the model has; a transposition keeps every note within them. Default: 0 and 127. */
  readonly lowest?: number
  readonly highest?: number
}

/** Returns the transpositions from -semitones to semitones that keep pitches within bounds; 0 is always one of them. */
export function transpositionsOf(
  notes: readonly Note[],
  { semitones, lowest = 0, highest = 127 }: Pick<MusicAugmentation, 'semitones' | 'lowest' | 'highest'>
): number[] {
  let [low, high] = [127, 0]
  for (const { pitch, channel } of notes) {
    if (channel === PERCUSSION) continue
    low = Math.min(low, pitch)
    high = Math.max(high, pitch)
  }
  const all = Array.from({ length: 2 * semitones + 1 }, (_, i) => i - semitones)
  return all.filter((shift) => shift === 0 || (low + shift >= lowest && high + shift <= highest))
}

/** Returns notes transposed and stretched at random: each transposition that fits, and each factor of time, is equally likely. */
export function augmentNotes(notes: readonly Note[], how: MusicAugmentation, random: Random): Note[] {
  const shifts = transpositionsOf(notes, how)
  const shift = shifts[random.below(shifts.length)]!
  const factor = 1 + how.stretch * (2 * random.uniform() - 1)
  return stretchNotes(transposeNotes(notes, shift), factor)
}
