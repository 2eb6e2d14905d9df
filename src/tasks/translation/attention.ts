// Where a translator looks: the weights of the attention while it reads a translation that is known, of several pairs as the rows of one plan.

import { paddedLength } from '../../data/batching/buckets.js'
import type { Model } from '../../model.js'
import { packSamples } from './batches.js'
import type { TranslationConfig } from './config.js'
import type { SentenceEnds } from './symbols.js'

/** The ids of a source and of its translation, without special tokens. */
export interface AttendedPair {
  readonly source: Int32Array
  readonly target: Int32Array
}

/** The tensor of the weights, see `decodeSequence`. */
const WEIGHTS = 'attention.weights'

/** Rows of a plan; those without a pair are empty. A number for all of them makes few plans. */
const ROWS = 8

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
  for (let at = 0; at < order.length; at += ROWS) {
    const own = order.slice(at, at + ROWS)
    const longest = (lengthOf: (pair: AttendedPair) => number) =>
      paddedLength(own.reduce((most, i) => Math.max(most, lengthOf(pairs[i]!)), 0))
    const shape = {
      source: longest(({ source }) => source.length),
      target: longest(({ target }) => target.length + 1),
      batch: ROWS
    }
    const { inputs, dims } = packSamples(own.map((i) => pairs[i]!), shape, { ends, reversed: false }) // prettier-ignore
    using lease = model.lease(dims, { purpose: 'predict', outputs: [WEIGHTS] })
    const views = lease.plan.inputs as Readonly<Record<string, Int32Array>>
    for (const [name, view] of Object.entries(views)) view.set(inputs[name as keyof typeof inputs])
    await lease.plan.run('forward', { signal })
    const weights = (lease.plan.outputs as unknown as Readonly<Record<string, Float32Array>>)[WEIGHTS]!
    for (const [row, i] of own.entries()) {
      const { source, target } = pairs[i]!
      const begin = (t: number) => (t * ROWS + row) * shape.source
      found[i] = Array.from({ length: target.length + 1 }, (_, t) => weights.slice(begin(t), begin(t) + source.length))
    }
  }
  return found
}

/** Returns whether a translator has attention. */
export function hasAttention({ network }: Pick<TranslationConfig, 'network'>): boolean {
  return network.attention !== 'none'
}
