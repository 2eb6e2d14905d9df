// Harmonising: three voices below a given soprano, drawn from a model of four voices.
//
// Drawn step by step, the lower voices cannot prepare a soprano that they have not seen. So several harmonisations are drawn next to each other, and
// each is weighted by the probability that the model gives to the soprano's next notes after it. When the weights become unequal, the harmonisations
// are resampled by their weights (a particle filter: Gordon, Salmond, Smith 1993). With more of them the result comes closer to a draw from the
// distribution of all harmonisations of the soprano, in one pass and with the states of sessions.

import { throwIfAborted } from '../../graph/abort.js'
import type { Model } from '../../model.js'
import { createRandom, seedAt, type Random } from '../../random.js'
import { beginPiece, drawn, nextNotes, type ComposedRow, type ComposeOptions } from './generate.js'
import type { Step } from './steps.js'

/** Options of `harmonise`. */
export interface HarmoniseOptions extends ComposeOptions {
  /** Number of harmonisations that are drawn next to each other, from 1 on. */
  readonly particles: number
  readonly seed: number
}

/** Effective number of harmonisations, as a share of their number, below which they are resampled. */
const LEAST_EFFECTIVE = 0.5

/** Returns weights that add up to 1 from their logarithms. */
function normalised(logarithms: readonly number[]): Float64Array {
  const top = Math.max(...logarithms)
  const weights = Float64Array.from(logarithms, (value) => Math.exp(value - top))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

/**
 * Resamples rows by their weights, at equal distances of the cumulated weight (systematic resampling: Kitagawa 1996). Disposes of the sessions of
 * rows that are not drawn, and forks those of rows that are drawn several times.
 */
function resampled(rows: readonly ComposedRow[], weights: Float64Array, random: Random): ComposedRow[] {
  const offset = random.uniform()
  let [index, sum] = [0, weights[0]!]
  const copies = rows.map((_, i) => {
    while (sum < (i + offset) / rows.length && index + 1 < rows.length) sum += weights[++index]!
    return rows[index]!
  })
  const used = new Set<ComposedRow>()
  const next = copies.map((row, i) => {
    const { session, steps } = row
    const isFirst = !used.has(row)
    used.add(row)
    return { session: isFirst ? session : session.fork(), steps: [...steps], seed: rows[i]!.seed }
  })
  for (const row of rows) if (!used.has(row)) row.session.dispose()
  return next
}

/** Returns the soprano, a key or END for each step, with three voices below it. Throws ERR_ABORTED if the signal aborts. */
export async function harmonise(model: Model, soprano: readonly number[], options: HarmoniseOptions): Promise<Step[]> {
  const { network, particles, seed, signal } = options
  const random = createRandom(seed, 'harmonisations')
  let rows = Array.from({ length: particles }, (_, i): ComposedRow => {
    return { session: beginPiece(model, network), steps: [], seed: seedAt(seed, i) }
  })
  let logarithms = rows.map(() => 0)
  try {
    for (const note of soprano) {
      throwIfAborted(signal)
      const likelihoods = await nextNotes(rows, options, [note])
      logarithms = logarithms.map((value, i) => value + likelihoods[i]!)
      const weights = normalised(logarithms)
      const effective = 1 / weights.reduce((sum, weight) => sum + weight * weight, 0)
      if (effective >= LEAST_EFFECTIVE * rows.length) continue
      rows = resampled(rows, weights, random)
      logarithms = rows.map(() => 0)
    }
    return rows[drawn(normalised(logarithms), random)]!.steps
  } finally {
    for (const { session } of rows) session.dispose()
  }
}
