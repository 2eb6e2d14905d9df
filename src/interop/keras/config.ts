// The configuration of a Keras model as a list of layers with the calls of each: Sequential and Functional models of Keras 1.2 to 3, and of tfjs.

import { expected, type GatecellError } from '../../errors.js'
import type { JsonObject, JsonValue } from '../../io/json.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { MAX_PORTS } from '../onnx/read.js'

/** A result of a layer: its name, the number of the call, and the number of the result. */
export interface KerasRef {
  readonly layer: string
  readonly call: number
  readonly result: number
}

/** A call of a layer. */
export interface KerasCall {
  readonly inputs: readonly KerasRef[]
  /** Arguments with other tensors than inputs and initial states, such as masks. */
  readonly others: readonly string[]
}

/** A layer. */
export interface KerasLayer {
  readonly type: string
  readonly name: string
  readonly config: JsonObject
  readonly calls: readonly KerasCall[]
}

/** The topology of a model. */
export interface KerasConfig {
  readonly path: string
  /** In the order of the model, in which files have their weights. */
  readonly layers: readonly KerasLayer[]
  readonly inputs: readonly KerasRef[]
  readonly outputs: readonly KerasRef[]
  /** The first number of the version of Keras; 0 if it is not in the file. */
  readonly version: number
}

const MAX_LAYERS = 2 ** 12

/** Returns whether a value of JSON is an object. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns the ERR_FILE_FORMAT for a configuration. */
export function wrongConfig(path: string, what: string, found: string): GatecellError {
  return expected(
    'ERR_FILE_FORMAT',
    `${what} in the configuration of ${path}`,
    found,
    'save the model with Keras again'
  )
}

/** Returns a text of a configuration; the empty one if it is left out. */
export function textIn(config: JsonObject, key: string): string {
  const value = config[key]
  return typeof value === 'string' ? value : ''
}

/** Returns a size of a configuration. Throws ERR_FILE_FORMAT. */
export function sizeIn(path: string, { name, config }: Pick<KerasLayer, 'name' | 'config'>, key: string): number {
  const value = config[key]
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value < 2 ** 31) return value
  throw wrongConfig(path, `a size as ${quoted(key)} of the layer ${quoted(name)}`, JSON.stringify(value) ?? 'none')
}

/** Returns the layer that another one wraps. Throws ERR_FILE_FORMAT. */
export function innerLayer(path: string, { name, config }: KerasLayer, key = 'layer'): KerasLayer {
  const inner = config[key]
  if (isJsonObject(inner) && isJsonObject(inner['config'])) {
    const own = inner['config']
    return { type: textIn(inner, 'class_name'), name: textIn(own, 'name') || name, config: own, calls: [] }
  }
  throw wrongConfig(path, `a layer as ${quoted(key)} of ${quoted(name)}`, 'another value')
}

/** Reads a configuration, as `model.to_json()` writes it. Throws ERR_FILE_FORMAT, and ERR_UNSUPPORTED for models that Python classes define. */
export function readKerasConfig(model: JsonObject, path: string, version: string): KerasConfig {
  const type = textIn(model, 'class_name')
  const major = Number(/^\d+/.exec(version)?.[0] ?? 0)
  const config = model['config']
  if (type === 'Sequential') return sequentialOf({ path, version: major, model })
  if ((type === 'Functional' || type === 'Model') && isJsonObject(config) && Array.isArray(config['layers']))
    return functionalOf({ path, version: major, config })
  throw expected('ERR_UNSUPPORTED', `a Sequential or Functional model in ${path}`, quoted(type || 'another object'), 'build the model with these, or export it to ONNX') // prettier-ignore
}

function layersOf(
  path: string,
  layers: JsonValue | undefined
): { type: string; name: string; entry: JsonObject; config: JsonObject }[] {
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS)
    throw wrongConfig(path, `a list of at most ${MAX_LAYERS} layers`, Array.isArray(layers) ? `${layers.length}` : 'another value') // prettier-ignore
  const names = new Set<string>()
  return (layers as JsonValue[]).map((entry) => {
    const config = isJsonObject(entry) ? entry['config'] : undefined
    if (!isJsonObject(entry) || !config) throw wrongConfig(path, 'layers with a configuration', 'another value')
    const own = isJsonObject(config) ? config : {}
    const name = textIn(own, 'name') || textIn(entry, 'name')
    if (name === '' || name.length > 256 || names.has(name))
      throw wrongConfig(path, 'a name of its own for each layer', quoted(name.slice(0, 256)))
    names.add(name)
    return { type: textIn(entry, 'class_name'), name, entry, config: own }
  })
}

