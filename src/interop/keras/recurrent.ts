// LSTM, GRU and SimpleRNN layers of Keras as nodes of ONNX, and two of them in Bidirectional. Keras has the gates i, f, c, o and z, r, h, kernels
// [inputs, gates], and biases that are one row, or two of a GRU with reset_after.

import type { OnnxAttribute } from '../onnx/read.js'
import { innerLayer, sizeIn, textIn, type KerasLayer } from './config.js'
import { activationName } from './activations.js'
import { transposedWeight, type KerasGraph, type KerasValue } from './graph.js'
import { blocksInOrder } from '../tensors/strided.js'
import type { KerasContext, LayerKind } from './layer-kind.js'

/** The functions of recurrent layers in ONNX, with their parameters; hard_sigmoid has others before Keras 3. */
const functions: Readonly<Record<string, readonly [name: string, alpha?: number, beta?: number]>> = {
  sigmoid: ['Sigmoid'],
  tanh: ['Tanh'],
  relu: ['Relu'],
  softsign: ['Softsign'],
  softplus: ['Softplus'],
  elu: ['Elu', 1],
  leaky_relu: ['LeakyRelu', 0.2],
  linear: ['Affine', 1, 0],
  hard_sigmoid: ['HardSigmoid', 1 / 6, 0.5]
}

/** The types by class: the operator, and the places in ONNX of the gates of Keras. */
const cells: Readonly<Record<string, { operator: 'LSTM' | 'GRU' | 'RNN'; order: readonly number[] }>> = {
  LSTM: { operator: 'LSTM', order: [0, 3, 1, 2] },
  GRU: { operator: 'GRU', order: [0, 1, 2] },
  SimpleRNN: { operator: 'RNN', order: [0] }
}

/** Returns the names of the functions of a layer in the order of ONNX. */
function activationsOf({ type, config }: KerasLayer): (string | null)[] {
  const own = activationName(config['activation'] ?? null)
  if (type === 'SimpleRNN') return [own]
  const gates = activationName(config['recurrent_activation'] ?? null)
  return type === 'LSTM' ? [gates, own, own] : [gates, own]
}

/** Returns the attributes for functions, with the parameters of those that have some. */
function functionAttributes(names: readonly (string | null)[], version: number): Record<string, OnnxAttribute> {
  const chosen = names.map((name) =>
    name === 'hard_sigmoid' && version < 3 ? (['HardSigmoid', 0.2, 0.5] as const) : functions[name!]!
  )
  const [alphas, betas] = [chosen.flatMap(([, alpha]) => alpha ?? []), chosen.flatMap(([, , beta]) => beta ?? [])]
  return {
    activations: chosen.map(([name]) => name),
    ...(alphas.length > 0 && { activation_alpha: alphas }),
    ...(betas.length > 0 && { activation_beta: betas })
  }
}

function faultsOf(layer: KerasLayer): string[] {
  const { config } = layer
  const set = ['stateful', 'time_major'].filter((name) => config[name] === true)
  const odd = activationsOf(layer).filter((name) => name === null || !Object.hasOwn(functions, name))
  return [...set, ...new Set(odd.map((name) => `the activation ${name ?? 'of Python code'}`))]
}

/** Adds the weights of a cell and returns the names of W, R and B. */
function weightsOf(context: KerasContext, layer: KerasLayer, name: string, place: string): [string, string, string] {
  const { graph, path } = context
  const { order } = cells[layer.type]!
  const hidden = sizeIn(path, layer, 'units')
  const rows = order.length * hidden
  const names: [string, string, string] = [`${name}.W`, `${name}.R`, `${name}.B`]
  const hasBias = layer.config['use_bias'] !== false
  if (graph.constants.has(names[0])) return hasBias ? names : [names[0], names[1], '']
  const [kernel, recurrent, bias] = context.weights(place)
  const width = kernel!.shape[0] ?? 0
  context.expectShape(layer, kernel!, [width, rows])
  context.expectShape(layer, recurrent!, [hidden, rows])
  graph.weight(names[0], [1, rows, width], blocksInOrder(transposedWeight(kernel!), order))
  graph.weight(names[1], [1, rows, hidden], blocksInOrder(transposedWeight(recurrent!), order))
  if (!bias) return [names[0], names[1], '']
  const isTwo = layer.type === 'GRU' && isResetAfter(layer)
  context.expectShape(layer, bias, isTwo ? [2, rows] : [rows])
  const values = new Float32Array(2 * rows)
  values.set(isTwo ? bias.data : blocksInOrder(bias.data, order))
  graph.weight(names[2], [1, 2 * rows], values)
  return names
}

/** Whether the reset gate is applied after the product. A configuration without the setting is from a version that applied it before. */
const isResetAfter = ({ config }: KerasLayer) => config['reset_after'] === true

/** The results of a cell: all steps [T, B, H], the last one, and the states [B, H]. */
interface CellResults {
  readonly sequence: KerasValue
  readonly states: readonly KerasValue[]
}

interface CellCall {
  readonly layer: KerasLayer
  readonly name: string
  /** The place of its weights. */
  readonly place: string
  readonly reverse: boolean
  readonly x: KerasValue
  readonly initial: readonly KerasValue[]
}

