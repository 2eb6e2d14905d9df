// Our ops as nodes of ONNX, operator set 17. An op that is not in the table is refused by its name.

import { mapCodes } from '../../../graph/op-list.js'
import type { OpName } from '../../../graph/opcodes.js'
import type { OpRecord, Tensor } from '../../../graph/graph.js'
import { transposedWeight } from '../../keras/graph.js'
import { writeAttention } from './attention.js'
import { rearrangeLacks, writeRearrange } from './rearrange.js'
import { recurrentLacks, writeRecurrent } from './recurrent.js'
import { sameSize, type OnnxWriter, type WeightValues } from './writer.js'

/** Returns whether an output of an op is read. */
export type IsUsed = (output: number) => boolean

/** An op as nodes. */
interface WrittenOp {
  /** Returns the parts of an op that cannot be written, in words. */
  lacks?(op: OpRecord, isUsed: IsUsed, other: OpRecord): string[]
  write(writer: OnnxWriter, op: OpRecord, isUsed: IsUsed): void
}

/** The type FLOAT and the type BOOL of the operator Cast. */
const [FLOAT, BOOL] = [1, 9]
/** The end of a slice of everything, and that of one with the step -1. */
const [END, BEFORE] = [2n ** 63n - 1n, -(2n ** 63n) + 1n]

const named = (writer: OnnxWriter, { inputs }: OpRecord) => inputs.map((input) => (input ? writer.nameOf(input) : ''))
const plain = (type: string): WrittenOp => ({ write: (writer, op) => writer.result(op, type, named(writer, op)) })

function linear(writer: OnnxWriter, op: OpRecord): void {
  const [x, weight, bias] = op.inputs as [Tensor, Tensor, Tensor | null]
  const parameter = writer.parameterOf(weight)
  const matrix = ({ shape, data }: WeightValues) => ({ shape: [...shape].reverse(), data: transposedWeight({ shape, data }) }) // prettier-ignore
  const factor = parameter === null
      ? writer.add('Transpose', [writer.nameOf(weight)], { perm: [1, 0] })
      : writer.addWeight(parameter, matrix(writer.weight(parameter)), 'transposed') // prettier-ignore
  if (!bias) return writer.result(op, 'MatMul', [writer.nameOf(x), factor])
  const products = writer.add('MatMul', [writer.nameOf(x), factor])
  writer.result(op, 'Add', [products, writer.nameOf(bias)])
}

function affine(writer: OnnxWriter, op: OpRecord): void {
  const [scale = 1, shift = 0] = op.attributes
  const scaled = writer.add('Mul', [named(writer, op)[0]!, writer.floats([scale], true)])
  writer.result(op, 'Add', [scaled, writer.floats([shift], true)])
}

function slice(writer: OnnxWriter, op: OpRecord): void {
  const [axis = 0, begin = 0] = op.attributes
  const { shapeOf } = writer.recording
  const [size, all] = [op.outputs[0]!, op.inputs[0]!].map((tensor) => shapeOf(tensor)[axis]!)
  const end = sameSize(size, all) || size!.dims.length > 0 ? END : begin + size!.factor
  const lists = [[begin], [end], [axis]].map((list) => writer.integers(list))
  writer.result(op, 'Slice', [named(writer, op)[0]!, ...lists])
}

/** Returns a fault for a part whose size depends on a dim, unless it is the rest of its dimension. */
function sliceLacks(
  { attributes: [axis = 0, begin = 0], inputs, outputs }: OpRecord,
  _: IsUsed,
  other: OpRecord
): string[] {
  // prettier-ignore
  const [own, all] = [outputs[0]!.shape[axis]!, inputs[0]!.shape[axis]!]
  const isRest = begin + own === all && other.attributes[1] === begin
  return own === other.outputs[0]!.shape[axis] || isRest ? [] : ['a part whose size depends on a dim']
}

function reshape(writer: OnnxWriter, op: OpRecord): void {
  const { shapeOf } = writer.recording
  const [from, to] = [shapeOf(op.inputs[0]!), shapeOf(op.outputs[0]!)]
  // 0 keeps a dimension, -1 takes the rest.
  const short = to.map((size, i) => (size.dims.length === 0 ? size.factor : sameSize(size, from[i]) ? 0 : -1))
  const isEnough = short.filter((size) => size === -1).length <= 1
  writer.result(op, 'Reshape', [named(writer, op)[0]!, isEnough ? writer.integers(short) : writer.sizes(to)])
}

function reduce(writer: OnnxWriter, op: OpRecord): void {
  const [kind = 0, scale = 1, set = 0] = op.attributes
  const [x] = op.inputs as [Tensor]
  const axes = x.shape.flatMap((_, i) => ((set >> i) & 1 ? [i] : []))
  const keepdims = op.outputs[0]!.shape.length === x.shape.length ? 1 : 0
  const name = writer.nameOf(x)
  const terms = axes.reduce((all, axis) => all * x.shape[axis]!, 1)
  if (kind === 1) return writer.result(op, 'ReduceMax', [name], { axes, keepdims })
  if (scale === 1 / terms) return writer.result(op, 'ReduceMean', [name], { axes, keepdims })
  if (scale === 1) return writer.result(op, 'ReduceSum', [name, writer.integers(axes)], { keepdims })
  const sum = writer.add('ReduceSum', [name, writer.integers(axes)], { keepdims })
  writer.result(op, 'Mul', [sum, writer.floats([scale], true)])
}