const first = (layer: string): KerasRef => ({ layer, call: 0, result: 0 })

function sequentialOf({ path, version, model }: { path: string; version: number; model: JsonObject }): KerasConfig {
  const config = model['config']
  const found = layersOf(path, isJsonObject(config) ? config['layers'] : config)
  const layers: KerasLayer[] = []
  if (found[0]?.type !== 'InputLayer') {
    const shape = inputShape(found[0]?.config, isJsonObject(config) ? config : {}, model)
    if (!shape) throw expected('ERR_UNSUPPORTED', `a Sequential model with the shape of its input in ${path}`, 'none', 'save it after its first call, or add an Input') // prettier-ignore
    const dtype = textIn(found[0]?.config ?? {}, 'dtype')
    const name = `${found[0]?.name ?? 'model'}_input`
    layers.push({ type: 'InputLayer', name, config: { name, batch_shape: shape, dtype }, calls: [{ inputs: [], others: [] }] }) // prettier-ignore
  }
  for (const { type, name, config: own } of found) {
    const before = layers[layers.length - 1]
    layers.push({ type, name, config: own, calls: [{ inputs: before ? [first(before.name)] : [], others: [] }] })
  }
  const [input, output] = [layers[0]!, layers[layers.length - 1]!]
  return { path, layers, inputs: [first(input.name)], outputs: [first(output.name)], version }
}

function inputShape(layer: JsonObject | undefined, config: JsonObject, model: JsonObject): JsonValue[] | undefined {
  const build = model['build_config']
  const places = [layer?.['batch_input_shape'], layer?.['batch_shape'], config['build_input_shape'], isJsonObject(build) ? build['input_shape'] : undefined] // prettier-ignore
  return places.find((shape): shape is JsonValue[] => Array.isArray(shape))
}

function functionalOf({ path, version, config }: { path: string; version: number; config: JsonObject }): KerasConfig {
  const layers = layersOf(path, config['layers']).map(({ type, name, entry, config: own }): KerasLayer => {
    const nodes = entry['inbound_nodes']
    if (!Array.isArray(nodes)) throw wrongConfig(path, `the inputs of the layer ${quoted(name)}`, 'another value')
    const calls = (nodes as JsonValue[]).map((node) => callOf(node))
    return { type, name, config: own, calls: type === 'InputLayer' ? [{ inputs: [], others: [] }] : calls }
  })
  const refs = (key: string) => {
    const found = refsIn(config[key])
    if (found.length > 0 && found.length <= MAX_PORTS) return found
    throw wrongConfig(path, `1 to ${MAX_PORTS} names of layers as ${quoted(key)}`, `${found.length}`)
  }
  return { path, layers, inputs: refs('input_layers'), outputs: refs('output_layers'), version }
}

/** Returns the arguments of a call: of Keras 3 an object with args and kwargs, before it a list of references with keyword arguments. */
function callOf(node: JsonValue): KerasCall {
  if (!isJsonObject(node)) {
    const keywords = new Map<string, JsonObject[string]>()
    for (const one of Array.isArray(node) ? (node as JsonValue[]) : []) {
      const own = Array.isArray(one) ? (one as JsonValue[])[3] : undefined
      if (isJsonObject(own)) for (const [name, value] of Object.entries(own)) keywords.set(name, value)
    }
    return withKeywords(refsIn(node), Object.fromEntries(keywords))
  }
  const keywords = node['kwargs']
  return withKeywords(refsIn(node['args']), isJsonObject(keywords) ? keywords : {})
}

function withKeywords(inputs: readonly KerasRef[], keywords: JsonObject): KerasCall {
  const { initial_state: states, inputs: named, sequence, ...rest } = keywords
  const others = Object.entries(rest).filter(([, value]) => refsIn(value).length > 0)
  return {
    inputs: [...inputs, ...refsIn(named), ...refsIn(sequence), ...refsIn(states)],
    others: others.map(([name]) => name)
  }
}

/** Returns the references in a value of any form, in their order. */
function refsIn(value: JsonValue | undefined): KerasRef[] {
  if (Array.isArray(value)) {
    const [layer, call, result] = value as JsonValue[]
    if (typeof layer === 'string' && typeof call === 'number' && typeof result === 'number') return [{ layer, call, result }] // prettier-ignore
    return (value as JsonValue[]).flatMap((one) => refsIn(one))
  }
  if (!isJsonObject(value)) return []
  const { class_name: type, config } = value
  if (type === '__keras_tensor__' && isJsonObject(config)) return refsIn(config['keras_history'])
  return Object.values(value).flatMap((one) => refsIn(one))
}
