// The layers of Keras around recurrent layers, as nodes of ONNX.

import { expected } from '../../errors.js'
import type { JsonObject, JsonValue } from '../../io/json.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { innerLayer, isJsonObject, sizeIn, wrongConfig, type KerasLayer } from './config.js'
import { activationFaults, addActivation } from './activations.js'
import type { KerasValue } from './graph.js'
import type { KerasContext, LayerKind } from './layer-kind.js'
import { bidirectionalKind, recurrentKind } from './recurrent.js'

const same: LayerKind = { record: (_, __, [x]) => [x!] }

/** Returns the sizes of a configuration. */
function sizesIn(context: KerasContext, { name, config }: KerasLayer, key: string): number[] {
  const sizes = config[key]
  const isSize = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= -1 && value !== 0
  if (Array.isArray(sizes) && sizes.length <= 4 && sizes.every(isSize)) return sizes
  throw wrongConfig(context.path, `sizes as "${key}" of the layer "${name}"`, 'other values')
}

const dense: LayerKind = {
  faults: (_, { config }) => activationFaults(config['activation']),
  weights: (_, { config }) => [{ place: '', names: config['use_bias'] === false ? ['kernel'] : ['kernel', 'bias'] }],
  record(context, layer, [x]) {
    const { graph, version } = context
    const { name, config } = layer
    const [kernel, bias] = context.weights('')
    const units = sizeIn(context.path, layer, 'units')
    context.expectShape(layer, kernel!, [kernel!.shape[0] ?? 0, units])
    let y = graph.one('MatMul', name, [x!.name, graph.weight(`${name}.weight`, kernel!.shape, kernel!.data)])
    if (bias) {
      context.expectShape(layer, bias, [units])
      y = graph.one('Add', name, [y, graph.weight(`${name}.bias`, bias.shape, bias.data)])
    }
    return [addActivation(graph, name, config['activation'], { ...x!, name: y }, version)]
  }
}

const embedding: LayerKind = {
  faults: (_, { config }) => (config['mask_zero'] === true ? ['mask_zero'] : []),
  weights: () => [{ place: '', names: ['embeddings'] }],
  record(context, layer, [ids]) {
    const { graph, path } = context
    const [table] = context.weights('')
    context.expectShape(layer, table!, [sizeIn(path, layer, 'input_dim'), sizeIn(path, layer, 'output_dim')])
    const weight = graph.weight(`${layer.name}.weight`, table!.shape, table!.data)
    return [{ ...ids!, name: graph.one('Gather', layer.name, [weight, ids!.name]), rank: ids!.rank + 1 }]
  }
}

/** Returns the axis of a layer, of which Keras 2 writes a list; NaN for other values. */
function axisOf({ axis }: JsonObject): number {
  const [first] = Array.isArray(axis) ? (axis as JsonValue[]) : [axis]
  return typeof first === 'number' ? first : NaN
}

/** Normalisation with the means of the training: a factor and a number to add for each feature. */
const batchNormalization: LayerKind = {
  faults: (_, { config }) => ([-1, 1, 2, 3].includes(axisOf(config)) ? [] : ['an axis that is not the last one']),
  weights: (_, { config }) => [{ place: '', names: [...(config['scale'] === false ? [] : ['gamma']), ...(config['center'] === false ? [] : ['beta']), 'moving_mean', 'moving_variance'] }], // prettier-ignore
  record(context, layer, [x]) {
    const { graph } = context
    const { name, config } = layer
    const axis = axisOf(config)
    if (axis !== -1 && axis !== x!.rank - 1)
      throw expected('ERR_UNSUPPORTED', `the last axis for BatchNormalization ${quoted(name)} of ${context.path}`, `${axis}`, 'build the model with another axis') // prettier-ignore
    const all = context.weights('')
    const [mean, variance] = all.slice(-2) as [{ shape: readonly number[]; data: Float32Array }, { data: Float32Array }]
    const [gamma, beta] = [config['scale'] === false ? null : all[0]!, config['center'] === false ? null : all[all.length - 3]!] // prettier-ignore
    for (const one of all) context.expectShape(layer, one, [mean.data.length])
    const epsilon = typeof config['epsilon'] === 'number' ? config['epsilon'] : 1e-3
    const scale = variance.data.map((one, i) => (gamma?.data[i] ?? 1) / Math.sqrt(one + epsilon))
    const shift = mean.data.map((one, i) => (beta?.data[i] ?? 0) - one * scale[i]!)
    const scaled = graph.one('Mul', name, [x!.name, graph.weight(`${name}.scale`, mean.shape, scale)])
    return [{ ...x!, name: graph.one('Add', name, [scaled, graph.weight(`${name}.shift`, mean.shape, shift)]) }]
  }
}

/** Returns the kind of layers that change the shape: they take values batch-first. */
const reshaping = (shapeOf: (context: KerasContext, layer: KerasLayer) => number[]): LayerKind => ({
  record(context, layer, [x]) {
    const { graph } = context
    const shape = [0, ...shapeOf(context, layer)]
    const name = graph.one('Reshape', layer.name, [graph.ordered(x!, false), graph.integers(shape)])
    return [{ name, rank: shape.length, timeFirst: false }]
  }
})

const permute: LayerKind = {
  record(context, layer, [x]) {
    const dims = sizesIn(context, layer, 'dims')
    const name = context.graph.one('Transpose', layer.name, [context.graph.ordered(x!, false)], { perm: [0, ...dims] })
    return [{ name, rank: dims.length + 1, timeFirst: false }]
  }
}

const MAX_REPEATS = 2 ** 10

