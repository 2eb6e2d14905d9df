// The options of createDataset, and the rules of packing that follow from them.

import {
  boolean,
  callback,
  choice,
  integer,
  number,
  object,
  optional,
  record,
  seed as seedOf,
  string
} from '../../check/index.js'
import { expected, show, type GatecellError } from '../../errors.js'
import type { Random } from '../../random.js'
import { fieldsOf, type Field, type Sample, type SampleModel } from './fields.js'
import { SamplePacker, type PackedBatch, type PackingRules } from './sample-packer.js'
import type { DatasetSamples } from './samples.js'

/** The place of a sample that is prepared, and random numbers of its own. */
export interface PrepareContext {
  /** Number of passes over the data before this one. */
  readonly epoch: number
  /** Number of the sample in its epoch, in the order of the samples, from 0. */
  readonly index: number
  /** A sequence that depends only on (seed, epoch, index), for augmentations. */
  readonly random: Random
}

/** The options of `createDataset`. T: samples as the caller has them. */
export interface DatasetOptions<T = Sample> {
  /** Number of samples in a batch, at least 1. */
  readonly batch: number
  /** Whether each epoch has an order of its own. Default: true. false keeps the order of the samples, or sorts buckets by length. */
  readonly shuffle?: boolean | undefined
  /** Seed of the order and of `prepare`, an integer in [0, 2^53). Default: 0. */
  readonly seed?: number | undefined
  /**
   * Named dim whose size differs: samples of about equal size share a batch, and a batch is padded only to a size near that of its longest
   * sample. Default: 'length', if the model has such a dim. false: every batch has the largest size.
   */
  readonly bucket?: string | false | undefined
  /** Number of epochs at the beginning in which the batches of short samples come first (CTC begins to learn on them). Default: 0. */
  readonly shortFirst?: number | undefined
  /**
   * Largest sizes of named dims; a larger sample is ERR_INVALID_SHAPE. Default: those of the samples. Samples that are not in an array, or
   * that are prepared, need a size for each named dim.
   */
  readonly dims?: Readonly<Record<string, number>> | undefined
  /**
   * Whether the dim `bucket` may be larger than in `dims`, for samples that `prepare` makes longer; such a batch has a shape of its own.
   * Default: false.
   */
  readonly growing?: boolean | undefined
  /** Inputs or targets for the sizes of named dims, int32 of shape [batch], which samples do not have: `{ length: 'lengths' }`. */
  readonly lengths?: Readonly<Record<string, string>> | undefined
  /**
   * Float32 input or target with the weights of samples or positions. A sample may have one number for all of its positions, or one for
   * each; without a value it has the weight 1. Padding has the weight 0.
   */
  readonly weights?: string | undefined
  /**
   * Values of padding by tensor. Default: 0 for inputs, and -1 for int32 targets, which losses leave out. Padded float32 targets need a
   * value here or `weights`, so that padding is not taken for data. For a tensor of `lengths`: the size in rows without a sample.
   */
  readonly padding?: Readonly<Record<string, number>> | undefined
  /**
   * Inputs or targets of a whole batch, whose shapes need not have the dim `batch`, as functions of the packed batch:
   * `{ scale: ({ count }) => Float32Array.of(1 / count) }`. Samples have no values for them.
   */
  readonly whole?: Readonly<Record<string, (batch: PackedBatch) => Float32Array | Int32Array>> | undefined
  /**
   * Last batch of an epoch, if it is not full. 'keep' (default): a smaller batch, for which the model makes a plan of its own. 'drop': it is
   * left out. 'pad': rows without a sample, of length 0 and weight 0, fill it.
   */
  readonly last?: 'keep' | 'drop' | 'pad' | undefined
  /** Whether epoch follows epoch. Default: true. false ends after one epoch. */
  readonly repeat?: boolean | undefined
  /** Number of batches that are prepared ahead of the training, from 0 to 1024. Default: 2. Each takes the memory of a batch. */
  readonly prefetch?: number | undefined
  /**
   * For samples that are not in an array: how many of them are in memory to be shuffled and put into batches of about equal lengths, at least
   * 1. Default: 1024. With `prefetch` above 0 as many again are read ahead.
   */
  readonly buffer?: number | undefined
  /** Makes a sample when its batch is prepared: reads, decodes or varies it. May be asynchronous. Default: samples are used as they are. */
  readonly prepare?: ((sample: T, context: PrepareContext) => Sample | Promise<Sample>) | undefined
  /** Returns the size of the dim `bucket` in a sample before `prepare`. Default with `prepare`: batches are not made by length. */
  readonly lengthOf?: ((sample: T) => number) | undefined
}