function matmul(writer: OnnxWriter, op: OpRecord): void {
  const factors = op.inputs.map((input, i) => {
    const name = writer.nameOf(input!)
    if (op.attributes[i] !== 1) return name
    const rank = input!.shape.length
    const perm = input!.shape.map((_, d) => (d === rank - 1 ? rank - 2 : d === rank - 2 ? rank - 1 : d))
    return writer.add('Transpose', [name], { perm })
  })
  writer.result(op, 'MatMul', factors)
}

type MapCode = keyof typeof mapCodes
const codes = new Map<number, { name: MapCode; operands: number }>(Object.entries(mapCodes).map(([name, { code, operands }]) => [code, { name: name as MapCode, operands }])) // prettier-ignore
/** The operators of the functions of map programs. */
const functions: Partial<Record<MapCode, string>> = {
  add: 'Add', sub: 'Sub', mul: 'Mul', div: 'Div', min: 'Min', max: 'Max', less: 'Less', lessEqual: 'LessOrEqual', equal: 'Equal', select: 'Where',
  neg: 'Neg', abs: 'Abs', sign: 'Sign', exp: 'Exp', log: 'Log', log1p: 'Log', sqrt: 'Sqrt', sigmoid: 'Sigmoid', tanh: 'Tanh', erf: 'Erf'
} // prettier-ignore

interface MapStep {
  readonly value: number
  readonly name: MapCode
  readonly constant: number
  readonly operands: readonly number[]
}

/** Returns the steps of a map program on which its result depends, and the number of the result. */
function stepsOf({ inputs, attributes }: OpRecord): { steps: MapStep[]; result: number } {
  const [count = 0, result = 0] = attributes
  const all = Array.from({ length: count }, (_, i): MapStep => {
    const [code = 0, ...numbers] = attributes.slice(2 + inputs.length + 4 * i, 6 + inputs.length + 4 * i)
    const { name, operands } = codes.get(code)!
    return { value: inputs.length + 1 + i, name, constant: numbers[0]!, operands: numbers.slice(0, operands) }
  })
  const live = new Set([result])
  for (const { value, operands } of [...all].reverse()) if (live.has(value)) for (const one of operands) live.add(one)
  return { steps: all.filter(({ value }) => live.has(value)), result }
}

function map(writer: OnnxWriter, op: OpRecord): void {
  const { steps, result } = stepsOf(op)
  const names = new Map(op.inputs.map((input, i) => [i, writer.nameOf(input!)]))
  for (const { value, name, constant, operands } of steps) {
    const of = operands.map((operand) => names.get(operand)!)
    if (name === 'constant') names.set(value, writer.floats([constant], true))
    else names.set(value, mapStep(writer, name, of))
  }
  writer.result(op, 'Identity', [names.get(result)!])
}

function mapStep(writer: OnnxWriter, name: MapCode, of: readonly string[]): string {
  const type = functions[name]!
  if (name === 'log1p') return writer.add(type, [writer.add('Add', [of[0]!, writer.floats([1], true)])])
  if (name === 'select') return writer.add(type, [writer.add('Cast', [of[0]!], { to: BOOL }), ...of.slice(1)])
  const found = writer.add(type, of)
  return ['less', 'lessEqual', 'equal'].includes(name) ? writer.add('Cast', [found], { to: FLOAT }) : found
}

const mapLacks = (op: OpRecord) =>
  [...new Set(stepsOf(op).steps.map(({ name }) => name))].filter((name) => name !== 'constant' && !functions[name])

const recurrent: WrittenOp = { lacks: recurrentLacks, write: writeRecurrent }
const gather = (axisOf: (op: OpRecord) => number): WrittenOp => ({ write: (writer, op) => writer.result(op, 'Gather', named(writer, op), { axis: axisOf(op) }) }) // prettier-ignore

/** The ops that can be written. */
export const writtenOps: Partial<Record<OpName, WrittenOp>> = {
  lstm: recurrent,
  gru: recurrent,
  rnn: recurrent,
  embedding: gather(() => 0),
  gather: gather(({ attributes }) => attributes[0]!),
  linear: { write: linear },
  softmax: plain('Softmax'),
  add: plain('Add'),
  sub: plain('Sub'),
  mul: plain('Mul'),
  sigmoid: plain('Sigmoid'),
  tanh: plain('Tanh'),
  relu: plain('Relu'),
  affine: { write: affine },
  concat: {
    write: (writer, op) =>
      writer.result(op, 'Concat', named(writer, op), {
        axis: op.outputs[0]!.shape.length - 1 - (op.attributes[0] ?? 0)
      })
  },
  slice: { lacks: sliceLacks, write: slice },
  reshape: { write: reshape },
  flip: {
    write: (writer, op) =>
      writer.result(op, 'Slice', [...named(writer, op), ...[[-1], [BEFORE], [0], [-1]].map((list) => writer.integers(list))]) // prettier-ignore
  },
  map: { lacks: mapLacks, write: map },
  reduce: { write: reduce },
  matmul: { write: matmul },
  rearrange: { lacks: rearrangeLacks, write: writeRearrange },
  dotAttention: { write: writeAttention },
  additiveAttention: { write: writeAttention }
}
