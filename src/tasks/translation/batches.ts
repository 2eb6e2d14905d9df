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

/** Ids of the special tokens of translations. */
export interface SentenceEnds {
  readonly begin: number
  readonly end: number
}

/** Returns the lengths of samples: those of the sources, and those of the targets with the end token. */
function lengthsOf(samples: readonly Pick<TranslationSample, 'source' | 'target'>[]): PairLengths {
  return {
    source: samples.map(({ source }) => source.length),
    target: samples.map(({ target }) => target.length + 1)
  }
}

/** Returns the shapes of the batches of a run; `batch` is the number of symbols of the longer language, see `pairShapes`. */
export function sampleShapes(samples: readonly TranslationSample[], batch: number): PairShape[] {
  return pairShapes(lengthsOf(samples), batch)
}

/** Options of `sentenceBatches`. */
export interface SentenceBatchOptions {
  /** Those of `sampleShapes`. */
  readonly shapes: readonly PairShape[]
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
function pack(
  samples: readonly TranslationSample[],
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
  const { shapes, seed, train } = options
  const lengths = lengthsOf(samples)
  const buckets = createPairBuckets(shapes, lengths, { seed, shuffle: train })
  const elements = ({ source, target, batch }: PairShape) => (source + target) * batch
  const { source, target, batch } = shapes.reduce((one, other) => (elements(other) > elements(one) ? other : one))
  return sampleSource(buckets, { dims: { source, length: target, batch }, train }, (indices) =>
    pack(
      indices.map((i) => samples[i]!),
      shapeOfPairs(shapes, lengths, indices),
      options
    )
  )
}
