// Inputs and outputs of an imported model: their names in its file and in our graph, their sizes, and the arrays that callers pass.

import { types } from 'node:util'
import { float32Array, integer, int32Array, list, object, record, type Check } from '../../check/index.js'
import { expected } from '../../errors.js'
import { sizeOf } from '../../graph/shape.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { plainName } from './recorder.js'
import type { OnnxConstant, OnnxFile, OnnxValueInfo } from './read.js'

/** Values of a tensor in row-major order. */
export interface OnnxArray {
  shape: readonly number[]
  data: Float32Array | Int32Array
}

/** An input or output of an imported model. */
export interface OnnxPort {
  /** Its name in the file. */
  readonly name: string
  /** Its name in the model and in sessions: other characters than letters, digits, "_", "." and "-" are "_" there. */
  readonly key: string
  /** 'i32' is for the integers of ONNX. */
  readonly dtype: 'f32' | 'i32'
  /** Sizes, and names of free ones; of an output the sizes depend on the inputs. */
  readonly shape: readonly (number | string)[]
}

/** Inputs and outputs of a model. */
export interface OnnxPorts {
  readonly inputs: readonly OnnxPort[]
  readonly outputs: readonly OnnxPort[]
}

/** Our types of elements by the numbers of those of ONNX. */
export const portTypes: Readonly<Record<number, 'f32' | 'i32'>> = { 1: 'f32', 6: 'i32', 7: 'i32' }

const anyArray: Check<Float32Array | Int32Array> = (value, name) =>
  types.isInt32Array(value) ? int32Array()(value, name) : float32Array()(value, name)
const readArray = object<OnnxArray>({ shape: list(integer(0, 2 ** 31 - 1)), data: anyArray })
/** Checks that a value is arrays by name. */
export const readArrays = record(readArray)

/** Returns an array as a constant. Throws ERR_INVALID_SHAPE if shape and data do not agree. */
export function constantOf(name: string, { shape, data }: OnnxArray): OnnxConstant {
  if (sizeOf(shape) !== data.length)
    throw expected(
      'ERR_INVALID_SHAPE',
      `${sizeOf(shape)} values for ${quoted(name)}`,
      `${data.length}`,
      'make shape and data agree'
    )
  if (types.isFloat32Array(data)) return { type: 'f32', shape, data }
  return { type: 'i64', shape, data: Array.from(data) }
}

/** Returns the sizes of an input; a free size without a name gets one. */
export function sizesOf({ name, shape }: OnnxValueInfo): (number | string)[] {
  return shape.map((size, axis) =>
    typeof size === 'number' ? size : plainName(size === null || size === '' ? `${name}_${axis}` : size)
  )
}

/** Returns the ports of a file, each with a name of its own in our graph. */
export function portsOf({ inputs, outputs }: OnnxFile): OnnxPorts {
  const taken = new Set<string>()
  const port = (info: OnnxValueInfo): OnnxPort => {
    const base = plainName(info.name)
    let key = base
    for (let use = 2; taken.has(key); use++) key = `${base}_${use}`
    taken.add(key)
    return { name: info.name, key, dtype: portTypes[info.type] ?? 'f32', shape: sizesOf(info) }
  }
  return { inputs: inputs.map(port), outputs: outputs.map(port) }
}

/** Returns the sizes of batches that initial states fix, although the sequences leave them free: exporters often do that. */
export function fixedSizes({ nodes, inputs }: OnnxFile): Record<string, number> {
  const fixed: Record<string, number> = {}
  const shapeOf = (name: string | undefined) => {
    const found = inputs.find((input) => input.name === name)
    return found ? sizesOf(found) : []
  }
  for (const node of nodes.filter(({ type }) => type === 'LSTM' || type === 'GRU')) {
    const axis = node.attributes.get('layout') === 1 ? 0 : 1
    const batch = shapeOf(node.inputs[0])[axis]
    const states = [5, 6].map((index) => shapeOf(node.inputs[index])[axis])
    const size = states.find((one) => typeof one === 'number')
    if (typeof batch === 'string' && typeof size === 'number') fixed[batch] = size
  }
  return fixed
}

/** Returns the free sizes that arrays give. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE, with the name of an input that does not fit. */
export function boundSizes(
  ports: readonly OnnxPort[],
  arrays: Readonly<Record<string, OnnxArray>>
): Record<string, number> {
  const dims: Record<string, number> = {}
  for (const port of ports) bindSizes(port, arrays[port.name], dims)
  const other = Object.keys(arrays).find((name) => !ports.some((port) => port.name === name))
  if (other === undefined) return dims
  const names = ports.map(({ name }) => quoted(name)).join(', ')
  throw expected('ERR_INVALID_ARGUMENT', `the inputs ${names}`, `${quoted(other)} too`, 'leave it out')
}

/** Compares an array with an input and sets the free sizes. */
function bindSizes({ name, dtype, shape }: OnnxPort, given: OnnxArray | undefined, dims: Record<string, number>): void {
  if (!given) throw expected('ERR_INVALID_ARGUMENT', `values for the input ${quoted(name)}`, 'none', 'pass them')
  const isRight = given.data instanceof Int32Array === (dtype === 'i32')
  if (!isRight) throw expected('ERR_INVALID_ARGUMENT', `an ${dtype === 'i32' ? 'Int32Array' : 'Float32Array'} for the input ${quoted(name)}`, 'another array', 'convert it') // prettier-ignore
  const fits = given.shape.length === shape.length && sizeOf(given.shape) === given.data.length
  const sizes = shape.map((size, axis) => (typeof size === 'number' ? size : (dims[size] ??= given.shape[axis]!)))
  if (fits && sizes.every((size, axis) => size === given.shape[axis])) return
  throw expected('ERR_INVALID_SHAPE', `the shape [${shape.join(', ')}] for the input ${quoted(name)}`, `[${given.shape.join(', ')}] with ${given.data.length} values`, 'reshape it') // prettier-ignore
}
