// The operators of ONNX that models of recurrent layers have around their layers. Each takes a node and returns its outputs; constants stay
// constants.

import { sizeOf } from '../../graph/shape.js'
import type { Tensor } from '../../graph/graph.js'
import * as ops from '../../graph/ops/index.js'
import { arithmetic, chosen, expanded, gathered, integersOf, joinedConstants, permuted, sliced } from './constants.js'
import {
  integersIn,
  isConstant,
  listAttribute,
  numberAttribute,
  shaped,
  type OnnxRecorder,
  type OnnxValueOf
} from './recorder.js'
import { recordRecurrent, recurrentFaults } from './recurrent.js'
import { MAX_RANK, type OnnxConstant, type OnnxNode } from './read.js'

/** An operator. */
export interface OnnxOperator {
  /** Names of the attributes that it reads, or that change nothing. */
  readonly attributes: readonly string[]
  /** Returns the parts of a node that are not supported, in words. */
  faults?(node: OnnxNode): string[]
  record(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[]
}

const positive = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis)

/** Returns integers that are an input since a version of the operators, and were an attribute before. */
function listOf(recorder: OnnxRecorder, node: OnnxNode, index: number, attribute: string): readonly number[] | null {
  const own = listAttribute(node, attribute)
  if (own) return own
  const given = recorder.constant(node, index)
  return given && integersIn(given)
}

/** Returns a value with another shape of the same elements. */
function withShape(recorder: OnnxRecorder, node: OnnxNode, value: OnnxValueOf, shape: readonly number[]): OnnxValueOf {
  const isShape = shape.length <= MAX_RANK && shape.every((size) => Number.isInteger(size) && size >= 0)
  if (!isShape || sizeOf(shape) !== sizeOf(value.shape))
    throw recorder.refuse(node, `a shape of ${sizeOf(value.shape)} elements`, `[${shape.slice(0, MAX_RANK + 1).join(', ')}]`) // prettier-ignore
  return isConstant(value) ? { ...value, shape } : shaped(value, shape.length === 0 ? [1] : shape)
}

const binary: OnnxOperator['record'] = (recorder, node) => {
  const [a, b] = [recorder.need(node, 0), recorder.need(node, 1)]
  if (isConstant(a) && isConstant(b)) return [arithmetic(node.type, a, b)]
  const tensors = [recorder.tensor(node, 0), recorder.tensor(node, 1)]
  const method = node.type.toLowerCase() as 'add' | 'sub' | 'mul' | 'div'
  return [ops.map(tensors, (x, y) => x[method](y))]
}

const unary = (record: (x: Tensor) => Tensor): OnnxOperator => ({
  attributes: [],
  record: (recorder, node) => [record(recorder.tensor(node, 0))]
})

/** Returns the softmax along the dimension of a node, which is the last one by default since version 13, the second before. */
const alongAxis = (record: (x: Tensor) => Tensor): OnnxOperator => ({
  attributes: ['axis'],
  record(recorder, node) {
    const x = recorder.tensor(node, 0)
    const rank = x.shape.length
    const since13 = recorder.file.operators >= 13
    const axis = positive(numberAttribute(node, 'axis', since13 ? -1 : 1), rank)
    if (axis === rank - 1) return [record(x)]
    if (!since13) throw recorder.refuse(node, 'the last dimension as axis', `${axis}`)
    const order = x.shape.map((_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i))
    return [ops.permute(record(ops.permute(x, order)), order)]
  }
})

const same: OnnxOperator['record'] = (recorder, node) => [recorder.need(node, 0)]

function cast(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const value = recorder.need(node, 0)
  const to = numberAttribute(node, 'to', 0)
  const isFloat = [1, 10, 11, 16].includes(to)
  if (isConstant(value)) {
    if (isFloat) return [{ type: 'f32', shape: value.shape, data: Float32Array.from(value.data as ArrayLike<number>) }]
    return [{ type: 'i64', shape: value.shape, data: Array.from(value.data as ArrayLike<number>, Math.trunc) }]
  }
  if (isFloat === (value.dtype === 'f32')) return [value]
  throw recorder.refuse(node, 'a type of the same kind', `from ${value.dtype} to ONNX type ${to}`)
}

