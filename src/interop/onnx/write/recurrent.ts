// LSTM, GRU and plain recurrent layers as nodes of ONNX: gates in its order, both biases in one tensor, states with a dimension of directions.

import { activationCodes } from '../../../graph/op-list.js'
import type { OpRecord } from '../../../graph/graph.js'
import type { OnnxAttributeValue } from '../../../io/onnx.js'
import { onnxOrders } from '../recurrent.js'
import type { OnnxWriter, WeightValues } from './writer.js'

type Cell = 'lstm' | 'gru' | 'rnn'
const types = { lstm: 'LSTM', gru: 'GRU', rnn: 'RNN' } as const
/** The places of attributes of a recurrent op (native/include/gatecell/ops.def). */
const places = { zoneoutC: 2, zoneoutH: 3, clip: 5, second: 6, functions: 7 } as const

/** Returns the parts of an op that ONNX lacks, in words. */
export function recurrentLacks(
  { name, inputs, outputs, attributes }: OpRecord,
  isUsed: (i: number) => boolean
): string[] {
  // prettier-ignore
  const lacks: string[] = []
  if ((attributes[places.zoneoutC] ?? 0) > 0 || (attributes[places.zoneoutH] ?? 0) > 0) lacks.push('zoneout')
  if (name === 'lstm' && inputs[9]) lacks.push('an output projection')
  if (name === 'lstm' && inputs[10]) lacks.push('layer normalisation inside the cell')
  if (outputs.some((_, i) => i >= (name === 'lstm' ? 3 : 2) && isUsed(i))) lacks.push('cells or gates of each step as outputs') // prettier-ignore
  return lacks
}

/** Returns blocks of values, ours in the order of ONNX. */
function inOrder(data: Float32Array, order: readonly number[]): Float32Array {
  const size = data.length / order.length
  const result = new Float32Array(data.length)
  for (const [from, to] of order.entries()) result.set(data.subarray(from * size, (from + 1) * size), to * size)
  return result
}

/** Returns the attributes of the functions of a cell; none for those that ONNX has by default. */
function functionsOf(name: Cell, attributes: readonly number[]): Record<string, OnnxAttributeValue> {
  const defaults = { lstm: ['Sigmoid', 'Tanh', 'Tanh'], gru: ['Sigmoid', 'Tanh'], rnn: ['Tanh'] }[name]
  const given = defaults.map((otherwise, i) => {
    const [code = 0, alpha = 0, beta = 0] = attributes.slice(places.functions + 3 * i, places.functions + 3 * i + 3)
    const [known, { parameters }] = Object.entries(activationCodes).find(([, one]) => one.code === code) ?? [otherwise, { parameters: 0 }] // prettier-ignore
    return { name: known.charAt(0).toUpperCase() + known.slice(1), values: [alpha, beta].slice(0, parameters) }
  })
  if (given.every(({ name }, i) => name === defaults[i])) return {}
  const [alphas, betas] = [0, 1].map((i) => given.flatMap(({ values }) => (values[i] === undefined ? [] : [values[i]]))) as [number[], number[]] // prettier-ignore
  return {
    activations: { strings: given.map(({ name }) => name) },
    ...(alphas.length > 0 && { activation_alpha: { floats: alphas } }),
    ...(betas.length > 0 && { activation_beta: { floats: betas } })
  }
}

/** Adds the weights of a layer and returns their names: W, R and, if the layer has biases, B. */
function weightsOf(writer: OnnxWriter, { name, inputs }: OpRecord): [w: string, r: string, b: string] {
  const order = onnxOrders[types[name as Cell]]
  const named = [1, 2, 3, 4].map((i) => (inputs[i] ? writer.parameterOf(inputs[i]) : null))
  const matrix = (parameter: string) => {
    const { shape, data } = writer.weight(parameter)
    return writer.addWeight(parameter, { shape: [1, ...shape], data: inOrder(data, order) }, 'of a node')
  }
  const [w = null, r = null, ih = null, hh = null] = named
  const rows = inputs[1]!.shape[0]!
  const bias = (): WeightValues => {
    const data = new Float32Array(2 * rows)
    if (ih !== null) data.set(inOrder(writer.weight(ih).data, order))
    if (hh !== null) data.set(inOrder(writer.weight(hh).data, order), rows)
    return { shape: [1, 2 * rows], data }
  }
  const b = (ih ?? hh)?.replace(/bias_[ih]h/, 'bias') ?? ''
  return [matrix(w!), matrix(r!), b === '' ? '' : writer.addWeight(b, bias(), 'of a node')]
}

/** Returns the initial state [1, B, H] of an op; one of all rows is a parameter [H]. */
function startOf(writer: OnnxWriter, { inputs, outputs }: OpRecord, index: number): string {
  const start = inputs[index]
  if (!start) return ''
  if (start.shape.length === 2) return writer.rowsOf(start)
  const [, batch, hidden] = writer.recording.shapeOf(outputs[0]!)
  return writer.add('Expand', [writer.nameOf(start), writer.sizes([{ factor: 1, dims: [] }, batch!, hidden!])])
}

/** Writes the node of a recurrent op. `isUsed` returns whether an output of it is read. */
export function writeRecurrent(writer: OnnxWriter, op: OpRecord, isUsed: (i: number) => boolean): void {
  const { name, inputs, outputs, attributes } = op
  const cell = name as Cell
  const hidden = inputs[2]!.shape[1]!
  const lengths = inputs[7] ? writer.nameOf(inputs[7]) : ''
  const given = [writer.nameOf(inputs[0]!), ...weightsOf(writer, op), lengths, startOf(writer, op, 5)]
  if (cell === 'lstm') given.push(startOf(writer, op, 6))
  const peephole = cell === 'lstm' && inputs[8] ? writer.parameterOf(inputs[8]) : null
  if (peephole !== null)
    given.push(writer.addWeight(peephole, { shape: [1, 3 * hidden], data: inOrder(writer.weight(peephole).data, onnxOrders.peephole) }, 'of a node')) // prettier-ignore
  while (given.at(-1) === '') given.pop()
  const y = writer.free(`${cell}_y`)
  const states = outputs.slice(1, cell === 'lstm' ? 3 : 2).map((state, i) => {
    return isUsed(i + 1) ? writer.setRows(state, writer.free(`${cell}_state`)) : ''
  })
  const results = [isUsed(0) ? y : '', ...states]
  while (results.at(-1) === '') results.pop()
  const { clip, second } = places
  const isSecond = (attributes[second] ?? 0) !== 0
  writer.addNode(types[cell], given, results, {
    hidden_size: hidden,
    direction: attributes[0] === 1 ? 'reverse' : 'forward',
    ...functionsOf(cell, attributes),
    ...((attributes[clip] ?? 0) > 0 && { clip: { float: attributes[clip]! } }),
    ...(cell === 'lstm' && isSecond && { input_forget: 1 }),
    ...(cell === 'gru' && { linear_before_reset: isSecond ? 0 : 1 })
  })
  if (isUsed(0)) writer.result(op, 'Squeeze', [y, writer.integers([1])])
}
