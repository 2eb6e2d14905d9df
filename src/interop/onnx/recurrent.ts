// LSTM, GRU and RNN nodes of ONNX as our recurrent ops: gates in our order, a parameter for each direction, states and outputs with their dimension
// of directions.

import type { Activation, ActivationName } from '../../graph/ops/activations.js'
import type { Tensor } from '../../graph/graph.js'
import { concat, gru, lstm, permute, rnn, slice } from '../../graph/ops/index.js'
import { sizeOf } from '../../graph/shape.js'
import { blocksInOrder } from '../tensors/strided.js'
import {
  isConstant,
  listAttribute,
  numberAttribute,
  plainName,
  shaped,
  type OnnxRecorder,
  type OnnxValueOf
} from './recorder.js'
import type { OnnxConstant, OnnxNode } from './read.js'

/** The places of our gates i, f, g, o (LSTM) and r, z, n (GRU) in ONNX: i, o, f, c and z, r, h; of our peepholes i, f, o: i, o, f. */
export const onnxOrders = { LSTM: [0, 2, 3, 1], GRU: [1, 0, 2], RNN: [0], peephole: [0, 2, 1] } as const
type RecurrentType = 'LSTM' | 'GRU' | 'RNN'
/** Number of functions of a direction. */
const functions = { LSTM: 3, GRU: 2, RNN: 1 } as const
/** Our names of the functions of ONNX, which are in small letters here, with the number of parameters that each takes. */
const known: Readonly<Record<string, readonly [name: ActivationName, parameters: 0 | 1 | 2]>> = {
  sigmoid: ['sigmoid', 0],
  tanh: ['tanh', 0],
  relu: ['relu', 0],
  softsign: ['softsign', 0],
  softplus: ['softplus', 0],
  elu: ['elu', 1],
  leakyrelu: ['leakyRelu', 1],
  thresholdedrelu: ['thresholdedRelu', 1],
  affine: ['affine', 2],
  hardsigmoid: ['hardSigmoid', 2],
  scaledtanh: ['scaledTanh', 2]
}

const namesOf = ({ attributes }: OnnxNode) => {
  const value = attributes.get('activations')
  return (Array.isArray(value) ? value : []) as readonly string[]
}

const directionNames: ReadonlySet<string> = new Set(['forward', 'reverse', 'bidirectional'])

/** Returns the parts of a node that are not supported, in words. */
export function recurrentFaults(node: OnnxNode): string[] {
  const names = namesOf(node).map(String)
  const other = names.find((name) => !Object.hasOwn(known, name.toLowerCase()))
  const given = node.attributes.get('direction') ?? 'forward'
  const direction = typeof given === 'string' ? given : 'of another type'
  const count = functions[node.type as RecurrentType] * (direction === 'bidirectional' ? 2 : 1)
  if (!directionNames.has(direction)) return [`the direction ${direction}`]
  if (other !== undefined) return [`the activation ${other}`]
  return names.length === 0 || names.length === count ? [] : [`${names.length} activations instead of ${count}`]
}

/** Returns the functions of a direction; none if they are the default ones. alpha and beta are taken in order by the functions that have one. */
function activationsOf(node: OnnxNode, direction: number): readonly Activation[] {
  const [alphas, betas] = ['activation_alpha', 'activation_beta'].map((name) => [...(listAttribute(node, name) ?? [])]) as [number[], number[]] // prettier-ignore
  const all = namesOf(node).map((given): Activation => {
    const [name, parameters] = known[given.toLowerCase()]!
    const [alpha, beta] = [parameters > 0 ? alphas.shift() : undefined, parameters > 1 ? betas.shift() : undefined]
    return { name, ...(alpha !== undefined && { alpha }), ...(beta !== undefined && { beta }) }
  })
  const count = functions[node.type as RecurrentType]
  return all.slice(direction * count, (direction + 1) * count)
}

/** Returns the part of a constant for a direction, without a copy of floats. */
function partOf({ data }: OnnxConstant, direction: number, directions: number): Float32Array {
  const size = data.length / directions
  const floats = data instanceof Float32Array ? data : Float32Array.from(data)
  return floats.subarray(direction * size, (direction + 1) * size)
}

/** A recurrent node whose sizes were checked. */
interface Layer {
  readonly recorder: OnnxRecorder
  readonly node: OnnxNode
  readonly directions: number
  readonly hidden: number
  readonly width: number
  readonly batchFirst: boolean
}

