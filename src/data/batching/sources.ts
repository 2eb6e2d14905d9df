// Sources of batches from windows of tokens and from buckets of samples.

import {
  boolean,
  checkObject,
  integer,
  methods,
  object,
  open,
  optional,
  options as optionsOf,
  string,
  syncFunction
} from '../../check/index.js'
import type { BucketCursor, Buckets } from './buckets.js'
import { checkBatchDims, type Batch, type EpochSource } from './source.js'
import type { BatchCursor, Batches, EvaluationWindows } from './windows.js'

/** The part of `createBatches`' batches that a source reads. */
export type TokenBatches = Pick<Batches, 'batch' | 'length' | 'stepsPerEpoch' | 'fill' | 'next' | 'at'>

/** Names of the model's tensors for tokens. */
export interface TokenNames {
  /** Default 'tokens'. */
  inputs?: string
  /** Default 'targets'. */
  targets?: string
}

const size = integer(1, 2 ** 31 - 1)
const readNames = optionsOf<TokenNames>({ inputs: optional(string), targets: optional(string) })
const readTrainingShape = open<{ batch: number; length: number; stepsPerEpoch: number }>({
  batch: size,
  length: size,
  stepsPerEpoch: integer(1)
})
const readEvaluationShape = open<{ batch: number; length: number; steps: number }>({
  batch: size,
  length: size,
  steps: integer(0)
})
const readEpoch = open<{ epoch: number }>({ epoch: integer(0) })
const readFilled = open<{ fresh: boolean; targets: number }>({ fresh: boolean, targets: integer(0) })

/** Returns an endless source of training batches from `createBatches`. Throws ERR_INVALID_ARGUMENT for other values. */
export function tokenSource(tokenBatches: TokenBatches, tokenNames: TokenNames = {}): EpochSource {
  const batches = methods<TokenBatches>(['fill', 'next', 'at'])(tokenBatches, 'the batches')
  const { batch, length, stepsPerEpoch } = readTrainingShape(tokenBatches, 'the batches')
  const names = readNames(tokenNames, 'the names')
  return {
    dims: { batch, length },
    stepsPerEpoch,
    *batches(cursor) {
      const { arrays, inputs } = tokenArrays(batch * length, names)
      for (let at = (cursor as BatchCursor | undefined) ?? batches.at(0); ;) {
        const { epoch } = readEpoch(at, 'the cursor')
        const { fresh, targets } = readFilled(batches.fill(at, ...arrays), 'what fill() returns')
        const next = batches.next(at)
        yield { inputs, epoch, cursor: { ...next }, reset: fresh, count: targets }
        at = next
      }
    }
  }
}

/** Returns a source of one pass over the windows of `createEvaluation`. Throws ERR_INVALID_ARGUMENT for other values. */
export function evaluationSource(
  windows: Pick<EvaluationWindows, 'batch' | 'length' | 'steps' | 'fill'>,
  tokenNames: TokenNames = {}
): EpochSource {
  const evaluation = methods<typeof windows>(['fill'])(windows, 'the evaluation')
  const { batch, length, steps } = readEvaluationShape(windows, 'the evaluation')
  const names = readNames(tokenNames, 'the names')
  return {
    dims: { batch, length },
    stepsPerEpoch: steps,
    *batches() {
      const { arrays, inputs } = tokenArrays(batch * length, names)
      for (let step = 0; step < steps; step++) {
        const { fresh, targets } = readFilled(evaluation.fill(step, ...arrays), 'what fill() returns')
        yield { inputs, epoch: 0, cursor: step + 1, reset: fresh, count: targets }
      }
    }
  }
}

/** Returns the arrays of a batch. Throws ERR_INVALID_ARGUMENT if they would have 2^31 elements or more. */
function tokenArrays(elements: number, { inputs = 'tokens', targets = 'targets' }: TokenNames) {
  size(elements, 'batch times length')
  const arrays: [Int32Array, Int32Array] = [new Int32Array(elements), new Int32Array(elements)]
  return { arrays, inputs: { [inputs]: arrays[0], [targets]: arrays[1] } }
}

/** Makes a batch of whole samples. `epoch` is null for one pass over the samples as they are; else the function may vary them. */
export type PackSamples = (indices: readonly number[], epoch: number | null) => Pick<Batch, 'inputs' | 'count' | 'dims'>

const readBuckets = open<{ stepsPerEpoch: number }>({ stepsPerEpoch: integer(1) })
const readSampleOptions = object<{ dims: Readonly<Record<string, number>>; train: boolean }>({
  dims: checkBatchDims,
  train: boolean
})
const readBucketCursor = open<BucketCursor>({ epoch: integer(0), step: integer(0) })

/**
 * Returns a source of the batches of `createBuckets` (see the example there): endless if `train`, else one pass. `dims` is the shape of the
 * largest batch; `pack` makes a batch from the indices of its samples. Throws ERR_INVALID_ARGUMENT for invalid values.
 */
export function sampleSource(
  sampleBuckets: Buckets,
  options: { dims: Readonly<Record<string, number>>; train: boolean },
  pack: PackSamples
): EpochSource {
  const buckets = methods<Buckets>(['samples', 'next'])(sampleBuckets, 'the buckets')
  const { stepsPerEpoch } = readBuckets(sampleBuckets, 'the buckets')
  const { dims, train } = readSampleOptions(options, 'the options of sampleSource')
  syncFunction<PackSamples>()(pack, 'pack')
  return {
    dims,
    stepsPerEpoch,
    *batches(cursor) {
      const start = cursor === undefined ? { epoch: 0, step: 0 } : cursor
      for (let at = readBucketCursor(start, 'the cursor'); ;) {
        const packed = pack(buckets.samples(at), train ? at.epoch : null)
        checkObject(packed, 'what pack returns')
        const next = readBucketCursor(buckets.next(at), 'what next() of the buckets returns')
        yield { ...packed, epoch: at.epoch, cursor: { ...next }, reset: true }
        if (!train && next.epoch > at.epoch) return
        at = next
      }
    }
  }
}
