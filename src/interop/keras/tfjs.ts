// Layers models of TensorFlow.js: model.json with the topology and a list of weights, whose bytes are in files next to it, one after the other.

import { realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { openBytes } from '../../data/files/byte-reader.js'
import { expected, type GatecellError } from '../../errors.js'
import { asFloat32 } from '../../io/float32.js'
import type { JsonObject, JsonValue } from '../../io/json.js'
import { elementCount, quoted, type Dtype } from '../../io/safetensors/dtypes.js'
import { asArray, type StoredTensor } from '../tensors/stored-tensor.js'
import { isJsonObject, textIn } from './config.js'

/** Types of elements, and of quantised ones. */
const types: Readonly<Record<string, Dtype>> = { float32: 'F32', float16: 'F16', uint8: 'U8', uint16: 'U16' }
const MAX_BYTES = 2 ** 31

/** Returns the topology of model.json, and the version of Keras. Throws ERR_UNSUPPORTED for graph models. */
export function tfjsTopology(json: JsonObject, path: string): { model: JsonObject; version: string } {
  const topology = json['modelTopology']
  const isGraph = textIn(json, 'format') === 'graph-model' || (isJsonObject(topology) && 'node' in topology)
  if (isGraph)
    throw expected('ERR_UNSUPPORTED', `a layers model of TensorFlow.js in ${path}`, 'a graph model', 'convert it with --output_format tfjs_layers_model') // prettier-ignore
  if (!isJsonObject(topology)) throw damaged(path, 'a topology', 'none')
  const inner = topology['model_config']
  return { model: isJsonObject(inner) ? inner : topology, version: textIn(topology, 'keras_version') }
}

function damaged(path: string, what: string, found: string): GatecellError {
  return expected('ERR_FILE_FORMAT', `${what} in ${path}`, found, 'save the model with TensorFlow.js again')
}

/** Returns the weights in the order of the file. Throws ERR_FILE_FORMAT and ERR_FILE_NOT_FOUND. */
export async function tfjsWeights(json: JsonObject, path: string): Promise<StoredTensor[]> {
  const groups = json['weightsManifest']
  if (!Array.isArray(groups)) throw damaged(path, 'a list of weights', 'none')
  const tensors: StoredTensor[] = []
  let bytes = 0
  for (const group of groups as JsonValue[]) {
    const [paths, weights] = isJsonObject(group) ? [group['paths'], group['weights']] : []
    if (!Array.isArray(paths) || !Array.isArray(weights)) throw damaged(path, 'lists of files and weights', 'others')
    const data = await joined(path, paths as JsonValue[], MAX_BYTES - bytes)
    bytes += data.length
    let at = 0
    for (const weight of weights as JsonValue[]) {
      const { tensor, size } = weightOf(path, weight, data, at)
      tensors.push(tensor)
      at += size
    }
    if (at !== data.length) throw damaged(path, `${at} bytes of weights in the files`, `${data.length}`)
  }
  return tensors
}

/** Returns the bytes of files in the folder of a model. */
async function joined(path: string, names: readonly JsonValue[], most: number): Promise<Uint8Array> {
  const folder = await realpath(dirname(path))
  const parts: Uint8Array[] = []
  let left = most
  for (const name of names) {
    const isInside = typeof name === 'string' && !/[\\:\0]/.test(name) && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..') // prettier-ignore
    if (!isInside) throw damaged(path, 'paths of files in its folder', JSON.stringify(name))
    const source = await openBytes(join(folder, name))
    try {
      if (!(await realpath(join(folder, name))).startsWith(folder.endsWith(sep) ? folder : folder + sep))
        throw damaged(path, 'paths of files in its folder', `${quoted(name)}, a link to another one`)
      left -= source.size
      if (left < 0) throw damaged(path, `at most ${MAX_BYTES} bytes of weights`, 'more')
      parts.push(await source.read(0, source.size))
    } finally {
      await source.close()
    }
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

/** Returns a weight whose bytes begin at a place, and their number. */
function weightOf(
  path: string,
  weight: JsonValue,
  data: Uint8Array,
  at: number
): { tensor: StoredTensor; size: number } {
  if (!isJsonObject(weight)) throw damaged(path, 'weights with names', 'others')
  const name = textIn(weight, 'name')
  const { shape, quantization } = weight
  const isQuantized = isJsonObject(quantization)
  const stored = textIn(isQuantized ? quantization : weight, 'dtype')
  const dtype = Object.hasOwn(types, stored) ? types[stored]! : null
  const isFloat = textIn(weight, 'dtype') === 'float32'
  if (dtype === null || !isFloat || (!isQuantized && dtype !== 'F32'))
    throw expected('ERR_UNSUPPORTED', `float32 for the weight ${quoted(name)} of ${path}, as it is or quantised to uint8, uint16 or float16,`, `${textIn(weight, 'dtype')} as ${stored}`, 'convert it without quantisation') // prettier-ignore
  const sizes = Array.isArray(shape) ? (shape as JsonValue[]) : [-1]
  const isShape = sizes.length <= 8 && sizes.every((size) => Number.isInteger(size) && (size as number) >= 0)
  const count = isShape ? elementCount(sizes as number[]) : -1
  if (count < 0) throw damaged(path, `a shape of the weight ${quoted(name)}`, JSON.stringify(shape))
  const size = count * { F32: 4, F16: 2, U16: 2, U8: 1 }[dtype as 'F32' | 'F16' | 'U16' | 'U8']
  if (at + size > data.length) throw damaged(path, `${at + size} bytes for the weight ${quoted(name)} in the files`, `${data.length}`) // prettier-ignore
  const [scale, min] = isQuantized && dtype.startsWith('U') ? [quantization['scale'], quantization['min']] : [1, 0]
  if (typeof scale !== 'number' || typeof min !== 'number') throw damaged(path, `scale and min of the weight ${quoted(name)}`, 'others') // prettier-ignore
  const read = async () => {
    const values = asArray(Uint8Array.from(data.subarray(at, at + size)), dtype)
    if (!dtype.startsWith('U')) return asFloat32(name, dtype, values)
    return Float32Array.from(values as Uint8Array, (value) => value * scale + min)
  }
  return { tensor: { name, dtype: 'F32', shape: sizes as number[], read }, size }
}