const repeat: LayerKind = {
  faults: (path, layer) => (sizeIn(path, layer, 'n') > MAX_REPEATS ? [`more than ${MAX_REPEATS} repeats`] : []),
  record(context, layer, [x]) {
    const { graph, path } = context
    const row = graph.one('Unsqueeze', layer.name, [x!.name, graph.integers([0])])
    const rows = new Array<string>(sizeIn(path, layer, 'n')).fill(row)
    return [{ name: graph.one('Concat', layer.name, rows, { axis: 0 }), rank: 3, timeFirst: true }]
  }
}

const activation: LayerKind = {
  faults: (_, { config }) => activationFaults(config['activation']),
  record: ({ graph, version }, { name, config }, [x]) => [addActivation(graph, name, config['activation'], x!, version)]
}

const relu: LayerKind = {
  faults: (_, { config }) => ['max_value', 'negative_slope', 'threshold'].filter((key) => Boolean(config[key])),
  record: ({ graph }, { name }, [x]) => [{ ...x!, name: graph.one('Relu', name, [x!.name]) }]
}

const softmax: LayerKind = {
  faults: (_, { config }) => ((config['axis'] ?? -1) === -1 ? [] : ['an axis that is not the last one']),
  record: ({ graph }, { name }, [x]) => [{ ...x!, name: graph.one('Softmax', name, [x!.name], { axis: -1 }) }]
}

/** Returns the inputs of a layer in one order: that which all of them have, or batch-first. */
function alike(context: KerasContext, inputs: readonly KerasValue[]): { names: string[]; value: KerasValue } {
  const timeFirst = inputs.every((one) => one.timeFirst)
  const rank = Math.max(...inputs.map((one) => one.rank))
  return { names: inputs.map((one) => context.graph.ordered(one, timeFirst)), value: { name: '', rank, timeFirst } }
}

/** Returns the kind of layers that join inputs element by element. */
const merging = (type: 'Add' | 'Mul' | 'Sub', isMean = false): LayerKind => ({
  isMerge: true,
  record(context, { name }, inputs) {
    const { graph } = context
    const { names, value } = alike(context, inputs)
    const joined = names.reduce((all, one) => graph.one(type, name, [all, one]))
    return [
      { ...value, name: isMean ? graph.one('Mul', name, [joined, graph.number(name, 1 / names.length)]) : joined }
    ]
  }
})

const concatenate: LayerKind = {
  isMerge: true,
  record(context, layer, inputs) {
    const { graph } = context
    const { names, value } = alike(context, inputs)
    const given = layer.config['axis']
    const axis = typeof given === 'number' && Number.isInteger(given) ? (given < 0 ? given + value.rank : given) : value.rank - 1 // prettier-ignore
    if (axis < 1 || axis >= value.rank) throw wrongConfig(context.path, `an axis of the inputs of "${layer.name}"`, `${axis}`) // prettier-ignore
    const own = value.timeFirst && axis === 1 ? 0 : axis
    return [{ ...value, name: graph.one('Concat', layer.name, names, { axis: own }) }]
  }
}

/** Layers that treat each row of features by itself, which TimeDistributed may wrap. */
const byRow: Readonly<Record<string, LayerKind>> = {
  Dense: dense,
  Activation: activation,
  ReLU: relu,
  Softmax: softmax,
  Dropout: same,
  GaussianNoise: same,
  GaussianDropout: same,
  AlphaDropout: same,
  ActivityRegularization: same,
  Identity: same
}

const timeDistributed: LayerKind = {
  faults(path, layer) {
    const inner = innerLayer(path, layer)
    const kind = byRow[inner.type]
    return kind ? (kind.faults?.(path, inner) ?? []) : [`the layer ${inner.type}`]
  },
  weights(path, layer) {
    const inner = innerLayer(path, layer)
    const own = byRow[inner.type]!.weights?.(path, inner) ?? []
    return own.map(({ names }) => ({ place: 'layer', names }))
  },
  record(context, layer, inputs) {
    const inner = innerLayer(context.path, layer)
    const own = { ...inner, name: layer.name }
    return byRow[inner.type]!.record(context.at('layer'), own, inputs)
  }
}

/** The supported layers by class. InputLayer has no call. */
export const layerKinds: ReadonlyMap<string, LayerKind> = new Map(
  Object.entries({
    ...byRow,
    InputLayer: same,
    LSTM: recurrentKind,
    GRU: recurrentKind,
    SimpleRNN: recurrentKind,
    Bidirectional: bidirectionalKind,
    TimeDistributed: timeDistributed,
    Embedding: embedding,
    BatchNormalization: batchNormalization,
    SpatialDropout1D: same,
    Flatten: reshaping(() => [-1]),
    Reshape: reshaping((context, layer) => sizesIn(context, layer, 'target_shape')),
    Permute: permute,
    RepeatVector: repeat,
    Add: merging('Add'),
    Subtract: merging('Sub'),
    Multiply: merging('Mul'),
    Average: merging('Add', true),
    Concatenate: concatenate
  })
)

/** Returns the parts of every layer that are not supported: types of numbers, quantised weights, adapters. */
export function commonFaults({ config }: KerasLayer): string[] {
  const { dtype } = config
  const policy = isJsonObject(dtype) && isJsonObject(dtype['config']) ? dtype['config']['name'] : dtype
  const name = typeof policy === 'string' ? policy : policy ? 'of another form' : ''
  const isFloat = ['', 'float32', 'mixed_float16', 'mixed_bfloat16'].includes(name)
  const set = ['quantization_config', 'lora_rank', 'quantization_mode'].filter((key) => Boolean(config[key]))
  return [...(isFloat ? [] : [`the type ${name}`]), ...set]
}
