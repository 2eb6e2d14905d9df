// Repetition in a piece, as inputs of the network: for places before each step, the notes that a repetition of these places would play now, and
// for how many steps the piece has repeated them until now. So the network can repeat a bar or a part, which states of an LSTM remember only
// roughly (lookback: Waite, "Generating Long-Term Structure in Songs and Stories", 2016). One of the places is the one after the longest passage
// that the last steps repeat, at any distance, as in compression by prediction from the longest context (Cleary, Teahan, Witten 1995).

import { END, KEYS, NOTE_SYMBOLS, type Part, type PartDims, type Step } from './steps.js'

/** Distances in steps of the fixed places: bars of 2, 3, 4 and 6 beats, and parts of 2, 4 and 8 of these bars. */
const DISTANCES = [8, 12, 16, 24, 32, 48, 64, 96, 128] as const

/** Number of places: the distances, and the place after the longest passage that is repeated. */
export const REPEAT_PLACES = DISTANCES.length + 1

/** Names of the inputs with the symbols of the places. */
export const echoNames = Array.from({ length: REPEAT_PLACES }, (_, k) => `echo${k}`)

/** The symbol of a place that does not exist. */
export const NO_REPEAT = NOTE_SYMBOLS

/** Most steps of a passage that are counted. */
const MOST_RUN = 64

/** Distances among which the longest passage is looked for. Shorter ones are notes that are held. */
const [NEAREST, FARTHEST] = [8, 512]

/** Number of steps before a part on which its inputs depend. */
export const REPEAT_REACH = FARTHEST + MOST_RUN

/** Numbers of steps at which a repetition that runs has its full weight, each for one input. */
const SCALES = [4, 16, 64] as const

/** Periods in steps of the waves that tell the network the place in a part. */
const PERIODS = [24, 32, 48, 64, 96, 128] as const

/** Number of inputs for each step: the repetitions of each place, and two waves of each period. */
export const REPEAT_INPUTS = REPEAT_PLACES * SCALES.length + 2 * PERIODS.length

/** Number of inputs for each symbol: of each place whether the notes so far agree, by itself and with the inputs of its repetition. */
export const AGREEMENTS = REPEAT_PLACES * (1 + SCALES.length)

function same(one: Step, other: Step): boolean {
  return one.length === other.length && one.every((key, i) => key === other[i])
}

/** Returns the number of steps before step `at` that are equal to those `distance` steps earlier, at most 64. */
function runBefore(steps: readonly Step[], at: number, distance: number): number {
  let run = 0
  while (run < MOST_RUN && at - 1 - run - distance >= 0 && same(steps[at - 1 - run]!, steps[at - 1 - run - distance]!))
    run++
  return run
}

/** A place before a step, and the number of steps before it that the last steps repeat. */
interface Place {
  readonly index: number
  readonly run: number
}

/** Returns the places for consecutive steps of a piece, from step `first` on; of a place before the piece the index is negative. */
function* placesOf(steps: readonly Step[], first: number): Generator<readonly Place[]> {
  const runs = Int32Array.from({ length: FARTHEST + 1 }, (_, d) => (d === 0 ? 0 : runBefore(steps, first, d)))
  for (let at = first; ; at++) {
    let best = 0
    for (let distance = NEAREST; distance <= FARTHEST; distance++) if (runs[distance]! > runs[best]!) best = distance
    const fixed = DISTANCES.map((distance): Place => ({ index: at - distance, run: runs[distance]! }))
    yield [...fixed, { index: best === 0 ? -1 : at - best, run: runs[best]! }]
    for (let distance = 1; distance <= FARTHEST; distance++)
      runs[distance] =
        at - distance >= 0 && same(steps[at]!, steps[at - distance]!) ? Math.min(MOST_RUN, runs[distance]! + 1) : 0
  }
}