function gather(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const [data, ids] = [recorder.need(node, 0), recorder.need(node, 1)]
  const axis = positive(numberAttribute(node, 'axis', 0), data.shape.length)
  if (isConstant(ids)) {
    if (isConstant(data) && axis === 0) return [gathered(data, ids)]
    const [id = 0, ...others] = integersIn(ids)
    if (others.length > 0 || ids.shape.length > 1)
      throw recorder.refuse(node, 'one constant index', `${others.length + 1}`)
    const at = positive(id, data.shape[axis]!)
    const part = ops.slice(recorder.tensor(node, 0), axis, at, at + 1)
    return [ids.shape.length === 1 ? part : shaped(part, data.shape.filter((_, i) => i !== axis))] // prettier-ignore
  }
  const table = recorder.tensor(node, 0)
  return [axis === 0 && table.shape.length === 2 ? ops.embedding(table, ids) : ops.gather(table, ids, axis)]
}

function matmul(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const b = recorder.need(node, 1)
  const a = recorder.tensor(node, 0)
  if (isConstant(b) && b.shape.length === 2) return [ops.linear(a, weightOf(recorder, node, b, false))]
  return [ops.matmul(a, recorder.tensor(node, 1))]
}

/** Returns a constant matrix as the weight [outputs, inputs] of a linear layer. */
function weightOf(recorder: OnnxRecorder, node: OnnxNode, matrix: OnnxConstant, isTransposed: boolean): Tensor {
  const name = recorder.nameOf(matrix, node)
  const [rows, columns] = matrix.shape
  if (rows === undefined || columns === undefined || matrix.shape.length !== 2 || matrix.type !== 'f32')
    throw recorder.refuse(node, 'a matrix of floats as input 1', `${matrix.type} [${matrix.shape.join(', ')}]`)
  if (isTransposed)
    return recorder.parameter({ of: matrix, form: 'as it is', name }, matrix.shape, () => matrix.data as Float32Array)
  const values = () => permuted(matrix, [1, 0]).data as Float32Array
  return recorder.parameter({ of: matrix, form: 'transposed', name }, [columns, rows], values)
}

function gemm(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const b = recorder.constant(node, 1)!
  const c = recorder.input(node, 2)
  const weight = weightOf(recorder, node, b, numberAttribute(node, 'transB', 0) !== 0)
  const y = ops.linear(recorder.tensor(node, 0), weight)
  return [c === null ? y : ops.map([y, recorder.tensor(node, 2)], (y, c) => y.add(c))]
}

function squeeze(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const value = recorder.need(node, 0)
  const axes = listOf(recorder, node, 1, 'axes')?.map((axis) => positive(axis, value.shape.length))
  const shape = value.shape.filter((size, i) => (axes ? !axes.includes(i) : size !== 1))
  return [withShape(recorder, node, value, shape)]
}

function unsqueeze(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const value = recorder.need(node, 0)
  const axes = listOf(recorder, node, 1, 'axes') ?? []
  const rank = value.shape.length + axes.length
  if (rank > MAX_RANK) throw recorder.refuse(node, `at most ${MAX_RANK} dimensions`, `${rank}`)
  const places = axes.map((axis) => positive(axis, rank))
  const rest = [...value.shape]
  const shape = Array.from({ length: rank }, (_, i) => (places.includes(i) ? 1 : (rest.shift() ?? 1)))
  return [withShape(recorder, node, value, shape)]
}

