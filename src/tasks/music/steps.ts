// Music in steps of equal length as numbers for the network: in each step the notes that sound, from the highest down, then an end mark. So the
// probability of a set of notes is the product of the probabilities of its notes, each after those above it.

/** Number of keys: those of a piano, MIDI numbers 21 to 108. */
export const KEYS = 88

/** MIDI number of the lowest key. */
export const LOWEST = 21

/** The symbol that ends a step, and stands for a note that does not exist. */
export const END = KEYS

/** Number of symbols: the keys and the end mark. */
export const NOTE_SYMBOLS = KEYS + 1

/** Number of steps of a cycle, which bars of 2, 3, 4, 6, 8, 12 and 16 steps divide. The network reads the place of a step in it. */
export const CYCLE = 48

/** The place of the first step of a piece. */
export const FIRST = CYCLE

/** Number of notes of the step before that the network reads by their rank: the highest four and the lowest. */
export const RANKS = 5

/** Number of voices of the form voices: soprano, alto, tenor, bass. */
export const VOICES = 4

/** The keys of a step. Of the form notes: from the highest down. Of the form voices: one for each voice, END if it rests. */
export type Step = readonly number[]

/** A part of a piece: `count` steps from `first` on. */
export interface Part {
  readonly steps: readonly Step[]
  readonly first: number
  readonly count: number
}

/** Dims of a batch of parts. */
export interface PartDims {
  /** T, steps of the longest part. */
  readonly length: number
  /** S, symbols of the longest step. */
  readonly slots: number
  readonly batch: number
  /** Whether an end mark follows the last note of a step. Without it each step has a symbol for each slot. */
  readonly ends: boolean
}

/** Returns the number of symbols of the step with the most notes; its end mark counts. */
export function slotsOf(parts: readonly Part[]): number {
  let most = 0
  for (const { steps, first, count } of parts)
    for (let i = first; i < first + count; i++) most = Math.max(most, steps[i]!.length)
  return most + 1
}

/** Returns the symbol of a key as the network reads it: counted from the highest key down. */
function readSymbol(key: number | undefined): number {
  return key === undefined || key === END ? END : KEYS - 1 - key
}

/**
 * Returns the inputs and targets of parts. Inputs have a step's past: `before` [T, B, KEYS] are the keys of the step before, `voices`
 * [T, B, RANKS] its notes by rank, `place` [T, B] the place in the cycle. For each symbol of a step there are `last` [T, S, B], the symbol
 * before, `aligned` [T, S, B], the note of this rank in the step before, `highest` [T, S, B], the first note of the step, and `chosen`
 * [T, S, B, KEYS], the notes of the step so far. `targets` [T, S, B] are the symbols, -1 after the end mark.
 */
export function packParts(parts: readonly Part[], { length, slots, batch, ends }: PartDims) {
  const before = new Float32Array(length * batch * KEYS)
  const place = new Int32Array(length * batch)
  const voices = new Int32Array(length * batch * RANKS)
  const size = length * slots * batch
  const [last, aligned, highest] = [0, 1, 2].map(() => new Int32Array(size).fill(END)) as [Int32Array, Int32Array, Int32Array] // prettier-ignore
  const chosen = new Float32Array(size * KEYS)
  const targets = new Int32Array(size).fill(-1)
  const lengths = new Int32Array(batch)
  for (let at = 0; at < voices.length; at++) voices[at] = (at % RANKS) * NOTE_SYMBOLS + END
  parts.forEach(({ steps, first, count }, b) => {
    lengths[b] = count
    for (let t = 0; t < count; t++) {
      const [own, past] = [steps[first + t]!, steps[first + t - 1] ?? []]
      const at = t * batch + b
      place[at] = first + t === 0 ? FIRST : (first + t) % CYCLE
      for (const key of past) if (key !== END) before[at * KEYS + key] = 1
      for (let rank = 0; rank < RANKS; rank++) {
        const key = rank === RANKS - 1 ? past.at(-1) : past[rank]
        voices[at * RANKS + rank] = rank * NOTE_SYMBOLS + readSymbol(key)
      }
      const count = ends ? own.length + 1 : slots
      for (let slot = 0; slot < Math.min(count, slots); slot++) {
        const to = (t * slots + slot) * batch + b
        targets[to] = own[slot] ?? END
        last[to] = readSymbol(own[slot - 1])
        aligned[to] = readSymbol(past[slot])
        highest[to] = slot === 0 ? END : readSymbol(own[0])
        for (let i = 0; i < slot; i++) if (own[i] !== END) chosen[to * KEYS + own[i]!] = 1
      }
    }
  })
  return { before, place, voices, last, aligned, highest, chosen, targets, lengths }
}