const size = integer(1, 2 ** 31 - 1)
const readOptions = object<DatasetOptions<unknown>>({
  batch: size,
  shuffle: optional(boolean),
  seed: optional(seedOf),
  bucket: optional((value, name) => (value === false ? value : string(value, name))),
  shortFirst: optional(integer(0)),
  dims: optional(record(size)),
  growing: optional(boolean),
  lengths: optional(record(string)),
  weights: optional(string),
  padding: optional(record(number())),
  whole: optional(record(callback())),
  last: optional(choice('keep', 'drop', 'pad')),
  repeat: optional(boolean),
  prefetch: optional(integer(0, 1024)),
  buffer: optional(size),
  prepare: optional(callback()),
  lengthOf: optional(callback())
})

/** Checks the options of `createDataset`. Throws ERR_INVALID_ARGUMENT. */
export function readDatasetOptions(options: unknown): DatasetOptions<unknown> {
  return readOptions(options, 'the options of createDataset')
}

/** Returns the rules of packing. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if model, samples and options do not fit each other. */
export function rulesOf<T>(model: SampleModel, samples: DatasetSamples<T>, options: DatasetOptions<T>): PackingRules {
  const { batch, last, bucket: wanted, weights = null, padding = {}, lengths = {}, growing = false } = options
  const fields = fieldsOf(model, Object.keys(options.whole ?? {}))
  const dims = new Set(fields.flatMap(({ dim }) => dim ?? []))
  const checkDim = (dim: string) => {
    if (!dims.has(dim)) throw unknown('named dims of the model', [...dims], dim)
  }
  if (wanted !== undefined && wanted !== false) checkDim(wanted)
  const bucket = wanted === undefined ? (dims.has('length') ? 'length' : null) : wanted === false ? null : wanted
  for (const [dim, name] of Object.entries(lengths)) {
    checkDim(dim)
    checkField(fields, name, 'int32 of shape [batch]', (one) => one.dtype === 'i32' && one.dim === null && one.width === 1) // prettier-ignore
  }
  if (weights !== null) checkField(fields, weights, 'float32', ({ dtype }) => dtype === 'f32')
  for (const name of Object.keys(padding)) checkField(fields, name, 'any type', () => true)
  for (const dim of Object.keys(options.dims ?? {})) checkDim(dim)
  const lengthFields = new Map(Object.entries(lengths).map(([dim, name]) => [name, dim]))
  const rules = {
    fields,
    batch,
    padsRows: last === 'pad',
    bucket,
    growing,
    lengthFields,
    weights,
    padding,
    largest: {}
  }
  return { ...rules, largest: largestSizes(dims, samples, options, new SamplePacker(rules)) }
}

function unknown(what: string, names: readonly string[], found: string): GatecellError {
  const rest = names.length === 0 ? 'none' : names.join(', ')
  return expected(
    'ERR_INVALID_ARGUMENT',
    `one of the ${what} (${rest})`,
    show(found),
    'see the definition of the model'
  )
}

function checkField(fields: readonly Field[], name: string, kind: string, fits: (field: Field) => boolean): void {
  const found = fields.find((field) => field.name === name)
  if (!found || !fits(found)) {
    const names = fields.filter(fits).map((field) => field.name)
    throw unknown(`inputs and targets of the model, ${kind}`, names, name)
  }
}

/** Returns the largest size of each named dim: as given, or that of the samples. */
function largestSizes<T>(
  dims: ReadonlySet<string>,
  samples: DatasetSamples<T>,
  { dims: given = {}, prepare }: DatasetOptions<T>,
  packer: SamplePacker
): Record<string, number> {
  const missing = [...dims].find((dim) => !Object.hasOwn(given, dim))
  if (prepare || !Array.isArray(samples)) {
    if (missing === undefined) return { ...given }
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `the largest size of the dim "${missing}" in dims`,
      'none',
      'give it, because samples that are prepared or not in an array are not read in advance'
    )
  }
  const found = Object.fromEntries([...dims].map((dim) => [dim, 1]))
  samples.forEach((sample: unknown, index) => {
    for (const [dim, size] of packer.sizesOf(sample, `sample ${index}`)) found[dim] = Math.max(found[dim]!, size)
  })
  const large = Object.keys(given).find((dim) => found[dim]! > given[dim]!)
  if (large !== undefined) {
    const [most, size] = [`${given[large]!}`, `${found[large]!}`]
    throw expected('ERR_INVALID_SHAPE', `samples of at most ${most} as "${large}"`, size, 'give larger dims')
  }
  return { ...found, ...given }
}