function layerOf(recorder: OnnxRecorder, node: OnnxNode): Layer {
  const [w, r] = [recorder.constant(node, 1), recorder.constant(node, 2)]
  const gates = onnxOrders[node.type as RecurrentType].length
  const direction = node.attributes.get('direction') ?? 'forward'
  const directions = direction === 'bidirectional' ? 2 : 1
  const [, , hidden = 0] = r?.shape ?? []
  const [, , width = 0] = w?.shape ?? []
  const fits = w?.shape.join() === [directions, gates * hidden, width].join() && r?.shape.join() === [directions, gates * hidden, hidden].join() // prettier-ignore
  if (!fits || hidden < 1 || numberAttribute(node, 'hidden_size', hidden) !== hidden)
    throw recorder.refuse(node, `W [${directions}, ${gates}H, I] and R [${directions}, ${gates}H, H]`, `[${w?.shape.join(', ')}] and [${r?.shape.join(', ')}]`) // prettier-ignore
  return { recorder, node, directions, hidden, width, batchFirst: numberAttribute(node, 'layout', 0) === 1 }
}

/** Returns the parameters of a direction. */
function weightsOf({ recorder, node, directions, hidden, width }: Layer, direction: number, reverse: boolean) {
  const order = onnxOrders[node.type as RecurrentType]
  const rows = order.length * hidden
  const [w, r, b] = [1, 2, 3].map((index) => recorder.constant(node, index))
  if (b && sizeOf(b.shape) !== directions * 2 * rows)
    throw recorder.refuse(node, `B [${directions}, ${2 * rows}]`, `[${b.shape.join(', ')}]`)
  const add = (kind: string, of: OnnxConstant, shape: readonly number[], cut: (part: Float32Array) => Float32Array) => {
    const name = `${plainName(node.name)}.${kind}_l0${reverse ? '_reverse' : ''}`
    const owner = { of, form: `${node.type} ${kind} ${direction}`, name }
    return recorder.parameter(owner, shape, () => blocksInOrder(cut(partOf(of, direction, directions)), order))
  }
  const whole = (part: Float32Array) => part
  return {
    weightIh: add('weight_ih', w!, [rows, width], whole),
    weightHh: add('weight_hh', r!, [rows, hidden], whole),
    biasIh: b ? add('bias_ih', b, [rows], (part) => part.subarray(0, rows)) : null,
    biasHh: b ? add('bias_hh', b, [rows], (part) => part.subarray(rows)) : null
  }
}

/** Returns the peepholes of a direction; null if there are none. */
function peepholeOf({ recorder, node, directions, hidden }: Layer, direction: number, reverse: boolean): Tensor | null {
  const values = recorder.constant(node, 7)
  if (!values) return null
  if (sizeOf(values.shape) !== directions * 3 * hidden)
    throw recorder.refuse(node, `P [${directions}, ${3 * hidden}]`, `[${values.shape.join(', ')}]`)
  const name = `${plainName(node.name)}.weight_peephole_l0${reverse ? '_reverse' : ''}`
  const owner = { of: values, form: `peephole ${direction}`, name }
  return recorder.parameter(owner, [3 * hidden], () =>
    blocksInOrder(partOf(values, direction, directions), onnxOrders.peephole)
  )
}

/** An initial state, or null for zeros; `carried` if the layer carries it from run to run. */
interface InitialState {
  readonly value: Tensor | null
  readonly carried: boolean
}

/** Returns the initial state [B, H] of a direction. */
function stateOf(
  { recorder, node, batchFirst, hidden }: Layer,
  index: number,
  direction: number,
  batch: number
): InitialState {
  const value = recorder.input(node, index)
  if (value === null || (isConstant(value) && (value.data as Float32Array).every((one) => one === 0))) {
    if (!recorder.carries) return { value: null, carried: false }
    return {
      value: recorder.state(`${plainName(node.name)}.${index === 5 ? 'h' : 'c'}`, [batch, hidden]),
      carried: true
    }
  }
  if (recorder.carries && isConstant(value))
    throw recorder.refuse(node, 'initial states that are zeros or inputs', 'constants', 'run whole sequences')
  const states = recorder.tensor(node, index)
  if (states.shape.length !== 3)
    throw recorder.refuse(node, 'initial states of three dimensions', `[${states.shape.join(', ')}]`)
  const axis = batchFirst ? 1 : 0
  const one = states.shape[axis] === 1 ? states : slice(states, axis, direction, direction + 1)
  return { value: shaped(one, [batch, hidden]), carried: false }
}

