// What a trainer asks of data: an iterable of batches, each with the place where the next one starts. Any generator will
// do; nothing here knows what the numbers mean.

import type { BucketCursor, Buckets } from '../data/buckets.js'
import { GatecellError } from '../errors.js'
import type { View } from '../graph/tensor.js'
import type { JsonValue } from '../io/json.js'
import type { Dims } from '../model.js'

export interface Batch {
  /** One array per input and target of the model; copied before the source is asked again. */
  inputs: Readonly<Record<string, View>>
  /** Passes over the data before this batch: 0, 1, 2 ... */
  epoch: number
  /** Where the next batch starts: what a checkpoint keeps. */
  cursor: JsonValue
  /** true: carried states are zeroed before this batch. */
  reset?: boolean
  /** Symbols in it, for rates; default: the product of the dims. */
  count?: number
  /** Its shape, where it differs from the source's. */
  dims?: Dims
}

export interface BatchSource {
  /** Shape of the batches. */
  readonly dims: Dims
  /** Where known: lets schedules and time estimates count in epochs. */
  readonly stepsPerEpoch?: number
  /**
   * Batches from `cursor` on (undefined: from the start), epoch after epoch. The same cursor gives the same batches.
   * It may end; a validation source is read to its end or to the end of its first epoch.
   */
  batches(cursor?: JsonValue): AsyncIterable<Batch> | Iterable<Batch>
}

/** Whose length is known. */
export interface EpochSource extends BatchSource {
  readonly stepsPerEpoch: number
}

/** Copies a batch into a plan's inputs. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE, also for detached arrays. */
export function writeBatch(inputs: Readonly<Record<string, View>>, batch: Batch): void {
  for (const name in inputs) {
    const to = inputs[name]!
    const from = batch.inputs[name]
    const type = to instanceof Int32Array ? Int32Array : Float32Array
    if (!(from instanceof type)) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected a batch with a ${type.name} "${name}" but received another value.`
      )
    }
    if (from.length !== to.length) {
      throw new GatecellError(
        'ERR_INVALID_SHAPE',
        `Expected ${to.length} elements in the batch's "${name}" but received ${from.length}; a detached array has none.`
      )
    }
    to.set(from)
  }
}

/** A pull on the batches of a source, whether its iterable is asynchronous or not. */
export interface BatchReader {
  next(): Promise<Batch | null>
  /** Ends the iteration. `wait`: until the source has cleaned up, which a source that never answers does not. */
  close(wait: boolean): Promise<void>
}

export function readBatches(source: BatchSource, cursor?: JsonValue): BatchReader {
  const iterable = source.batches(cursor)
  const iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]()
  return {
    async next() {
      const result = await iterator.next()
      return result.done ? null : result.value
    },
    async close(wait) {
      const closing = Promise.resolve(iterator.return?.())
      if (wait) await closing
      else closing.catch(() => {})
    }
  }
}

/** A pass over token sequences as src/data/batches.ts cuts them; `inputs` and `targets` name the model's tensors. */
export interface TokenBatches<C extends { readonly epoch: number }> {
  readonly batch: number
  readonly length: number
  readonly stepsPerEpoch: number
  fill(cursor: C, inputs: Int32Array, targets: Int32Array): { fresh: boolean; targets: number }
  next(cursor: C): C
  at(step: number): C
}

export interface TokenNames {
  /** Default 'tokens'. */
  inputs?: string
  /** Default 'targets'. */
  targets?: string
}

/** Endless training batches from `createBatches` of src/data. */
export function tokenSource<C extends { readonly epoch: number }>(
  batches: TokenBatches<C>,
  names: TokenNames = {}
): EpochSource {
  const { batch, length, stepsPerEpoch } = batches
  return {
    dims: { batch, length },
    stepsPerEpoch,
    *batches(cursor) {
      const { arrays, inputs } = tokenArrays(batch * length, names)
      for (let at = (cursor as C | undefined) ?? batches.at(0); ;) {
        const { fresh, targets } = batches.fill(at, ...arrays)
        const next = batches.next(at)
        yield { inputs, epoch: at.epoch, cursor: next, reset: fresh, count: targets }
        at = next
      }
    }
  }
}

/** One pass from `createEvaluation` of src/data. */
export function evaluationSource(
  evaluation: {
    readonly batch: number
    readonly length: number
    readonly steps: number
    fill(step: number, inputs: Int32Array, targets: Int32Array): { fresh: boolean; targets: number }
  },
  names: TokenNames = {}
): EpochSource {
  const { batch, length, steps } = evaluation
  return {
    dims: { batch, length },
    stepsPerEpoch: steps,
    *batches() {
      const { arrays, inputs } = tokenArrays(batch * length, names)
      for (let step = 0; step < steps; step++) {
        const { fresh, targets } = evaluation.fill(step, ...arrays)
        yield { inputs, epoch: 0, cursor: step + 1, reset: fresh, count: targets }
      }
    }
  }
}

function tokenArrays(size: number, { inputs = 'tokens', targets = 'targets' }: TokenNames) {
  const arrays: [Int32Array, Int32Array] = [new Int32Array(size), new Int32Array(size)]
  return { arrays, inputs: { [inputs]: arrays[0], [targets]: arrays[1] } }
}

/** Whole samples side by side. `epoch`: null for one pass over the samples as they are, else it may vary them. */
export type PackSamples = (indices: readonly number[], epoch: number | null) => Pick<Batch, 'inputs' | 'count' | 'dims'>

/** Batches from `createBuckets` of src/data: `train` endless, else one pass. `dims`: of the largest batch. */
export function sampleSource(
  buckets: Buckets,
  { dims, train }: { dims: Dims; train: boolean },
  pack: PackSamples
): EpochSource {
  return {
    dims,
    stepsPerEpoch: buckets.stepsPerEpoch,
    *batches(cursor) {
      for (let at = (cursor as BucketCursor | undefined) ?? { epoch: 0, step: 0 }; ;) {
        const packed = pack(buckets.samples(at), train ? at.epoch : null)
        const next = buckets.next(at)
        yield { ...packed, epoch: at.epoch, cursor: { ...next }, reset: true }
        if (!train && next.epoch > at.epoch) return
        at = next
      }
    }
  }
}
