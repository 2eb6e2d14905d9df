// Batch sources: iterables of batches, each with the position of the next one. A trainer reads them; any generator can be one.

import { types } from 'node:util'
import type { BucketCursor, Buckets } from './buckets.js'
import {
  boolean,
  callback,
  checkObject,
  integer,
  list,
  methods,
  number,
  object,
  open,
  optional,
  record
} from '../../check/index.js'
import { anything, options as optionsOf, string, syncFunction, type Check } from '../../check/index.js'
import { expected, show } from '../../errors.js'
import type { JsonValue } from '../../io/json.js'

/** One batch. */
export interface Batch {
  /** One array per input and target of the model. The trainer copies them before it reads the next batch. */
  inputs: Readonly<Record<string, Float32Array | Int32Array>>
  /** Passes over the data before this batch: 0, 1, 2 ... */
  epoch: number
  /** Position of the next batch, which a checkpoint stores. */
  cursor: JsonValue
  /** Whether carried states are set to zero before this batch. Default: false. */
  reset?: boolean
  /** Number of symbols in it, for rates. Default: the product of the dims. */
  count?: number
  /** Its shape. Default: that of the source. */
  dims?: Readonly<Record<string, number>>
  /** Numbers of the samples in its rows, each the place in the order of the samples. Only for readers; training ignores them. */
  samples?: readonly number[]
}

/** A source of batches. */
export interface BatchSource {
  /** Shape of the batches. */
  readonly dims: Readonly<Record<string, number>>
  /** Number of steps of an epoch, if it is known: schedules and time estimates then count in epochs. */
  readonly stepsPerEpoch?: number
  /**
   * Returns the batches from `cursor` on (undefined: from the start), epoch after epoch. The same cursor gives the same batches.
   * It may end; a validation source is read to its end or to the end of its first epoch.
   */
  batches(cursor?: JsonValue): AsyncIterable<Batch> | Iterable<Batch>
}

/** A batch source with a known number of steps per epoch. */
export interface EpochSource extends BatchSource {
  readonly stepsPerEpoch: number
}

const dimsOf = record(integer(1, 2 ** 31 - 1))

const readParts = open<BatchSource>({ dims: dimsOf, stepsPerEpoch: optional(integer(1)), batches: callback() })

/** Checks that a value is a source of batches, and copies it; its function keeps its `this`. */
export const readSource: Check<BatchSource> = (value, name) => {
  const { batches, ...parts } = readParts(value, name)
  return { ...parts, batches: (cursor) => batches.call(value, cursor) }
}

const readBatch = open<Batch>({
  inputs: record(anything),
  epoch: integer(0),
  cursor: anything,
  reset: optional(boolean),
  count: optional(number(0)),
  dims: optional(dimsOf),
  samples: optional(list(integer(0)))
})

/**
 * Copies a batch into a plan's inputs. Throws ERR_INVALID_ARGUMENT if one is missing, of another type or unknown, and
 * ERR_INVALID_SHAPE for another length, also for detached arrays.
 */
export function writeBatch(inputs: Readonly<Record<string, Float32Array | Int32Array>>, batch: Batch): void {
  const unknown = Object.keys(batch.inputs).find((name) => !Object.hasOwn(inputs, name))
  if (unknown !== undefined) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `a batch with ${Object.keys(inputs).join(', ')}`,
      `"${unknown}" too`,
      'the model has no such input'
    )
  }
  for (const name in inputs) {
    const to = inputs[name]!
    const from = batch.inputs[name]
    const whole = types.isInt32Array(to)
    if (from === undefined || !(whole ? types.isInt32Array(from) : types.isFloat32Array(from))) {
      throw expected(
        'ERR_INVALID_ARGUMENT',
        `a batch with a ${whole ? 'Int32Array' : 'Float32Array'} "${name}"`,
        show(from),
        'fill one for each input and target'
      )
    }
    if (from.length !== to.length) {
      throw expected(
        'ERR_INVALID_SHAPE',
        `${to.length} elements in the batch's "${name}"`,
        `${from.length}`,
        'fill an array of that length, and do not detach it'
      )
    }
    to.set(from)
  }
}

/** A reader of the batches of a source, whether its iterable is asynchronous or not. */
export interface BatchReader {
  next(): Promise<Batch | null>
  /** Ends the iteration. `wait`: resolves after the source has cleaned up, which may be never. */
  close(wait: boolean): Promise<void>
}

/** Returns a reader of the batches of `source` from `cursor` on. Throws ERR_INVALID_ARGUMENT if they are not iterable. */
export function readBatches(source: BatchSource, cursor?: JsonValue): BatchReader {
  const iterable: unknown = source.batches(cursor)
  const name = 'the batches of the source'
  checkObject(iterable, name)
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = iterable as unknown as Record<symbol, unknown>
  const begin = callback<() => unknown>()(later ?? now, `the iterator of ${name}`)
  const iterator = begin.call(iterable)
  checkObject(iterator, `the iterator of ${name}`)
  const next = callback<() => unknown>()(iterator['next'], `next() of ${name}`)
  return {
    async next() {
      const result = await next.call(iterator)
      checkObject(result, `what next() of ${name} returns`)
      return result['done'] ? null : readBatch(result['value'], 'a batch')
    },
    async close(wait) {
      const end = iterator['return']
      const closing = Promise.resolve(typeof end === 'function' ? (end as () => unknown).call(iterator) : undefined)
      if (wait) await closing
      else closing.catch(() => {})
    }
  }
}

/** A pass over token sequences as src/data/batching/windows.ts cuts them; `inputs` and `targets` name the model's tensors. */
export interface TokenBatches<C extends { readonly epoch: number }> {
  readonly batch: number
  readonly length: number
  readonly stepsPerEpoch: number
  fill(cursor: C, inputs: Int32Array, targets: Int32Array): { fresh: boolean; targets: number }
  next(cursor: C): C
  at(step: number): C
}

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
export function tokenSource<C extends { readonly epoch: number }>(
  tokenBatches: TokenBatches<C>,
  tokenNames: TokenNames = {}
): EpochSource {
  const batches = methods<TokenBatches<C>>(['fill', 'next', 'at'])(tokenBatches, 'the batches')
  const { batch, length, stepsPerEpoch } = readTrainingShape(tokenBatches, 'the batches')
  const names = readNames(tokenNames, 'the names')
  return {
    dims: { batch, length },
    stepsPerEpoch,
    *batches(cursor) {
      const { arrays, inputs } = tokenArrays(batch * length, names)
      for (let at = (cursor as C | undefined) ?? batches.at(0); ;) {
        const { epoch } = readEpoch(at, 'the cursor')
        const { fresh, targets } = readFilled(batches.fill(at, ...arrays), 'what fill() returns')
        const next = batches.next(at)
        yield { inputs, epoch, cursor: next, reset: fresh, count: targets }
        at = next
      }
    }
  }
}

/** Returns a source of one pass over the windows of `createEvaluation`. Throws ERR_INVALID_ARGUMENT for other values. */
export function evaluationSource(
  windows: {
    readonly batch: number
    readonly length: number
    readonly steps: number
    fill(step: number, inputs: Int32Array, targets: Int32Array): { fresh: boolean; targets: number }
  },
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
  dims: dimsOf,
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
