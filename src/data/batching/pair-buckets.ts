// Batches of pairs of sequences, such as sentences and their translations, with about equal numbers of tokens. Their shapes are a short chain,
// each larger than the one before in both lengths, because a model keeps a plan for each shape.

import { expected } from '../../errors.js'
import { createRandom, shuffle } from '../../random.js'
import { epochBuckets, type Buckets } from './buckets.js'

/** Lengths of pairs of sequences: `source[i]` and `target[i]` are those of pair i. */
export interface PairLengths {
  readonly source: ArrayLike<number>
  readonly target: ArrayLike<number>
}

/** The shape of a batch: the padded lengths of both sides, and the number of rows; rows without a pair are empty. */
export interface PairShape {
  readonly source: number
  readonly target: number
  readonly batch: number
}

/** Shortest padded length. */
const SHORTEST = 8
/** Ratio of a padded length to the one before. */
const RATIO = 1.25
/** Part of the pairs of a target length whose sources fit into the shape of that length; the others take a later shape. */
const FITTING = 0.9

/** Returns the padded lengths from 8 to the first that is at least `most`: 8, 10, 14, 18, 24 ... */
function paddedLengths(most: number): number[] {
  const lengths = [SHORTEST]
  while (lengths.at(-1)! < most) lengths.push(2 * Math.ceil((lengths.at(-1)! * RATIO) / 2))
  return lengths
}

/** Returns the number of rows of a shape whose longer side has `length` tokens: as many as `tokens` allow, at least 1, from 16 on a multiple of 8. */
function rowsOf(length: number, tokens: number): number {
  const rows = Math.max(1, Math.floor(tokens / length))
  return rows < 16 ? rows : 8 * Math.floor(rows / 8)
}

function noPairs(): Error {
  return expected('ERR_CORPUS_EMPTY', 'at least one pair to make batches of', 'none', 'add pairs')
}

/**
 * Returns the shapes of batches of pairs of these lengths, the smallest first; every pair fits into the last one. A batch has at most `tokens`
 * tokens on its longer side, padding included, unless one pair has more. Throws ERR_CORPUS_EMPTY if there is no pair.
 */
export function pairShapes({ source, target }: PairLengths, tokens: number): PairShape[] {
  const pairs = Array.from(source, (length, i) => ({ source: length, target: target[i]! }))
  if (pairs.length === 0) throw noPairs()
  const paddedOf = (side: 'source' | 'target') => paddedLengths(pairs.reduce((most, pair) => Math.max(most, pair[side]), 0)) // prettier-ignore
  const [sources, targets] = [paddedOf('source'), paddedOf('target')]
  let longest = SHORTEST
  return targets.map((length, k) => {
    const shorter = targets[k - 1] ?? -1
    const own = pairs.filter((pair) => pair.target > shorter && pair.target <= length).map((pair) => pair.source)
    const fitting = own.sort((a, b) => a - b)[Math.ceil(FITTING * own.length) - 1] ?? 0
    const last = k === targets.length - 1
    longest = last
      ? sources.at(-1)!
      : Math.max(
          longest,
          sources.find((padded) => padded >= fitting)!
        )
    return { source: longest, target: length, batch: rowsOf(Math.max(longest, length), tokens) }
  })
}

/** Returns the place of the first of `shapes` with room for `rows` pairs, of which the pairs `batch` are; -1 if there is none. */
function placeOf(shapes: readonly PairShape[], { source, target }: PairLengths, batch: readonly number[]): number {
  return shapes.findIndex(
    (shape) =>
      batch.length <= shape.batch && batch.every((i) => source[i]! <= shape.source && target[i]! <= shape.target)
  )
}

/** Returns the shape of a batch that `createPairBuckets` made: the first of `shapes` into which its pairs fit. */
export function shapeOfPairs(shapes: readonly PairShape[], lengths: PairLengths, batch: readonly number[]): PairShape {
  return shapes[placeOf(shapes, lengths, batch)]!
}

/** The order of batches of pairs. */
export interface PairOrder {
  /** Seed of the order, an integer in [0, 2^53). */
  readonly seed: number
  /** Whether each epoch has an order of its own; otherwise all have the order of lengths. */
  readonly shuffle: boolean
}

/**
 * Makes batches of pairs that fit into `shapes`, see `pairShapes`. All batches but one are full: pairs that are left over from a shape go to the
 * next larger one. The batches are a function of the seed and the epoch, and each epoch has the same number of them. Throws ERR_CORPUS_EMPTY
 * if there is no pair, ERR_OUT_OF_RANGE for a pair that fits into no shape.
 */
export function createPairBuckets(shapes: readonly PairShape[], lengths: PairLengths, order: PairOrder): Buckets {
  if (lengths.source.length === 0) throw noPairs()
  const places = Int32Array.from(lengths.source, (_, i) => placeOf(shapes, lengths, [i]))
  const odd = places.indexOf(-1)
  if (odd >= 0) {
    const { source, target } = shapes.at(-1)!
    const found = `${lengths.source[odd]} and ${lengths.target[odd]}`
    throw expected('ERR_OUT_OF_RANGE', `a pair of at most ${source} and ${target} tokens`, found, 'leave the pair out')
  }
  const most = shapes.reduce((rows, { batch }) => Math.max(rows, batch), 0)
  return epochBuckets(most, (epoch) => cutPairs(shapes, lengths, places, { ...order, epoch }))
}

/** Returns the batches of an epoch. `places[i]` is the place of the shape of pair i. */
function cutPairs(
  shapes: readonly PairShape[],
  { source, target }: PairLengths,
  places: Int32Array,
  { seed, shuffle: isShuffled, epoch }: PairOrder & { readonly epoch: number }
): number[][] {
  const all = Array.from({ length: source.length }, (_, i) => i)
  const random = isShuffled ? createRandom(seed, `pairs ${epoch}`) : null
  if (random) shuffle(all, random)
  else all.sort((a, b) => target[a]! - target[b]! || source[a]! - source[b]! || a - b)
  const batches: number[][] = []
  let rest: number[] = []
  for (const [place, { batch }] of shapes.entries()) {
    const own = [...rest, ...all.filter((i) => places[i] === place)]
    const taken = place === shapes.length - 1 ? own.length : own.length - (own.length % batch)
    for (let begin = 0; begin < taken; begin += batch) batches.push(own.slice(begin, Math.min(taken, begin + batch)))
    rest = own.slice(taken)
  }
  if (random) shuffle(batches, random)
  return batches
}
