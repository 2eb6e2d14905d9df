// Batches of pairs of sentences, in few shapes.

import {
  createPairBuckets,
  pairShapes,
  shapeOfPairs,
  type PairLengths,
  type PairShape
} from '../../data/batching/pair-buckets.js'
import type { EpochSource } from '../../data/batching/source.js'
import { sampleSource } from '../../data/batching/sources.js'
import type { TranslationSample } from './data.js'
import { drawnSample, type SampleDropout } from './dropout.js'
import type { SentenceEnds } from './symbols.js'

type SampleIds = Pick<TranslationSample, 'source' | 'target'>

/** Returns the lengths of samples: those of the sources, and those of the targets with the end token. */
export function lengthsOf(samples: readonly SampleIds[]): PairLengths {
  return {
    source: samples.map(({ source }) => source.length),
    target: samples.map(({ target }) => target.length + 1)
  }
}

/** Returns the shapes of the batches of samples of these lengths; `batch` is the number of symbols of the longer language, see `pairShapes`. */
export function sampleShapes(parts: readonly PairLengths[], batch: number): PairShape[] {
  const all = (side: 'source' | 'target') => parts.flatMap((part) => Array.from(part[side]))
  return pairShapes({ source: all('source'), target: all('target') }, batch)
}

/** Options of `sentenceBatches`. */
export interface SentenceBatchOptions {
  /** Those of `sampleShapes`. */
  readonly shapes: readonly PairShape[]
  /** How the symbols are drawn in each epoch, and the lengths that `drawnLengths` returned for it. Default: they are those of the samples. */
  readonly drawn?: { readonly dropout: SampleDropout; readonly lengths: PairLengths } | null
  readonly seed: number
  /** true: epochs without end, each in an order of its own. false: one pass in the order of lengths. */
  readonly train: boolean
  readonly ends: SentenceEnds
  /** Whether sources are read from their end. */
  readonly reversed: boolean
}

/** Returns the ids of sources int32 [S, B], 0 after the end of a row, and their lengths int32 [B]. `reversed`: from the last symbol to the first. */
export function packSources(
  sources: readonly Int32Array[],
  dims: { source: number; batch: number },
  reversed: boolean
) {
  const { source, batch } = dims
  const ids = new Int32Array(source * batch)
  const sourceLengths = new Int32Array(batch)
  for (const [row, own] of sources.entries()) {
    sourceLengths[row] = own.length
    for (let t = 0; t < own.length; t++) ids[t * batch + row] = own[reversed ? own.length - 1 - t : t]!
  }
  return { source: ids, sourceLengths }
}

/**
 * Returns the tensors of a batch: the sources [S, B], `given` [T, B], the targets after the begin token, which the decoder reads, and `next` [T, B],
 * the targets followed by the end token, -1 after it.
 */
export function packSamples(
  samples: readonly SampleIds[],
  { source, target, batch }: PairShape,
  { ends, reversed }: Pick<SentenceBatchOptions, 'ends' | 'reversed'>
) {
  const sources = packSources(
    samples.map((sample) => sample.source),
    { source, batch },
    reversed
  )
  const given = new Int32Array(target * batch)
  const next = new Int32Array(target * batch).fill(-1)
  const lengths = new Int32Array(batch)
  for (const [row, { target: own }] of samples.entries()) {
    lengths[row] = own.length + 1
    for (let t = 0; t <= own.length; t++) {
      given[t * batch + row] = t === 0 ? ends.begin : own[t - 1]!
      next[t * batch + row] = t === own.length ? ends.end : own[t]!
    }
  }
  const count = lengths.reduce((sum, length) => sum + length, 0)
  return { inputs: { ...sources, given, lengths, next }, dims: { source, length: target, batch }, count }
}

/** Returns batches of samples that fit into the shapes. A batch is a function of the seed and its position. */
export function sentenceBatches(samples: readonly TranslationSample[], options: SentenceBatchOptions): EpochSource {
  const { shapes, drawn, seed, train } = options
  const lengths = drawn?.lengths ?? lengthsOf(samples)
  const buckets = createPairBuckets(shapes, lengths, { seed, shuffle: train })
  const elements = ({ source, target, batch }: PairShape) => (source + target) * batch
  const { source, target, batch } = shapes.reduce((one, other) => (elements(other) > elements(one) ? other : one))
  return sampleSource(buckets, { dims: { source, length: target, batch }, train }, (indices, epoch) => {
    const shape = shapeOfPairs(shapes, lengths, indices)
    const own = indices.map((index) =>
      drawn && epoch !== null ? drawnSample(samples[index]!, { index, epoch, shape }, drawn.dropout) : samples[index]!
    )
    return packSamples(own, shape, options)
  })
}
