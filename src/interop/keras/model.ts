// A model of Keras as a graph of ONNX in memory, which is recorded, run, saved and stepped like a graph from a file of ONNX.

import { expected } from '../../errors.js'
import { asFloat32 } from '../../io/float32.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import type { OnnxFile, OnnxValueInfo } from '../onnx/read.js'
import { innerLayer, isJsonObject, textIn, wrongConfig, type KerasConfig, type KerasLayer, type KerasRef } from './config.js' // prettier-ignore
import { KerasGraph, type KerasValue, type KerasWeight } from './graph.js'
import { KerasContext } from './layer-kind.js'
import { commonFaults, layerKinds } from './layers.js'
import type { KerasWeights } from './weights.js'

/** The types of elements of ONNX. */
const FLOAT = 1
const INT64 = 7

/** Makes the graph of a model. Throws ERR_UNSUPPORTED with all layers that are not supported before the weights are opened. */
export async function graphOf(config: KerasConfig, open: () => Promise<KerasWeights>): Promise<OnnxFile> {
  checkLayers(config)
  const inputs = inputsOf(config)
  const weights = await readWeights(config, await open())
  const graph = new KerasGraph()
  const recorder = new CallRecorder(config, graph, weights)
  const outputs = config.outputs.map((ref, i): OnnxValueInfo => {
    const value = recorder.valueOf(ref)
    const first = config.outputs.findIndex(({ layer }) => layer === ref.layer)
    const name = graph.unique(first === i ? ref.layer : `${ref.layer}.${ref.result}`)
    graph.nodes.push({ name, type: 'Identity', domain: '', inputs: [graph.ordered(value, false)], outputs: [name], attributes: new Map() }) // prettier-ignore
    return { name, type: FLOAT, shape: [] }
  })
  let bytes = 0
  for (const { data } of graph.constants.values()) bytes += data instanceof Float32Array ? data.byteLength : 8 * data.length // prettier-ignore
  const { path, version } = config
  return { path, bytes, operators: 17, producer: `keras ${version}`, nodes: graph.nodes, constants: graph.constants, inputs, outputs } // prettier-ignore
}

/** Returns the parts of a layer that are not supported, with its class and name. */
function faultsOf(path: string, layer: KerasLayer): string[] {
  const kind = layerKinds.get(layer.type)
  const called = `${layer.type} ${quoted(layer.name)}`
  if (!kind) return [called]
  const inner = isJsonObject(layer.config['layer']) ? commonFaults(innerLayer(path, layer)) : []
  const common = layer.type === 'InputLayer' ? [] : commonFaults(layer)
  const masks = layer.calls.flatMap(({ others }) => others.map((name) => `the argument ${quoted(name)}`))
  return [...common, ...inner, ...(kind.faults?.(path, layer) ?? []), ...masks].map((fault) => `${called} with ${fault}`) // prettier-ignore
}

function checkLayers({ path, layers }: KerasConfig): void {
  const found = layers.flatMap((layer) => faultsOf(path, layer))
  if (found.length === 0) return
  const shown = [...found.slice(0, 20), ...(found.length > 20 ? [`${found.length - 20} more`] : [])].join(', ')
  const what = `layers in ${path} that docs/interop.md lists`
  throw expected('ERR_UNSUPPORTED', what, shown, 'build the model without them, or export it to ONNX')
}

/** Returns the layers that read the results of each layer. */
function readersOf(layers: readonly KerasLayer[]): ReadonlyMap<string, ReadonlySet<KerasLayer>> {
  const readers = new Map<string, Set<KerasLayer>>(layers.map(({ name }) => [name, new Set()]))
  for (const layer of layers)
    for (const { inputs } of layer.calls) for (const ref of inputs) readers.get(ref.layer)?.add(layer)
  return readers
}

