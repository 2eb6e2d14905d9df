// The tensors of a model as fields of samples: how a sample's value is read, and how the values of many samples become one tensor of a batch.

import { types } from 'node:util'
import { choice, filled, integer, integers, list, numbers, open, optional, part, record } from '../../check/index.js'
import { expected, isObject, show } from '../../errors.js'
import { IGNORED } from './windows.js'

/** An input or target as a model declares it (`f32('length', 'batch', 3)`). */
interface TensorSpec {
  readonly dtype: 'f32' | 'i32'
  readonly shape: readonly (number | string)[]
}

/** The part of a model that its samples follow. A model of `defineModel` has it. */
export interface SampleModel {
  readonly definition: {
    readonly inputs: Readonly<Record<string, TensorSpec>>
    readonly targets?: Readonly<Record<string, TensorSpec>>
  }
}

/**
 * The value of one tensor in a sample, without the dimension `batch`: a number, numbers in row-major order, or rows of numbers. The size of
 * its named dimension, for instance `length`, may differ from sample to sample.
 */
export type SampleValue = number | ArrayLike<number> | readonly ArrayLike<number>[]

/** A sample: the value of each input and target by name. */
export type Sample = Readonly<Record<string, SampleValue>>

/** A tensor of a batch, and the layout of one sample in it. */
export interface Field {
  readonly name: string
  readonly dtype: 'f32' | 'i32'
  readonly isTarget: boolean
  /** Sizes and dims before and after the dim `batch`. */
  readonly outer: readonly (number | string)[]
  readonly inner: readonly (number | string)[]
  /** The named dim besides `batch`, if there is one. */
  readonly dim: string | null
  /** Numbers of a sample for each element of `dim`. */
  readonly width: number
}

const readSpecs = record(
  open<TensorSpec>({
    dtype: choice('f32', 'i32'),
    shape: list<number | string>((value, name) =>
      typeof value === 'string' ? filled(value, name) : integer(1, 2 ** 31 - 1)(value, name)
    )
  })
)
const readModel = open<SampleModel>({ definition: open({ inputs: readSpecs, targets: optional(readSpecs) }) })

const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1)

/**
 * Returns the inputs and targets of a model as fields, except for those that `without` names. Throws ERR_INVALID_ARGUMENT for other values, and
 * ERR_INVALID_SHAPE for a tensor without the dim `batch`, or with several other named dims, or whose other named dim is not the first one before or
 * after `batch`.
 */
export function fieldsOf(model: SampleModel, without: readonly string[] = []): Field[] {
  const { inputs, targets = {} } = readModel(model, 'the model').definition
  const targetNames = new Set(Object.keys(targets))
  const specs = { ...inputs, ...targets }
  const unknown = without.find((name) => !Object.hasOwn(specs, name))
  if (unknown !== undefined) {
    const names = Object.keys(specs).join(', ')
    throw expected('ERR_INVALID_ARGUMENT', `one of ${names} in whole`, show(unknown), 'see the definition of the model')
  }
  const own = Object.entries(specs).filter(([name]) => !without.includes(name))
  return own.map(([name, { dtype, shape }]) => {
    const at = shape.indexOf('batch')
    const [outer, inner] = [shape.slice(0, at), shape.slice(at + 1)]
    const named = [...outer, ...inner].filter((dim) => typeof dim === 'string')
    const fits = at >= 0 && named.length <= 1 && [outer, inner].every((dims) => dims.findIndex(isName) <= 0)
    if (!fits || named.includes('batch')) {
      throw expected(
        'ERR_INVALID_SHAPE',
        `a shape with "batch" and at most one other named dim, first before or after it, of "${name}"`,
        `[${shape.join(', ')}]`,
        'write a source of batches for this model'
      )
    }
    const width = product([...outer, ...inner].filter((dim) => typeof dim === 'number'))
    return { name, dtype, isTarget: targetNames.has(name), outer, inner, dim: named[0] ?? null, width }
  })
}

function isName(dim: number | string): boolean {
  return typeof dim === 'string'
}