/** Returns the numbers of steps of the rows; null if all have all steps. */
function lengthsOf({ recorder, node }: Layer, steps: number): Tensor | null {
  const value = recorder.input(node, 4)
  if (value === null) return null
  if (!isConstant(value)) return value
  if ((value.data as number[]).every((one) => one === steps)) return null
  throw recorder.refuse(node, 'sequence_lens as an input of the model', 'a constant')
}

/** The inputs of a direction. */
interface Direction {
  readonly x: Tensor
  readonly lengths: Tensor | null
  readonly reverse: boolean
  readonly direction: number
}

/** Records the op of a direction. */
function cellOf(layer: Layer, given: Direction): { y: Tensor; h: Tensor; c?: Tensor } {
  const { node } = layer
  const { x, lengths, reverse, direction } = given
  const clip = numberAttribute(node, 'clip', 0)
  const [f, g, h] = activationsOf(node, direction)
  const first = stateOf(layer, 5, direction, x.shape[1]!)
  const weights = weightsOf(layer, direction, reverse)
  const inputs = { x, ...weights, h0: first.value, lengths, reverse, ...(clip > 0 && { clip }) }
  const carry = ({ value, carried }: InitialState, last: Tensor) => carried && x.graph.carry(last, value!)
  if (node.type !== 'LSTM') {
    const resetAfter = numberAttribute(node, 'linear_before_reset', 0) !== 0
    const result =
      node.type === 'RNN'
        ? rnn({ ...inputs, ...(f && { activation: f }) })
        : gru({ ...inputs, resetAfter, ...(f && g && { activations: { gates: f, candidate: g } }) })
    carry(first, result.h)
    return result
  }
  const cell = stateOf(layer, 6, direction, x.shape[1]!)
  const peephole = peepholeOf(layer, direction, reverse)
  const coupled = numberAttribute(node, 'input_forget', 0) !== 0
  const activations = f && g && h && { activations: { gates: f, cell: g, output: h } }
  const result = lstm({ ...inputs, c0: cell.value, peephole, coupled, ...activations })
  carry(first, result.h)
  carry(cell, result.c)
  return result
}

/** Records a node and returns Y, Y_h and, of an LSTM, Y_c. */
export function recordRecurrent(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const layer = layerOf(recorder, node)
  const { directions, batchFirst, hidden } = layer
  const given = recorder.tensor(node, 0)
  if (given.shape.length !== 3) throw recorder.refuse(node, 'X of three dimensions', `[${given.shape.join(', ')}]`)
  const x = batchFirst ? permute(given, [1, 0, 2]) : given
  const [steps, batch] = x.shape as [number, number]
  recorder.sequences.push({ steps, batch })
  const lengths = lengthsOf(layer, steps)
  const isReverse = (direction: number) => direction === 1 || node.attributes.get('direction') === 'reverse'
  if (recorder.carries && (directions === 2 || isReverse(0)))
    throw recorder.refuse(node, 'layers of the forward direction to step', 'another direction', 'run whole sequences')
  const [ys, hs, cs]: [Tensor[], Tensor[], Tensor[]] = [[], [], []]
  for (let direction = 0; direction < directions; direction++) {
    const result = cellOf(layer, { x, lengths, reverse: isReverse(direction), direction })
    ys.push(
      batchFirst
        ? shaped(permute(result.y, [1, 0, 2]), [batch, steps, 1, hidden])
        : shaped(result.y, [steps, 1, batch, hidden])
    )
    const state = batchFirst ? [batch, 1, hidden] : [1, batch, hidden]
    hs.push(shaped(result.h, state))
    if (result.c) cs.push(shaped(result.c, state))
  }
  const joined = (parts: Tensor[], axis: number) => (parts.length === 1 ? parts[0]! : concat(parts, axis))
  const states = [hs, cs].filter((parts) => parts.length > 0).map((parts) => joined(parts, batchFirst ? 1 : 0))
  return [joined(ys, batchFirst ? 2 : 1), ...states]
}
