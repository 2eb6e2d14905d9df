// Inputs and targets of a model: dtypes, and shapes of numbers and named dims.

import { checkObject, filled, integer, list } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import { MAX_ELEMENTS, type DType } from './shape.js'
import { type Tensor } from './graph.js'

/** Named sizes: `{ batch: 32, length: 64 }`, and whatever else a model's inputs name. */
export type Dims = Readonly<Record<string, number>>

/** What one input or target is: a dtype and a shape of numbers and named dims. */
export interface InputSpec<D extends DType = DType> {
  readonly dtype: D
  readonly shape: readonly (number | string)[]
}

/** A size of a shape. */
export const size = integer(1, MAX_ELEMENTS)
/** The shape of an input: sizes and names of dims. */
export const readShape = list<number | string>((value, name) =>
  typeof value === 'string' ? filled(value, name) : size(value, name)
)

/** A float32 input, for instance `f32('length', 'batch', 3)`; sequences are time-major. */
export function f32(...shape: (number | string)[]): InputSpec<'f32'> {
  return { dtype: 'f32', shape: readShape(shape, 'the shape of f32') }
}

/** An int32 input, for instance `i32('length', 'batch')`; sequences are time-major. */
export function i32(...shape: (number | string)[]): InputSpec<'i32'> {
  return { dtype: 'i32', shape: readShape(shape, 'the shape of i32') }
}

export type Specs = Record<string, InputSpec>
export type Symbols<S extends Specs> = { readonly [K in keyof S]: Tensor }
type ViewOf<D extends DType> = D extends 'i32' ? Int32Array : Float32Array
export type ViewsOf<S extends Specs> = { [K in keyof S]: ViewOf<S[K]['dtype']> }

/** The part of a model's definition that names its dims. */
interface Described {
  readonly inputs: Specs
  readonly targets?: Specs
  /** The smallest dims that `forward` accepts; default: 1 each. */
  readonly smallest?: Dims
}

export function dimNamesOf({ inputs, targets = {} }: Described): ReadonlySet<string> {
  const dims = [...Object.values(inputs), ...Object.values(targets)].flatMap(({ shape }) => shape)
  return new Set(dims.filter((dim) => typeof dim === 'string'))
}

/** The dims of the recording that finds the parameters. */
export function smallestDims(definition: Described): Dims {
  return Object.fromEntries([...dimNamesOf(definition)].map((name) => [name, definition.smallest?.[name] ?? 1]))
}

/** Returns a copy of `dims` with exactly these names. */
export function checkDims(dims: Dims, names: ReadonlySet<string>): Dims {
  checkObject(dims, 'the dims')
  const unknown = Object.keys(dims).find((name) => !names.has(name))
  if (unknown !== undefined) {
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `Expected the dims ${[...names].join(', ')} but received ${show(unknown)} too: leave it out.`
    )
  }
  const copy: Record<string, number> = {}
  for (const name of names) {
    const size = Object.hasOwn(dims, name) ? dims[name] : undefined
    if (!Number.isInteger(size) || size! < 1) {
      throw new GatecellError(
        'ERR_INVALID_SHAPE',
        `Expected an integer >= 1 for the dim "${name}" but received ${show(size)}: pass its size.`
      )
    }
    copy[name] = size!
  }
  return copy
}