/** Returns the inputs in their order: integers where an embedding reads them. */
function inputsOf({ path, layers, inputs }: KerasConfig): OnnxValueInfo[] {
  const readers = readersOf(layers)
  const found = inputs.map((ref) => {
    const layer = layers.find(({ name, type }) => name === ref.layer && type === 'InputLayer')
    const shape = layer?.config['batch_shape'] ?? layer?.config['batch_input_shape']
    const isSize = (size: unknown) => size === null || (Number.isInteger(size) && (size as number) > 0)
    if (!layer || !Array.isArray(shape) || shape.length > 4 || !shape.every(isSize))
      throw wrongConfig(path, `the shape of the input ${quoted(ref.layer)}`, JSON.stringify(shape) ?? 'none')
    return { layer, shape: shape as (number | null)[] }
  })
  const free = found.filter(({ shape }) => shape.length > 1 && shape[1] === null).length
  return found.map(({ layer, shape }) => {
    const { name, config } = layer
    const all = [...(readers.get(name) ?? [])]
    const ids = all.filter(({ type }) => type === 'Embedding')
    const type = textIn(config, 'dtype') || 'float32'
    if ((ids.length > 0 && ids.length < all.length) || (ids.length === 0 && !/^(float32|mixed_)/.test(type)))
      throw expected('ERR_UNSUPPORTED', `the input ${quoted(name)} of ${path} as float32, or only as ids of embeddings`, ids.length > 0 ? 'both' : type, 'build the model with two inputs') // prettier-ignore
    const nameOf = (axis: number) => (axis === 0 ? 'batch' : axis > 1 ? null : free === 1 ? 'length' : `${name}_length`)
    return { name, type: ids.length > 0 ? INT64 : FLOAT, shape: shape.map((size, axis) => size ?? nameOf(axis)) }
  })
}

type LayerWeights = ReadonlyMap<string, ReadonlyMap<string, readonly KerasWeight[]>>

/** Reads the weights of all layers by name and place. */
async function readWeights({ path, layers }: KerasConfig, source: KerasWeights): Promise<LayerWeights> {
  const all = new Map<string, Map<string, KerasWeight[]>>()
  for (const layer of layers) {
    const places = layerKinds.get(layer.type)!.weights?.(path, layer) ?? []
    const own = new Map<string, KerasWeight[]>()
    all.set(layer.name, own)
    for (const [i, tensors] of source.take(layer, places).entries()) {
      const weights: KerasWeight[] = []
      for (const { name, dtype, shape, read } of tensors)
        weights.push({ shape, data: asFloat32(name, dtype, await read()) })
      own.set(places[i]!.place, weights)
    }
  }
  return all
}

/** Most calls of layers that wait for each other's results, one after the other: each takes some of the stack. */
const MAX_DEPTH = 2 ** 9

/** Adds the nodes of calls as their results are wanted, each once. */
class CallRecorder {
  readonly #config: KerasConfig
  readonly #graph: KerasGraph
  readonly #weights: LayerWeights
  readonly #layers: ReadonlyMap<string, KerasLayer>
  readonly #results = new Map<string, readonly KerasValue[] | null>()

  constructor(config: KerasConfig, graph: KerasGraph, weights: LayerWeights) {
    this.#config = config
    this.#graph = graph
    this.#weights = weights
    this.#layers = new Map(config.layers.map((layer) => [layer.name, layer]))
  }

  valueOf({ layer: name, call, result }: KerasRef, depth = 0): KerasValue {
    const { path } = this.#config
    const layer = this.#layers.get(name)
    const wanted = layer?.calls[call]
    if (!layer || !wanted)
      throw wrongConfig(path, 'calls of layers', `call ${call} of ${quoted(name)}, which is not there`)
    const key = `${call} ${name}`
    let results = this.#results.get(key)
    if (results === undefined) {
      if (depth > MAX_DEPTH) throw wrongConfig(path, `at most ${MAX_DEPTH} layers after each other`, 'more')
      this.#results.set(key, null)
      results = this.#record(layer, wanted.inputs, depth)
      this.#results.set(key, results)
    }
    if (results === null) throw wrongConfig(path, 'layers without circles', quoted(name))
    const value = results[result]
    if (value) return value
    throw wrongConfig(path, `a result of ${quoted(name)} below ${results.length}`, `${result}`)
  }

  #record(layer: KerasLayer, refs: readonly KerasRef[], depth: number): readonly KerasValue[] {
    const { path, version, inputs } = this.#config
    const kind = layerKinds.get(layer.type)!
    const context = new KerasContext({ graph: this.#graph, path, version }, this.#weights.get(layer.name)!)
    if (layer.type === 'InputLayer') {
      if (!inputs.some((ref) => ref.layer === layer.name)) throw wrongConfig(path, 'inputs of the model', quoted(layer.name)) // prettier-ignore
      const shape = (layer.config['batch_shape'] ?? layer.config['batch_input_shape']) as readonly unknown[]
      return [{ name: this.#graph.unique(layer.name), rank: shape.length, timeFirst: false }]
    }
    const values = refs.map((ref) => this.valueOf(ref, depth + 1))
    const isRecurrent = layer.type === 'Bidirectional' || layer.type in { LSTM: 0, GRU: 0, SimpleRNN: 0 }
    if (values.length < 1 || (values.length > 1 && !kind.isMerge && !isRecurrent)) throw context.wrongInputs(layer, values.length) // prettier-ignore
    return kind.record(context, layer, values)
  }
}
