// Data sets: samples of a caller, in memory or from files, as batches of a model. Shuffling, padding, buckets of about equal lengths,
// the last batch, reading ahead and exact resume are here, so that one call is between samples and createTrainer.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { integer, open } from '../../check/index.js'
import { expected } from '../../errors.js'
import type { JsonValue } from '../../io/json.js'
import { createRandom } from '../../random.js'
import { readAhead } from './ahead.js'
import { cutBatches } from './buckets.js'
import { readDatasetOptions, rulesOf, type DatasetOptions } from './dataset-options.js'
import type { Sample, SampleModel } from './fields.js'
import { SamplePacker, type PackedBatch, type Row } from './sample-packer.js'
import { blocksOf, readSamples, type SampleBlock, type DatasetSamples } from './samples.js'
import type { Batch, BatchSource, EpochSource } from './source.js'

/** Position in the samples of a data set, as plain JSON. */
export interface DatasetCursor {
  readonly epoch: number
  /** Number of samples of the epoch before the block; 0 for an array. */
  readonly begin: number
  /** Batch of the block. */
  readonly step: number
}

const readCursor = open<DatasetCursor>({ epoch: integer(0), begin: integer(0), step: integer(0) })
const size = integer(0, 2 ** 31 - 1)

/**
 * Returns the samples as batches of `model`, for `createTrainer` and `evaluate`. Each sample has a value for each input and target of the
 * model, in its shape without the dim `batch`; sequences are padded at their end to the longest one of their batch, rounded up.
 * The contents of a batch depend only on the seed and the position, so that a resumed run continues with the very next batch; if the samples
 * are not an array, the samples of the epoch before that position are read again and dropped.
 * Throws ERR_INVALID_ARGUMENT for invalid options, ERR_INVALID_SHAPE for samples or models whose shapes do not fit, and ERR_CORPUS_EMPTY if
 * an epoch has no batch; samples that are not in an array are checked when they are read.
 *
 * @example
 * const data = createDataset(model, [{ x: [0.1, 0.2, 0.3], label: 1 }, { x: [0.5], label: 0 }], {
 *   batch: 2,
 *   lengths: { length: 'lengths' } // the model's input `lengths` is i32('batch')
 * })
 */
export function createDataset<T = Sample>(
  model: SampleModel,
  samples: readonly T[],
  options: DatasetOptions<T>
): EpochSource
export function createDataset<T = Sample>(
  model: SampleModel,
  samples: DatasetSamples<T>,
  options: DatasetOptions<T>
): BatchSource
export function createDataset<T = Sample>(
  model: SampleModel,
  samples: DatasetSamples<T>,
  options: DatasetOptions<T>
): BatchSource {
  const read = readDatasetOptions(options) as DatasetOptions<T>
  const source = readSamples<T>(samples)
  const dataset = new Dataset(source, read, new SamplePacker(rulesOf(model, source, read)))
  const { dims, stepsPerEpoch } = dataset
  return {
    dims,
    ...(stepsPerEpoch !== undefined && { stepsPerEpoch }),
    batches: (cursor) => dataset.batches(cursor)
  }
}

/** Reads, orders and packs samples. */
class Dataset<T> {
  readonly dims: Readonly<Record<string, number>>
  readonly stepsPerEpoch: number | undefined
  readonly #samples: DatasetSamples<T>
  readonly #options: DatasetOptions<T>
  readonly #packer: SamplePacker

  constructor(samples: DatasetSamples<T>, options: DatasetOptions<T>, packer: SamplePacker) {
    this.#samples = samples
    this.#options = options
    this.#packer = packer
    const { batch, last } = options
    this.dims = { ...packer.rules.largest, batch }
    if (!Array.isArray(samples)) return
    this.stepsPerEpoch = (last === 'drop' ? Math.floor : Math.ceil)(samples.length / batch)
    if (this.stepsPerEpoch === 0) throw this.#empty(samples.length)
  }