/** Adds the node of a cell. */
function addCell(context: KerasContext, { layer, name, place, reverse, x, initial }: CellCall): CellResults {
  const { graph, path, version } = context
  const { operator } = cells[layer.type]!
  const [w, r, b] = weightsOf(context, layer, name, place)
  const attributes: Record<string, OnnxAttribute> = {
    hidden_size: sizeIn(path, layer, 'units'),
    direction: reverse ? 'reverse' : 'forward',
    ...functionAttributes(activationsOf(layer), version),
    ...(operator === 'GRU' && { linear_before_reset: isResetAfter(layer) ? 1 : 0 })
  }
  const zero = graph.integers([0])
  const states = initial.map((state) => graph.one('Unsqueeze', name, [state.name, zero]))
  const inputs = [graph.ordered(x, true), w, r, b, '', ...states]
  const [y, ...last] = graph.add(operator, name, inputs, attributes, operator === 'LSTM' ? 3 : 2)
  const sequence = graph.one('Squeeze', name, [y!, graph.integers([1])])
  return {
    sequence: { name: sequence, rank: 3, timeFirst: true },
    states: last.map((state) => ({ name: graph.one('Squeeze', name, [state, zero]), rank: 2, timeFirst: false }))
  }
}

/** Returns a sequence from its last step to its first. */
function reversed(graph: KerasGraph, name: string, sequence: KerasValue): KerasValue {
  const [start, end, zero] = [graph.integers([-1]), graph.integers([-(2 ** 31)]), graph.integers([0])]
  return { ...sequence, name: graph.one('Slice', name, [sequence.name, start, end, zero, start]) }
}

const weightNames = ({ config }: KerasLayer) => ['kernel', 'recurrent_kernel', ...(config['use_bias'] === false ? [] : ['bias'])] // prettier-ignore
/** The number of states of a cell. */
const statesOf = ({ type }: KerasLayer) => (type === 'LSTM' ? 2 : 1)

/** Layers with one direction. */
export const recurrentKind: LayerKind = {
  faults: (_, layer) => faultsOf(layer),
  weights: (_, layer) => [{ place: 'cell', names: weightNames(layer) }],
  record(context, layer, [x, ...initial]) {
    const { config, name } = layer
    if (![0, statesOf(layer)].includes(initial.length)) throw context.wrongInputs(layer, initial.length + 1)
    const reverse = config['go_backwards'] === true
    const { sequence, states } = addCell(context, { layer, name, place: 'cell', reverse, x: x!, initial })
    const all = reverse && config['return_sequences'] === true ? reversed(context.graph, name, sequence) : sequence
    const output = config['return_sequences'] === true ? all : states[0]!
    return config['return_state'] === true ? [output, ...states] : [output]
  }
}

/** The two layers of a Bidirectional layer; without a second one it is like the first. */
function directionsOf(path: string, layer: KerasLayer): [forward: KerasLayer, backward: KerasLayer] {
  const forward = innerLayer(path, layer)
  return [forward, layer.config['backward_layer'] ? innerLayer(path, layer, 'backward_layer') : forward]
}

const merges: Readonly<Record<string, string>> = { sum: 'Add', mul: 'Mul', ave: 'Add' }

/** Returns the results of both directions as one. */
function merged(graph: KerasGraph, name: string, mode: string, a: KerasValue, b: KerasValue): KerasValue {
  if (mode === 'concat') return { ...a, name: graph.one('Concat', name, [a.name, b.name], { axis: a.rank - 1 }) }
  const joined = graph.one(merges[mode]!, name, [a.name, b.name])
  return { ...a, name: mode === 'ave' ? graph.one('Mul', name, [joined, graph.number(name, 0.5)]) : joined }
}

/** Layers with two directions. */
export const bidirectionalKind: LayerKind = {
  faults(path, layer) {
    const mode = textIn(layer.config, 'merge_mode')
    const odd = mode !== 'concat' && !Object.hasOwn(merges, mode) ? [`the merge mode ${mode || 'None'}`] : []
    const inner = directionsOf(path, layer).flatMap((one) =>
      Object.hasOwn(cells, one.type) ? faultsOf(one) : [`the layer ${one.type}`]
    )
    const isBackward = innerLayer(path, layer).config['go_backwards'] === true
    return [...odd, ...new Set(inner), ...(isBackward ? ['go_backwards of its forward layer'] : [])]
  },
  weights(path, layer) {
    const [forward, backward] = directionsOf(path, layer)
    return [
      { place: 'forward_layer/cell', names: weightNames(forward) },
      { place: 'backward_layer/cell', names: weightNames(backward) }
    ]
  },
  record(context, layer, [x, ...initial]) {
    const [forward, backward] = directionsOf(context.path, layer)
    const count = statesOf(forward)
    if (initial.length !== 0 && initial.length !== count + statesOf(backward)) throw context.wrongInputs(layer, initial.length + 1) // prettier-ignore
    const cell = (which: 'forward' | 'backward', inner: KerasLayer, states: readonly KerasValue[]) =>
      addCell(context, { layer: inner, name: `${layer.name}.${which}`, place: `${which}_layer/cell`, reverse: which === 'backward', x: x!, initial: states }) // prettier-ignore
    const a = cell('forward', forward, initial.slice(0, count))
    const b = cell('backward', backward, initial.slice(count))
    const isSequence = forward.config['return_sequences'] === true
    const [y, z] = isSequence ? [a.sequence, b.sequence] : [a.states[0]!, b.states[0]!]
    const output = merged(context.graph, layer.name, textIn(layer.config, 'merge_mode'), y, z)
    return forward.config['return_state'] === true ? [output, ...a.states, ...b.states] : [output]
  }
}
