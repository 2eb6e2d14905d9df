// Inputs and targets of a model: dtypes, and shapes of numbers and named dims.

import { checkObject, filled, integer, list } from '../check/index.js'
import { expected, show } from '../errors.js'
import { MAX_ELEMENTS, type DType } from './shape.js'
import { type Tensor } from './graph.js'

/** Sizes by name, for the names in the shapes of a model's inputs: `{ batch: 32, length: 64 }`. */
export type Dims = Readonly<Record<string, number>>

/** The dtype and shape of one input or target; a dimension is a number or the name of a dim. */
export interface InputSpec<D extends DType = DType> {
  readonly dtype: D
  readonly shape: readonly (number | string)[]
}

/** Checks that a value is a size of a shape: an integer from 1 to MAX_ELEMENTS. */
export const size = integer(1, MAX_ELEMENTS)
/** Checks that a value is the shape of an input: a list of sizes and names of dims. */
export const readShape = list<number | string>((value, name) =>
  typeof value === 'string' ? filled(value, name) : size(value, name)
)

/**
 * Returns the description of a float32 input. Its dimensions are sizes or names of dims; sequences are time-major. Throws
 * ERR_INVALID_ARGUMENT for other values.
 * @example
 * const inputs = { points: f32('length', 'batch', 3) }
 */
export function f32(...shape: (number | string)[]): InputSpec<'f32'> {
  return { dtype: 'f32', shape: readShape(shape, 'the shape of f32') }
}

/**
 * Returns the description of an int32 input. Its dimensions are sizes or names of dims; sequences are time-major. Throws
 * ERR_INVALID_ARGUMENT for other values.
 * @example
 * const inputs = { tokens: i32('length', 'batch') }
 */
export function i32(...shape: (number | string)[]): InputSpec<'i32'> {
  return { dtype: 'i32', shape: readShape(shape, 'the shape of i32') }
}

/** Descriptions of inputs or targets by name. */
export type Specs = Record<string, InputSpec>
/** The symbolic tensors of inputs or targets. */
export type Symbols<S extends Specs> = { readonly [K in keyof S]: Tensor }
type ViewOf<D extends DType> = D extends 'i32' ? Int32Array : Float32Array
/** The arrays of inputs or targets. */
export type ViewsOf<S extends Specs> = { [K in keyof S]: ViewOf<S[K]['dtype']> }

/** The part of a model's definition that names its dims. */
interface Described {
  readonly inputs: Specs
  readonly targets?: Specs
  /** The smallest dims that `forward` accepts; default: 1 each. */
  readonly smallest?: Dims
}

/** Returns the names of the dims of inputs and targets. */
export function dimNamesOf({ inputs, targets = {} }: Described): ReadonlySet<string> {
  const dims = [...Object.values(inputs), ...Object.values(targets)].flatMap(({ shape }) => shape)
  return new Set(dims.filter((dim) => typeof dim === 'string'))
}

/** Returns the dims of the recording that finds the parameters. */
export function smallestDims(definition: Described): Dims {
  return Object.fromEntries([...dimNamesOf(definition)].map((name) => [name, definition.smallest?.[name] ?? 1]))
}

/**
 * Returns a copy of `dims` with exactly these names. Throws ERR_INVALID_SHAPE if a name is unknown or missing, or a size is not an integer of at
 * least 1.
 */
export function checkDims(dims: Dims, names: ReadonlySet<string>): Dims {
  checkObject(dims, 'the dims')
  const unknown = Object.keys(dims).find((name) => !names.has(name))
  if (unknown !== undefined) {
    throw expected('ERR_INVALID_SHAPE', `the dims ${[...names].join(', ')}`, `${show(unknown)} too`, 'leave it out')
  }
  const copy: Record<string, number> = {}
  for (const name of names) {
    const size = Object.hasOwn(dims, name) ? dims[name] : undefined
    if (!Number.isInteger(size) || size! < 1) {
      throw expected('ERR_INVALID_SHAPE', `an integer >= 1 for the dim "${name}"`, show(size), 'pass its size')
    }
    copy[name] = size!
  }
  return copy
}