function reshapeTo(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const value = recorder.need(node, 0)
  const zeros = numberAttribute(node, 'allowzero', 0) !== 0
  const wanted = integersIn(recorder.constant(node, 1)!).map((size, i) =>
    size === 0 && !zeros ? (value.shape[i] ?? 1) : size
  )
  const known = wanted.reduce((all, size) => (size === -1 ? all : all * size), 1)
  return [withShape(recorder, node, value, wanted.map((size) => (size === -1 ? sizeOf(value.shape) / known : size)))] // prettier-ignore
}

function transpose(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const value = recorder.need(node, 0)
  const order = listAttribute(node, 'perm') ?? value.shape.map((_, i) => value.shape.length - 1 - i)
  return [isConstant(value) ? permuted(value, order) : ops.permute(value, order)]
}

function concat(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const values = node.inputs.map((_, i) => recorder.need(node, i))
  if (values.every(isConstant) && values.every(({ shape }) => shape.length === 1)) return [joinedConstants(values)]
  const parts = values.map((_, i) => recorder.tensor(node, i))
  return [ops.concat(parts, positive(numberAttribute(node, 'axis', 0), parts[0]!.shape.length))]
}

/** Whether a slice takes all of the first dimension from its last element to its first. */
function isReversal(
  { shape: [size = 0] }: OnnxValueOf,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
  steps: OnnxConstant | null
): boolean {
  const isWhole = starts[0] !== undefined && [-1, size - 1].includes(starts[0]) && ends[0]! < -size
  return isWhole && starts.length === 1 && axes[0] === 0 && steps !== null && integersIn(steps).join() === '-1'
}

function slice(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  let value = recorder.need(node, 0)
  if (isConstant(value)) value = { ...value } // whether all of it is taken may depend on sizes of inputs, so its values are read in any case
  const [starts, ends] = [listOf(recorder, node, 1, 'starts') ?? [], listOf(recorder, node, 2, 'ends') ?? []]
  const axes = listOf(recorder, node, 3, 'axes') ?? starts.map((_, i) => i)
  const steps = recorder.constant(node, 4)
  if (isReversal(value, starts, ends, axes, steps)) return [ops.flip(recorder.tensor(node, 0))]
  if (steps && integersIn(steps).some((step) => step !== 1)) throw recorder.refuse(node, 'steps of 1', 'others')
  for (const [i, start] of starts.entries()) {
    const axis = positive(axes[i]!, value.shape.length)
    const size = value.shape[axis]!
    const inside = (place: number) => Math.min(size, Math.max(0, positive(place, size)))
    const [begin, end] = [inside(start), inside(ends[i]!)]
    if (begin === 0 && end === size) continue
    if (end <= begin) throw recorder.refuse(node, 'a part of at least one element', `${begin} to ${end} of ${size}`)
    value = isConstant(value) ? sliced(value, axis, begin, end) : ops.slice(value, axis, begin, end)
  }
  return [value]
}

function split(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const value = recorder.need(node, 0)
  const axis = positive(numberAttribute(node, 'axis', 0), value.shape.length)
  const [count, size] = [node.outputs.length, value.shape[axis]!]
  const sizes = listOf(recorder, node, 1, 'split') ?? new Array<number>(count).fill(size / count)
  let at = 0
  return sizes.map((part) => {
    const [begin, end] = [at, (at += part)]
    return isConstant(value) ? sliced(value, axis, begin, end) : ops.slice(value, axis, begin, end)
  })
}

function constant(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const [[name, value] = ['', null], ...others] = node.attributes
  if (value === null || others.length > 0) throw recorder.refuse(node, 'one attribute', `${node.attributes.size}`)
  if (typeof value === 'object' && 'data' in value) return [value]
  const values = (Array.isArray(value) ? value : [value]) as number[]
  if (!values.every((one) => typeof one === 'number')) throw recorder.refuse(node, 'numbers as its value', 'a text')
  const isFloat = name.startsWith('value_float')
  return [{ type: isFloat ? 'f32' : 'i64', shape: Array.isArray(value) ? [values.length] : [], data: isFloat ? Float32Array.from(values) : values }] // prettier-ignore
}

