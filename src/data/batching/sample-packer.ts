// From samples to the tensors of one batch: padding, lengths and weights.

import { checkObject, part } from '../../check/index.js'
import { expected } from '../../errors.js'
import { paddedLength } from './buckets.js'
import { numbersOf, packField, paddingOf, fieldSize, type Field } from './fields.js'
import type { Batch } from './source.js'

/** A sample as it is read: the numbers of each field that it has, and the sizes of its named dims. */
export interface Row {
  readonly values: ReadonlyMap<string, ArrayLike<number>>
  readonly sizes: ReadonlyMap<string, number>
}

/** Inputs, shape and number of symbols of a batch. */
export type PackedBatch = Required<Pick<Batch, 'inputs' | 'dims' | 'count'>>

/** The rules by which samples become batches. */
export interface PackingRules {
  readonly fields: readonly Field[]
  /** Number of rows of a full batch. */
  readonly batch: number
  /** Whether a batch with fewer samples has the rows of a full one. */
  readonly padsRows: boolean
  /** Largest size of each named dim. */
  readonly largest: Readonly<Record<string, number>>
  /** The dim whose size may differ from batch to batch, or null. */
  readonly bucket: string | null
  /** Whether a batch may be larger in that dim than the largest size. */
  readonly growing: boolean
  /** Names of dims by the field that has their sizes. */
  readonly lengthFields: ReadonlyMap<string, string>
  /** The field of weights, or null. */
  readonly weights: string | null
  readonly padding: Readonly<Record<string, number>>
}

/** Returns the sizes of the named dims of a sample by its values. Throws ERR_INVALID_SHAPE if two values disagree. */
function addSize(sizes: Map<string, number>, { dim }: Field, size: number, name: string): void {
  if (dim === null) return
  const other = sizes.get(dim)
  if (other !== undefined && other !== size) {
    throw expected(
      'ERR_INVALID_SHAPE',
      `the ${dim} ${other} of ${name}, as in the other tensors of the sample`,
      `${size}`,
      'give all tensors of a sample one length'
    )
  }
  sizes.set(dim, size)
}

/** Reads samples and packs them. */
export class SamplePacker {
  readonly rules: PackingRules

  constructor(rules: PackingRules) {
    this.rules = rules
  }

  /** Returns the fields whose values samples must have. */
  get given(): Field[] {
    const { fields, lengthFields, weights } = this.rules
    return fields.filter(({ name }) => !lengthFields.has(name) && name !== weights)
  }

  /** Returns the size of a dim in a sample from the lengths of its values. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if it has none. */
  sizesOf(sample: unknown, name: string): Map<string, number> {
    checkObject(sample, name)
    const sizes = new Map<string, number>()
    for (const field of this.given) {
      const full = part(name, field.name)
      addSize(sizes, field, fieldSize(field, sample[field.name], full), full)
    }
    return sizes
  }

  /** Reads a sample. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if a value is missing or does not fit. */
  read(sample: unknown, name: string): Row {
    checkObject(sample, name)
    const { fields, weights } = this.rules
    const values = new Map<string, ArrayLike<number>>()
    const sizes = new Map<string, number>()
    for (const field of this.given) {
      const full = part(name, field.name)
      const given = sample[field.name]
      fieldSize(field, given, full)
      const read = numbersOf(field, given, full)
      values.set(field.name, read)
      addSize(sizes, field, fieldSize(field, read, full), full)
    }
    const field = fields.find((one) => one.name === weights)
    if (field) values.set(field.name, this.#weightsOf(field, sample[field.name], sizes, part(name, field.name)))
    return { values, sizes }
  }

  #weightsOf(field: Field, value: unknown, sizes: Map<string, number>, name: string): ArrayLike<number> {
    const count = field.width * (field.dim === null ? 1 : (sizes.get(field.dim) ?? 1))
    if (value === undefined || typeof value === 'number') return new Float32Array(count).fill(value ?? 1)
    const read = numbersOf(field, value, name)
    if (read.length === count) return read
    throw expected(
      'ERR_INVALID_SHAPE',
      `a weight or ${count} weights as ${name}`,
      `${read.length}`,
      'give one for the sample, or one for each position'
    )
  }

  /** Returns the inputs, shape and number of symbols of a batch. */
  pack(rows: readonly Row[]): PackedBatch {
    const { fields, batch, padsRows, largest, bucket, lengthFields, weights, padding: given } = this.rules
    const sizesOf = (dim: string) => rows.map(({ sizes }) => sizes.get(dim) ?? 0)
    const dims: Record<string, number> = { ...largest, batch: padsRows ? batch : rows.length }
    if (bucket !== null) dims[bucket] = this.#lengthOf(sizesOf(bucket), largest[bucket]!)
    const inputs: Record<string, Float32Array | Int32Array> = {}
    for (const field of fields) {
      const { name } = field
      const dim = lengthFields.get(name)
      if (dim !== undefined) {
        const lengths = (inputs[name] = new Int32Array(dims['batch']!).fill(given[name] ?? 0))
        lengths.set(sizesOf(dim))
      } else {
        const isPadded = rows.length < dims['batch']! || this.#pads(field, rows, dims)
        const padding = name === weights || !isPadded ? 0 : this.#paddingOf(field)
        inputs[name] = packField(field, rows.map(({ values }) => values.get(name)!), dims, padding) // prettier-ignore
      }
    }
    const counted = bucket ?? (Object.hasOwn(largest, 'length') ? 'length' : null)
    const count = counted === null ? rows.length : sizesOf(counted).reduce((sum, size) => sum + size, 0)
    return { inputs, dims, count }
  }

  /** Returns the size of the bucket's dim of a batch whose samples have these sizes. A sample that does not fit is refused later. */
  #lengthOf(sizes: readonly number[], largest: number): number {
    const longest = sizes.reduce((most, size) => Math.max(most, size), 0)
    if (longest > largest) return this.rules.growing ? paddedLength(longest) : largest
    return Math.min(paddedLength(longest), largest)
  }

  #pads({ dim }: Field, rows: readonly Row[], dims: Readonly<Record<string, number>>): boolean {
    return dim !== null && rows.some(({ sizes }) => sizes.get(dim)! < dims[dim]!)
  }

  #paddingOf(field: Field): number {
    const { padding, weights } = this.rules
    const { name, isTarget, dtype } = field
    if (Object.hasOwn(padding, name)) return padding[name]!
    if (!isTarget || dtype === 'i32' || weights !== null) return paddingOf(field)
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `weights, or a value in padding, for the padded target "${name}"`,
      'neither',
      'name an input of weights in the options of createDataset, and use it in the loss'
    )
  }
}
