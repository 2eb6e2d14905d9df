// Batch sources: iterables of batches, each with the position of the next one. A trainer reads them; any generator can be one.

import { types } from 'node:util'
import {
  anything,
  boolean,
  callback,
  checkObject,
  integer,
  list,
  number,
  open,
  optional,
  record,
  type Check
} from '../../check/index.js'
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

/** Checks the dims of batches. */
export const checkBatchDims = record(integer(1, 2 ** 31 - 1))

const readParts = open<BatchSource>({ dims: checkBatchDims, stepsPerEpoch: optional(integer(1)), batches: callback() })

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
  dims: optional(checkBatchDims),
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