  batches(cursor: JsonValue | undefined): AsyncGenerator<Batch> {
    const start = cursor === undefined ? { epoch: 0, begin: 0, step: 0 } : readCursor(cursor, 'the cursor')
    if (start.begin > 0 && Array.isArray(this.#samples)) throw wrongPlace('0 as begin', `${start.begin}`)
    return readAhead(this.#from(start), this.#options.prefetch ?? 2)
  }

  async *#from({ epoch, begin, step }: DatasetCursor): AsyncGenerator<Batch> {
    const { repeat = true, prefetch = 2 } = this.#options
    for (; repeat || epoch === 0; epoch++, begin = 0) {
      let seen = begin + step
      const blocks = blocksOf(this.#samples, { epoch, begin, size: this.#blockSize })
      for await (const block of readAhead(blocks, Math.min(1, prefetch))) {
        const batches = this.#cut(block, epoch)
        if (step > 0 && step >= batches.length) throw wrongPlace(`a step from 0 to ${batches.length - 1}`, `${step}`)
        for (; step < batches.length; step++) {
          await nextTurn() // a step that has ended is taken note of before another batch is made
          const packed = await this.#pack(block, batches[step]!, epoch)
          const cursor = { ...this.#next(block, { epoch, begin: block.begin, step }, batches.length) }
          const numbers = batches[step]!.map((index) => block.begin + index)
          yield { ...packed, epoch, cursor, reset: true, samples: numbers }
        }
        seen += batches.length
        step = 0
      }
      if (seen === 0) throw this.#empty(0)
    }
  }

  /** Returns the number of samples that are read before batches are made of them. */
  get #blockSize(): number {
    const { batch, shuffle = true, buffer = 1024 } = this.#options
    const isOrdered = !shuffle && !this.#usesLengths
    return isOrdered ? batch : Math.ceil(Math.max(buffer, batch) / batch) * batch
  }

  get #usesLengths(): boolean {
    const { prepare, lengthOf } = this.#options
    return this.#packer.rules.bucket !== null && (!prepare || lengthOf !== undefined)
  }

  #cut({ samples, begin }: SampleBlock<T>, epoch: number): number[][] {
    const { batch, seed = 0, shuffle = true, shortFirst = 0, last } = this.#options
    const lengths = this.#usesLengths ? this.#lengthsOf(samples, begin) : new Int32Array(samples.length)
    const name = shuffle ? (Array.isArray(this.#samples) ? `epoch ${epoch}` : `epoch ${epoch} from ${begin}`) : null
    const batches = cutBatches(lengths, { batch, name, seed, shortFirst: epoch < shortFirst })
    return last === 'drop' ? batches.filter(({ length }) => length === batch) : batches
  }

  #lengthsOf(samples: readonly T[], begin: number): ArrayLike<number> {
    const { lengthOf } = this.#options
    const bucket = this.#packer.rules.bucket!
    return samples.map((sample, i) => {
      const name = `sample ${begin + i}`
      if (lengthOf) return size(lengthOf(sample), `the result of lengthOf for ${name}`)
      return this.#packer.sizesOf(sample, name).get(bucket)!
    })
  }

  async #pack(block: SampleBlock<T>, indices: readonly number[], epoch: number): Promise<PackedBatch> {
    const packed = this.#packer.pack(await this.#rows(block, indices, epoch))
    const made = Object.entries(this.#options.whole ?? {}).map(([name, make]) => [name, make(packed)] as const)
    return { ...packed, inputs: { ...packed.inputs, ...Object.fromEntries(made) } }
  }

  async #rows({ samples, begin }: SampleBlock<T>, indices: readonly number[], epoch: number): Promise<Row[]> {
    const { prepare, seed = 0 } = this.#options
    const read = (sample: unknown, index: number): Row => this.#packer.read(sample, `sample ${begin + index}`)
    if (!prepare) return indices.map((index) => read(samples[index], index))
    const rows = indices.map(async (index) => {
      const random = createRandom(seed, `sample ${begin + index} of epoch ${epoch}`)
      return read(await prepare(samples[index]!, { epoch, index: begin + index, random }), index)
    })
    return await Promise.all(rows)
  }

  #next({ samples }: SampleBlock<T>, { epoch, begin, step }: DatasetCursor, steps: number): DatasetCursor {
    if (step + 1 < steps) return { epoch, begin, step: step + 1 }
    if (Array.isArray(this.#samples)) return { epoch: epoch + 1, begin: 0, step: 0 }
    return { epoch, begin: begin + samples.length, step: 0 }
  }

  #empty(count: number) {
    const { batch, last } = this.#options
    return expected(
      'ERR_CORPUS_EMPTY',
      last === 'drop' ? `at least ${batch} samples in an epoch` : 'at least one sample in an epoch',
      `${count}`,
      'add samples; for several epochs pass an array, or a function that returns an iterable for each epoch'
    )
  }
}

function wrongPlace(what: string, found: string) {
  const remedy = 'use a cursor of the same samples and options'
  return expected('ERR_INVALID_ARGUMENT', `${what} in the cursor of the batches`, found, remedy)
}