/** Returns the number of elements of a value from its lengths: 1 for a number. Throws ERR_INVALID_ARGUMENT for other values. */
function elementsOf(value: unknown, name: string): number {
  if (typeof value === 'number') return 1
  const length = lengthOf(value, name)
  const first = length > 0 ? (value as ArrayLike<unknown>)[0] : 0
  return typeof first === 'number' ? length : length * lengthOf(first, `${name}[0]`)
}

function lengthOf(value: unknown, name: string): number {
  if (isObject(value)) return integer(0, 2 ** 31 - 1)((value as ArrayLike<unknown>).length, part(name, 'length'))
  throw expected('ERR_INVALID_ARGUMENT', `a number or numbers as ${name}`, show(value), 'give each sample a value')
}

/** Returns the size of the field's named dim in a value, 1 if it has none. Throws ERR_INVALID_SHAPE if the value does not fit. */
export function fieldSize(field: Field, value: unknown, name: string): number {
  return sizeFrom(field, elementsOf(value, name), name)
}

function sizeFrom({ dim, width }: Field, elements: number, name: string): number {
  const size = elements / width
  if (Number.isInteger(size) && (dim !== null || size === 1)) return size
  throw expected(
    'ERR_INVALID_SHAPE',
    dim === null ? `${width} numbers as ${name}` : `a multiple of ${width} numbers as ${name}`,
    `${elements}`,
    'give each sample values of the shape that the model declares'
  )
}

/** Returns a value as a list of numbers in row-major order. Throws ERR_INVALID_ARGUMENT and ERR_INVALID_SHAPE for other values. */
export function numbersOf(field: Field, value: unknown, name: string): ArrayLike<number> {
  const flat = typeof value === 'number' ? [value] : flattened(field, value, name)
  if (types.isInt32Array(flat)) return numbers(flat, name)
  return field.dtype === 'i32' ? integers(-(2 ** 31))(flat, name) : numbers(flat, name)
}

function flattened({ width }: Field, value: unknown, name: string): unknown {
  if (!isObject(value) || !Array.isArray(value) || typeof value[0] !== 'object') return value
  return list<number[]>((row, rowName) => {
    const read = Array.from(numbers(row, rowName))
    if (read.length === width) return read
    throw expected('ERR_INVALID_SHAPE', `${width} numbers as ${rowName}`, `${read.length}`, 'make rows equally long')
  })(value, name).flat()
}

/** Returns the value of places without a sample: IGNORED in int32 targets, which losses leave out, else 0. */
export function paddingOf({ isTarget, dtype }: Field): number {
  return isTarget && dtype === 'i32' ? IGNORED : 0
}

/**
 * Returns the tensor of a field: rows[b] is that of sample b, and `padding` is the value of all places after its end. `dims` is the shape
 * of the batch. Throws ERR_INVALID_SHAPE if a sample is longer than `dims`.
 */
export function packField(
  field: Field,
  rows: readonly ArrayLike<number>[],
  dims: Readonly<Record<string, number>>,
  padding: number
): Float32Array | Int32Array {
  const { dtype, outer, inner, dim, width, name } = field
  const batch = dims['batch']!
  const sizes = (parts: readonly (number | string)[], size: number) =>
    product(parts.map((one) => (typeof one === 'number' ? one : size)))
  const most = dim === null ? 1 : dims[dim]!
  const [padded, paddedInner] = [sizes(outer, most), sizes(inner, most)]
  const elements = integer(1, 2 ** 31 - 1)(
    padded * batch * paddedInner,
    `the number of elements of "${name}" in a batch`
  )
  const array = dtype === 'i32' ? new Int32Array(elements) : new Float32Array(elements)
  if (padding !== 0) array.fill(padding)
  rows.forEach((row, b) => {
    const size = row.length / width
    if (size > most) {
      throw expected('ERR_INVALID_SHAPE', `at most ${most} as "${dim}" of "${name}"`, `${size}`, 'give larger dims')
    }
    const [ownOuter, ownInner] = [sizes(outer, size), sizes(inner, size)]
    for (let o = 0, from = 0; o < ownOuter; o++) {
      let to = (o * batch + b) * paddedInner
      for (let i = 0; i < ownInner; i++) array[to++] = row[from++]!
    }
  })
  return array
}