/** Returns the symbol that a repetition of `step` has at a slot after the notes `own` before it. */
function echo(step: Step, own: Step, slot: number, ends: boolean): number {
  if (!ends) return step[slot]!
  return slot === 0 ? (step[0] ?? END) : (step.find((key) => key < own[slot - 1]!) ?? END)
}

/** Returns for each place the weights of its repetition. */
function weightsOf(found: readonly Place[]): number[] {
  return found.flatMap(({ run }) => SCALES.map((scale) => Math.min(run, scale) / scale))
}

/** Calls `each(t, found, weights)` for the steps of a part, and returns their inputs in column `b` of `repeats` [T, B, REPEAT_INPUTS]. */
function fillRepeats(
  { steps, first, count }: Part,
  { repeats, batch, b }: { readonly repeats: Float32Array; readonly batch: number; readonly b: number },
  each: (t: number, found: readonly Place[], weights: readonly number[]) => void
): void {
  const places = placesOf(steps, first)
  for (let t = 0; t < count; t++) {
    const found = places.next().value as readonly Place[]
    const weights = weightsOf(found)
    repeats.set([...weights, ...wavesOf(first + t)], (t * batch + b) * REPEAT_INPUTS)
    each(t, found, weights)
  }
}

/**
 * Returns the inputs that tell the network about repetition: of each step `repeats` [T, B, REPEAT_INPUTS], of each symbol `agreements`
 * [T, S, B, AGREEMENTS], and for each place k `echo<k>` [T, S, B], the symbol that a repetition of the place has here.
 */
export function packRepeats(parts: readonly Part[], { length, slots, batch, ends }: PartDims) {
  const repeats = new Float32Array(length * batch * REPEAT_INPUTS)
  const size = length * slots * batch
  const echoes = echoNames.map(() => new Int32Array(size).fill(NO_REPEAT))
  const agreements = new Float32Array(size * AGREEMENTS)
  parts.forEach((part, b) =>
    fillRepeats(part, { repeats, batch, b }, (t, found, weights) => {
      const own = part.steps[part.first + t]!
      const last = ends ? Math.min(own.length + 1, slots) : slots
      for (const [k, { index }] of found.entries()) {
        if (index < 0) continue
        const past = part.steps[index]!
        for (let slot = 0, agrees = true; slot < last; slot++) {
          const to = (t * slots + slot) * batch + b
          echoes[k]![to] = echo(past, own, slot, ends)
          if (agrees) agreements.set([1, ...weights.slice(k * SCALES.length, (k + 1) * SCALES.length)], to * AGREEMENTS + k * (1 + SCALES.length)) // prettier-ignore
          agrees &&= past[slot] === own[slot]
        }
      }
    })
  )
  return { repeats, agreements, ...Object.fromEntries(echoes.map((values, k) => [echoNames[k]!, values])) }
}

/**
 * Returns the same inputs for the form keys: `repeats` [T, B, REPEAT_INPUTS], and for each place `echoes` [T, B, REPEAT_PLACES, KEYS], 1 for keys
 * that a repetition of the place plays, -1 for the others, and 0 for a place that does not exist.
 */
export function packKeyRepeats(parts: readonly Part[], { length, batch }: Pick<PartDims, 'length' | 'batch'>) {
  const repeats = new Float32Array(length * batch * REPEAT_INPUTS)
  const echoes = new Float32Array(length * batch * REPEAT_PLACES * KEYS)
  parts.forEach((part, b) =>
    fillRepeats(part, { repeats, batch, b }, (t, found) => {
      for (const [k, { index }] of found.entries()) {
        if (index < 0) continue
        const to = ((t * batch + b) * REPEAT_PLACES + k) * KEYS
        echoes.fill(-1, to, to + KEYS)
        for (const key of part.steps[index]!) echoes[to + key] = 1
      }
    })
  )
  return { repeats, echoes }
}

function wavesOf(at: number): number[] {
  return PERIODS.flatMap((period) => [Math.sin((2 * Math.PI * at) / period), Math.cos((2 * Math.PI * at) / period)])
}
