// Batches of many sequences of different lengths. They are shuffled again in each epoch, and the sequences of one batch have about equal
// lengths. The contents of a batch depend on (seed, epoch, step) only, so that a resumed run continues with the very next batch.

import { boolean, integer, integers, object, open, optional, seed as seedOf } from '../../check/index.js'
import { expected } from '../../errors.js'
import { createRandom, shuffle } from '../../random.js'

/** Position in the samples of a training, as plain JSON. */
export interface BucketCursor {
  readonly epoch: number
  readonly step: number
}

/** The batches of many sequences. */
export interface Buckets {
  readonly batch: number
  readonly stepsPerEpoch: number
  /** Returns the indices of the samples of a batch, at most `batch`; every sample is in one batch of an epoch. */
  samples(cursor: BucketCursor): readonly number[]
  next(cursor: BucketCursor): BucketCursor
}

/** Lengths within this ratio may share a batch. */
const RATIO = 1.25

const size = integer(0, 2 ** 31 - 1)
const readCursor = open<BucketCursor>({ epoch: integer(0), step: integer(0) })

/**
 * Returns the length that a batch whose longest sequence has `length` steps is padded to: at least 16, then steps of about a quarter in
 * multiples of 8, so that a model needs few plans. Throws ERR_INVALID_ARGUMENT unless `length` is an integer from 0 to 2^31 - 1.
 */
export function paddedLength(length: number): number {
  size(length, 'length')
  let padded = 16
  while (padded < length) padded = Math.ceil((padded * RATIO) / 8) * 8
  return padded
}

/** The options of `createBuckets`. */
export interface BucketOptions {
  /** Maximum number of sequences in a batch. */
  batch: number
  /** Seed of the order, an integer in [0, 2^53). Default: 0. */
  seed?: number
  /** Whether each epoch has an order of its own. Default: true. false sorts by length, in the same order each epoch. */
  shuffle?: boolean
  /**
   * Number of epochs at the beginning in which the batches of short sequences come first. Default: 0. A network that must learn
   * the positions of symbols by itself (CTC) begins to learn on short sequences.
   */
  shortFirst?: number
}

const readOptions = object<BucketOptions>({
  batch: integer(1, 2 ** 31 - 1),
  seed: optional(seedOf),
  shuffle: optional(boolean),
  shortFirst: optional(integer(0))
})

/**
 * Makes batches of sequences of about equal lengths, at most `batch` in each. Each epoch is drawn at once, in about 0.4 s of the calling thread for a
 * million sequences. Throws ERR_INVALID_ARGUMENT, and ERR_CORPUS_EMPTY if there is no sequence.
 *
 * @example
 * const buckets = createBuckets(sequences.map(({ length }) => length), { batch: 32 })
 * const dims = { length: paddedLength(longest), batch: 32 }
 * const source = sampleSource(buckets, { dims, train: true }, (indices) => {
 *   const length = paddedLength(Math.max(...indices.map((i) => sequences[i].length)))
 *   const x = new Float32Array(length * 32) // [length, batch], time-major, zeros after the end of a row
 *   const lengths = new Int32Array(32)
 *   indices.forEach((i, row) => {
 *     lengths[row] = sequences[i].length
 *     sequences[i].forEach((value, t) => (x[t * 32 + row] = value))
 *   })
 *   return { inputs: { x, lengths }, dims: { length, batch: 32 } }
 * })
 */
export function createBuckets(sampleLengths: ArrayLike<number>, options: BucketOptions): Buckets {
  const lengths = integers(0)(sampleLengths, 'the lengths')
  const { batch, seed = 0, shuffle = true, shortFirst = 0 } = readOptions(options, 'the options of createBuckets')
  if (lengths.length === 0)
    throw expected('ERR_CORPUS_EMPTY', 'at least one sample to make batches of', 'none', 'add samples')
  return epochBuckets(batch, (epoch) => {
    const name = shuffle ? `epoch ${epoch}` : null
    return cutBatches(lengths, { batch, name, seed, shortFirst: epoch < shortFirst })
  })
}

/**
 * Returns the buckets of at most `batch` samples that `cut` makes for each epoch, the same number each time; those of the last epoch that was
 * asked for are kept.
 */
export function epochBuckets(batch: number, cut: (epoch: number) => number[][]): Buckets {
  let made: { epoch: number; batches: number[][] } | null = null
  const epochOf = (epoch: number) => {
    if (made?.epoch !== epoch) made = { epoch, batches: cut(epoch) }
    return made.batches
  }
  const stepsPerEpoch = epochOf(0).length
  return {
    batch,
    stepsPerEpoch,
    samples(cursor) {
      const { epoch, step } = readCursor(cursor, 'the cursor')
      const found = epochOf(epoch)[step]
      if (found) return found
      throw expected(
        'ERR_INVALID_ARGUMENT',
        `a step from 0 to ${stepsPerEpoch - 1} in the cursor of the batches`,
        `${step}`,
        'use a cursor that next() returned'
      )
    },
    next(cursor) {
      const { epoch, step } = readCursor(cursor, 'the cursor')
      return step + 1 < stepsPerEpoch ? { epoch, step: step + 1 } : { epoch: epoch + 1, step: 0 }
    }
  }
}

function longest(lengths: ArrayLike<number>, batch: readonly number[]): number {
  return batch.reduce((most, index) => Math.max(most, lengths[index]!), 0)
}

/** The way in which samples become batches. */
export interface CutOptions {
  /** Maximum number of samples in a batch. */
  readonly batch: number
  /** Name of the random order; null sorts by length. */
  readonly name: string | null
  /** Seed of the order. */
  readonly seed: number
  /** Whether the batches of short samples come first. */
  readonly shortFirst: boolean
}

/**
 * Returns the batches of samples of these lengths, as indices: those of one batch have about equal lengths, and at most one batch is not
 * full. The number of batches does not depend on the order.
 */
export function cutBatches(lengths: ArrayLike<number>, { batch, name, seed, shortFirst }: CutOptions): number[][] {
  const order = Array.from({ length: lengths.length }, (_, i) => i)
  const byLength = (a: number, b: number) => lengths[a]! - lengths[b]! || a - b
  const random = name === null ? null : createRandom(seed, name)
  if (random) shuffle(order, random)
  else order.sort(byLength)
  const open = new Map<number, number[]>()
  const batches: number[][] = []
  for (const index of order) {
    const key = paddedLength(lengths[index]!)
    const bucket = open.get(key) ?? []
    open.set(key, bucket)
    bucket.push(index)
    if (bucket.length < batch) continue
    batches.push(bucket)
    open.delete(key)
  }
  // The rest of all buckets, in order of length, so that only one batch is not full.
  const rest = [...open.values()].flat().sort(byLength)
  for (let begin = 0; begin < rest.length; begin += batch) batches.push(rest.slice(begin, begin + batch))
  if (random) shuffle(batches, random)
  if (shortFirst) batches.sort((a, b) => longest(lengths, a) - longest(lengths, b))
  return batches
}
