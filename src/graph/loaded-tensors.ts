// Values for parameters from outside: numbers of a caller, and tensors by name, as files contain them. They are checked to fit before
// anything is written.

import { types } from 'node:util'
import { anything, list, mapOf, numbers, open, optional, string, type Check } from '../check/index.js'
import { expected, show } from '../errors.js'
import { asFloat32 } from '../io/float32.js'
import type { TensorData } from '../io/safetensors/dtypes.js'
import type { Parameter } from './parameter-arenas.js'
import { sameShape, showShape, sizeOf } from './shape.js'

/** Tensors by name, as files contain them. `dtype` is that of `data`, by default F32. */
export type LoadedTensors = ReadonlyMap<string, { shape: readonly number[]; data: unknown; dtype?: string }>

const loadedTensor = open<{ shape: readonly number[]; data: unknown; dtype?: string }>({
  shape: list(anything, 0, 8),
  data: anything,
  dtype: optional(string)
})

/** Checks that a value is a Map of tensors by name, and copies it, except for the data. */
export const checkLoaded: Check<LoadedTensors> = (value, name) => {
  const tensors = mapOf<string, unknown>()(value, name)
  return new Map([...tensors].map(([key, tensor]) => [key, loadedTensor(tensor, `${name} ${show(key)}`)]))
}

type LoadedTensor = LoadedTensors extends ReadonlyMap<string, infer T> ? T : never

/**
 * Returns the values of `source` as float32 next to `target`, the array that they are to be written to. Throws ERR_INVALID_SHAPE or
 * ERR_INVALID_ARGUMENT if there is no target or no source or if they do not fit, and ERR_UNSUPPORTED as `asFloat32` does.
 */
function matched(
  { name, shape }: Parameter,
  target: Float32Array | null | undefined,
  source: LoadedTensor | undefined
): { target: Float32Array; data: Float32Array } {
  const found = source ? `[${source.shape.map(show).join(', ')}]` : 'none'
  if (!target || !source || !sameShape(shape, source.shape)) {
    const remedy = 'load the tensors of a model with this configuration'
    throw expected('ERR_INVALID_SHAPE', `"${name}" of shape ${showShape(shape)}`, found, remedy)
  }
  const { dtype = 'F32' } = source
  const data = dtype === 'F32' ? source.data : asFloat32(name, dtype, source.data as TensorData)
  if (!types.isFloat32Array(data) || data.length !== target.length) {
    const received = types.isFloat32Array(data) ? `${data.length}` : show(data)
    const remedy = 'pass a Float32Array of that length, or name its dtype'
    throw expected('ERR_INVALID_ARGUMENT', `${target.length} float32 values for "${name}"`, received, remedy)
  }
  return { target, data }
}

/** Returns `given` as one number for each element of a parameter. Throws ERR_INVALID_SHAPE for another number of values. */
export function valuesFor({ name, shape }: Parameter, given: ArrayLike<number>): ArrayLike<number> {
  const values = numbers(given, `the values of "${name}"`)
  if (values.length === sizeOf(shape)) return values
  const wanted = `${sizeOf(shape)} values for parameter "${name}" ${showShape(shape)}`
  throw expected('ERR_INVALID_SHAPE', wanted, `${values.length}`, 'pass one value for each element')
}

/** Returns the error for the name of a parameter that a model does not have. */
export function unknownParameter(names: readonly string[], name: string) {
  const known = `one of ${names.join(', ')}`
  return expected('ERR_INVALID_ARGUMENT', known, show(name), 'use the name of a parameter of this model')
}

/**
 * Writes the tensors of a file into the arrays that `targetOf` returns for the parameters. Throws, before anything is written,
 * ERR_INVALID_ARGUMENT for a name that no parameter has, and the errors of tensors that do not fit.
 */
export function writeLoaded(
  tensors: LoadedTensors,
  parameters: ReadonlyMap<string, Parameter>,
  targetOf: (parameter: Parameter) => Float32Array | null | undefined
): void {
  for (const name of tensors.keys()) if (!parameters.has(name)) throw unknownParameter([...parameters.keys()], name)
  const all = [...parameters.values()]
  const pairs = all.map((parameter) => matched(parameter, targetOf(parameter), tensors.get(parameter.name)))
  for (const { target, data } of pairs) target.set(data)
}
