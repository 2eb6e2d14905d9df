// Batches of parts of pieces: for training, parts of about equal length in a new order each epoch, transposed; for measurements, whole pieces.

import { integer, open } from '../../check/index.js'
import { cutBatches } from '../../data/batching/buckets.js'
import type { Batch, BatchSource, EpochSource } from '../../data/batching/source.js'
import { createRandom, type Random } from '../../random.js'
import { forms } from './forms.js'
import { REPEAT_REACH } from './repeats.js'
import type { MusicInputs, MusicNetwork } from './settings.js'
import { END, KEYS, type Part, type Step } from './steps.js'

/** The steps of a piece. */
export type StepPiece = readonly Step[]

const readCursor = open<{ epoch: number; step: number }>({ epoch: integer(0), step: integer(0) })

/** Options of `partBatches`. */
export interface TrainingBatchOptions {
  readonly batch: number
  readonly seed: number
  readonly network: MusicInputs & Pick<MusicNetwork, 'window' | 'transpose'>
}

/** Cuts a piece into parts of about `window` steps, at random places near those of equal parts. The number of parts is always the same. */
function cutPiece(steps: readonly Step[], window: number, random: Random): Part[] {
  const count = Math.ceil(steps.length / window)
  const size = steps.length / count
  const ends = Array.from({ length: count + 1 }, (_, i) =>
    i === 0 || i === count ? Math.round(i * size) : Math.round((i - 0.25 + 0.5 * random.uniform()) * size)
  )
  return ends.slice(1).map((end, i) => ({ steps, first: ends[i]!, count: end - ends[i]! }))
}

/** Returns the part shifted by a random number of semitones, as far as the keys allow. */
function transposed(part: Part, most: number, random: Random): Part {
  const wanted = random.below(2 * most + 1) - most
  if (wanted === 0) return part
  const keys = part.steps.flat().filter((key) => key !== END)
  const [low, high] = [Math.min(...keys), Math.max(...keys)]
  const shift = Math.max(-low, Math.min(KEYS - 1 - high, wanted))
  const from = Math.max(0, part.first - REPEAT_REACH)
  const steps = part.steps
    .slice(from, part.first + part.count)
    .map((step) => step.map((key) => (key === END ? END : key + shift)))
  // Empty steps before the part keep its place in the piece.
  const padding = Array.from({ length: from }, (): Step => [])
  return { ...part, steps: [...padding, ...steps] }
}

function batchOf(parts: readonly Part[], network: MusicInputs): Omit<Batch, 'epoch' | 'cursor'> {
  const { dims: dimsOf, pack } = forms[network.form]
  const dims = dimsOf(parts)
  return {
    inputs: pack(parts, dims, network),
    dims,
    count: parts.reduce((sum, part) => sum + part.count, 0),
    reset: true
  }
}

/** Returns the shape of the largest batch of pieces that are cut into parts of at most `window` steps. */
function largestDims(
  pieces: readonly StepPiece[],
  form: MusicNetwork['form'],
  { batch, window }: { batch: number; window: number }
) {
  const whole = pieces.map((steps) => ({ steps, first: 0, count: steps.length }))
  const longest = whole.map((part) => ({ ...part, count: Math.min(part.count, window) }))
  return {
    ...forms[form].dims(whole),
    length: forms[form].dims(longest)['length']!,
    batch: Math.min(batch, pieces.length)
  }
}

/** Returns the batches of a training, epoch after epoch. A batch is a function of the seed and its position. */
export function partBatches(pieces: readonly StepPiece[], options: TrainingBatchOptions): EpochSource {
  const { batch, seed, network } = options
  const { form, window, transpose } = network
  const partCount = pieces.reduce((sum, steps) => sum + Math.ceil(steps.length / window), 0)
  return {
    dims: {
      ...largestDims(pieces, form, { batch, window: Math.ceil(1.5 * window) }),
      batch: Math.min(batch, partCount)
    },
    stepsPerEpoch: Math.ceil(partCount / batch),
    *batches(cursor) {
      for (let { epoch, step } = readCursor(cursor ?? { epoch: 0, step: 0 }, 'the cursor'); ; epoch++, step = 0) {
        const random = createRandom(seed, `parts ${epoch}`)
        const cut = pieces.flatMap((steps) => cutPiece(steps, window, random))
        const parts = transpose === 0 ? cut : cut.map((part) => transposed(part, transpose, random))
        const lengths = parts.map(({ count }) => count)
        const order = cutBatches(lengths, { batch, name: `epoch ${epoch}`, seed, shortFirst: false })
        for (; step < order.length; step++) {
          const next = step + 1 < order.length ? { epoch, step: step + 1 } : { epoch: epoch + 1, step: 0 }
          yield {
            ...batchOf(
              order[step]!.map((index) => parts[index]!),
              network
            ),
            epoch,
            cursor: next
          }
        }
      }
    }
  }
}

/** Number of steps of a window of a measurement; states are carried from window to window. */
const MEASURED_WINDOW = 256

/** Returns whole pieces as batches, each step once, with the states carried from a piece's beginning to its end. */
export function pieceBatches(pieces: readonly StepPiece[], network: MusicInputs, batch: number): BatchSource {
  const { form } = network
  const sorted = pieces.toSorted((one, other) => one.length - other.length)
  const groups = Array.from({ length: Math.ceil(sorted.length / batch) }, (_, i) => sorted.slice(i * batch, (i + 1) * batch)) // prettier-ignore
  return {
    dims: largestDims(pieces, form, { batch, window: MEASURED_WINDOW }),
    *batches() {
      let step = 0
      for (const group of groups)
        for (let first = 0; first < group.at(-1)!.length; first += MEASURED_WINDOW) {
          const parts = group.map((steps) => {
            const count = Math.max(0, Math.min(MEASURED_WINDOW, steps.length - first))
            return { steps, first: Math.min(first, steps.length), count }
          })
          yield { ...batchOf(parts, network), reset: first === 0, epoch: 0, cursor: { step: ++step } }
        }
    }
  }
}
