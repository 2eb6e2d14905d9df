// The samples of an epoch in blocks: an array is one block, and any other iterable is read into blocks of a bounded size.

import { checkObject, list, anything } from '../../check/index.js'
import { expected, isRevoked, show } from '../../errors.js'

/** Samples that are read once for each epoch. */
export type SampleIterable<T> = Iterable<T> | AsyncIterable<T>

/**
 * Samples of a data set: an array, an iterable, or a function that returns the samples of an epoch (0, 1, 2 ...), for data larger than
 * memory. The function returns the same samples in the same order each time it is called for an epoch, so that a run can be resumed.
 */
export type DatasetSamples<T> =
  readonly T[] | SampleIterable<T> | ((epoch: number) => SampleIterable<T> | Promise<SampleIterable<T>>)

/** Samples that follow each other in an epoch. */
export interface SampleBlock<T> {
  readonly samples: readonly T[]
  /** Number of samples of the epoch before them. */
  readonly begin: number
}

/** A place in an epoch, from which blocks of at most `size` samples are read. */
export interface BlockPlace {
  readonly epoch: number
  readonly begin: number
  readonly size: number
}

/** Checks samples; an array is copied. Throws ERR_INVALID_ARGUMENT for other values. */
export function readSamples<T>(samples: unknown): DatasetSamples<T> {
  if (typeof samples === 'function' && !isRevoked(samples)) return samples as DatasetSamples<T>
  checkObject(samples, 'the samples')
  if (Array.isArray(samples)) return list(anything)(samples, 'the samples') as T[]
  iteratorOf(samples, 'the samples')
  return samples as unknown as SampleIterable<T>
}

type Iterate<T> = () => Iterator<T> | AsyncIterator<T>

function iteratorOf<T>(value: unknown, name: string): Iterate<T> {
  checkObject(value, name)
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = value as Record<symbol, unknown>
  const found = later ?? now
  if (typeof found === 'function' && !ArrayBuffer.isView(value)) return () => (found as Iterate<T>).call(value)
  throw expected('ERR_INVALID_ARGUMENT', `an array or iterable as ${name}`, show(value), 'see createDataset')
}

/**
 * Yields the samples of an epoch from `begin` on. A block is an array that is not changed later. Throws ERR_CORPUS_EMPTY if the epoch has
 * fewer than `begin` samples, and the errors of the caller's iterable.
 */
export async function* blocksOf<T>(samples: DatasetSamples<T>, place: BlockPlace): AsyncGenerator<SampleBlock<T>> {
  if (Array.isArray(samples)) {
    yield { samples: samples as readonly T[], begin: 0 }
    return
  }
  const { epoch, size } = place
  let begin = 0
  let block: T[] = []
  for await (const sample of iterableOf<T>(samples, epoch)) {
    if (begin < place.begin) begin++
    else block.push(sample)
    if (block.length < size) continue
    yield { samples: block, begin }
    begin += block.length
    block = []
  }
  if (begin < place.begin) {
    throw expected(
      'ERR_CORPUS_EMPTY',
      `at least ${place.begin} samples in epoch ${epoch} to resume from`,
      `${begin}`,
      'resume with the samples that the run began with'
    )
  }
  if (block.length > 0) yield { samples: block, begin }
}

async function* iterableOf<T>(samples: DatasetSamples<T>, epoch: number): AsyncGenerator<T> {
  const isFunction = typeof samples === 'function'
  const given: unknown = isFunction ? await samples(epoch) : samples
  const begin = iteratorOf<T>(given, isFunction ? 'the result of the function of samples' : 'the samples')
  const iterator: unknown = begin()
  checkObject(iterator, 'the iterator of the samples')
  yield* { [Symbol.asyncIterator]: () => iterator as unknown as AsyncIterator<T> }
}
