// Where a translator looks: the weights of the attention while it reads a translation that is known, of several pairs as the rows of one plan.

import { paddedLength } from '../../data/batching/buckets.js'
import type { PairShape } from '../../data/batching/pair-buckets.js'
import type { Model } from '../../model.js'
import { weightsOfBatch } from '../attention-weights.js'
import { packSamples } from './batches.js'
import type { TranslationConfig } from './config.js'
import type { SentenceEnds } from './symbols.js'

/** The ids of a source and of its translation, without special tokens. */
export interface AttendedPair {
  readonly source: Int32Array
  readonly target: Int32Array
}

/** Rows of a plan; those without a pair are empty. One number for all makes few plans. */
const ROWS = 8
/** Weights of a row of a plan above which it has one row. */
const LARGE = 2 ** 16

/** Returns the shape of a plan that reads pairs. */
function shapeOf(pairs: readonly AttendedPair[]): PairShape {
  const longest = (lengthOf: (pair: AttendedPair) => number) =>
    paddedLength(pairs.reduce((most, pair) => Math.max(most, lengthOf(pair)), 0))
  const [source, target] = [longest((pair) => pair.source.length), longest((pair) => pair.target.length + 1)]
  return { source, target, batch: source * target > LARGE ? 1 : ROWS }
}

/**
 * Returns for each pair the weights of the attention: a list for each symbol of the translation and for its end, of the weights of the source's
 * symbols, which add up to 1. The model must have attention. Throws ERR_ABORTED if the signal aborts.
 */
export async function attentionWeights(
  model: Model,
  pairs: readonly AttendedPair[],
  ends: SentenceEnds,
  signal?: AbortSignal
): Promise<Float32Array[][]> {
  const order = Array.from(pairs.keys()).sort((a, b) => pairs[a]!.source.length - pairs[b]!.source.length)
  const found: Float32Array[][] = Array.from(pairs, () => [])
  for (let at = 0; at < order.length;) {
    const near = order.slice(at, at + ROWS)
    const isLarge = shapeOf(near.map((i) => pairs[i]!)).batch === 1
    const own = isLarge ? near.slice(0, 1) : near
    const shape = shapeOf(own.map((i) => pairs[i]!))
    at += own.length
    const batch = packSamples(own.map((i) => pairs[i]!), shape, { ends, reversed: false }) // prettier-ignore
    const weights = await weightsOfBatch(model, batch, signal)
    for (const [row, i] of own.entries()) {
      const { source, target } = pairs[i]!
      const begin = (t: number) => (t * shape.batch + row) * shape.source
      found[i] = Array.from({ length: target.length + 1 }, (_, t) => weights.slice(begin(t), begin(t) + source.length))
    }
  }
  return found
}

/** Returns whether a translator has attention. */
export function hasAttention({ network }: Pick<TranslationConfig, 'network'>): boolean {
  return network.attention !== 'none'
}