function expand(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  return [expanded(recorder.constant(node, 0)!, integersIn(recorder.constant(node, 1)!))]
}

function constantOfShape(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const value = node.attributes.get('value')
  const one: OnnxConstant =
    typeof value === 'object' && 'data' in value ? value : { type: 'f32', shape: [1], data: Float32Array.of(0) }
  return [expanded(one, integersIn(recorder.constant(node, 0)!))]
}

function shapeOf(recorder: OnnxRecorder, node: OnnxNode): OnnxValueOf[] {
  const { shape } = recorder.need(node, 0)
  return [integersOf(shape.slice(numberAttribute(node, 'start', 0), numberAttribute(node, 'end', shape.length)))]
}

const constants =
  (...indices: number[]) =>
  (recorder: OnnxRecorder, node: OnnxNode) =>
    indices.map((index) => recorder.constant(node, index)!)
const plain = (attributes: readonly string[], record: OnnxOperator['record']): OnnxOperator => ({ attributes, record })
const recurrent: OnnxOperator = {
  attributes: ['hidden_size', 'direction', 'layout', 'activations', 'activation_alpha', 'activation_beta', 'clip', 'input_forget', 'linear_before_reset'], // prettier-ignore
  faults: recurrentFaults,
  record: recordRecurrent
}

/** Returns a fault for each attribute that is not 1, or not 0 for those of transposed operands. */
function gemmFaults(node: OnnxNode): string[] {
  const faults = ['alpha', 'beta'].filter((name) => numberAttribute(node, name, 1) !== 1)
  return numberAttribute(node, 'transA', 0) === 0 ? faults : [...faults, 'transA']
}

/** The operators by name. */
export const onnxOperators: ReadonlyMap<string, OnnxOperator> = new Map<string, OnnxOperator>([
  ['LSTM', recurrent],
  ['GRU', recurrent],
  ['RNN', recurrent],
  ...['Add', 'Sub', 'Mul', 'Div'].map((name) => [name, plain([], binary)] as const),
  ['Sigmoid', unary(ops.sigmoid)],
  ['Tanh', unary(ops.tanh)],
  ['Relu', unary(ops.relu)],
  ['Softmax', alongAxis(ops.softmax)],
  ['LogSoftmax', alongAxis((x) => ops.map([x, ops.logSumExp(x, -1, { keepDims: true })], (x, total) => x.sub(total)))],
  ['Identity', plain([], same)],
  ['Dropout', plain(['ratio', 'seed'], same)],
  ['Cast', plain(['to', 'saturate'], cast)],
  ['Gather', plain(['axis'], gather)],
  ['MatMul', plain([], matmul)],
  ['Gemm', { attributes: ['alpha', 'beta', 'transA', 'transB'], faults: gemmFaults, record: gemm }],
  ['Squeeze', plain(['axes'], squeeze)],
  ['Unsqueeze', plain(['axes'], unsqueeze)],
  ['Reshape', plain(['allowzero'], reshapeTo)],
  ['Transpose', plain(['perm'], transpose)],
  ['Concat', plain(['axis'], concat)],
  ['Slice', plain(['starts', 'ends', 'axes'], slice)],
  ['Split', plain(['axis', 'split', 'num_outputs'], split)],
  ['Shape', plain(['start', 'end'], shapeOf)],
  ['Constant', plain(['value', 'value_int', 'value_ints', 'value_float', 'value_floats'], constant)],
  ['ConstantOfShape', plain(['value'], constantOfShape)],
  ['Expand', plain([], expand)],
  ['Equal', plain([], (recorder, node) => { const [a, b] = constants(0, 1)(recorder, node); return [arithmetic('Equal', a!, b!)] })], // prettier-ignore
  ['Where', plain([], (recorder, node) => { const [c, a, b] = constants(0, 1, 2)(recorder, node); return [chosen(c!, a!, b!)] })] // prettier-ignore
])
