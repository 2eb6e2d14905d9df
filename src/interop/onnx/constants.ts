// Operators of ONNX on constants: the arithmetic of shapes that exporters write, evaluated while the graph is recorded.

import { expected } from '../../errors.js'
import { broadcastShape } from '../../graph/ops/map.js'
import { elementCount } from '../../io/safetensors/dtypes.js'
import { gatherElements, stridesOf } from '../tensors/strided.js'
import { MAX_RANK, type OnnxConstant } from './read.js'

/** Returns integers as a constant of one dimension. */
export function integersOf(values: readonly number[]): OnnxConstant {
  return { type: 'i64', shape: [values.length], data: values }
}

/** Most elements of one computed constant: a file of a few bytes can ask for any number. */
const MAX_ELEMENTS = 2 ** 20

/** Returns the shape of a computed constant. Throws ERR_UNSUPPORTED if it is too large, or if its parts do not fit. */
function bounded(shape: readonly number[], fits = true): readonly number[] {
  const count = elementCount(shape)
  const isShape = fits && shape.length <= MAX_RANK && shape.every((size) => Number.isSafeInteger(size) && size >= 0)
  if (isShape && count >= 0 && count <= MAX_ELEMENTS) return shape
  const what = `parts of constants that fit each other, and at most ${MAX_ELEMENTS} elements`
  throw expected(
    'ERR_UNSUPPORTED',
    what,
    `the shape [${shape.join(', ')}]`,
    'export the model again, with smaller constants'
  )
}

type Numbers = OnnxConstant['data']

/** Returns an array of the type of another one. */
function like(data: Numbers, values: readonly number[]): Numbers {
  return data instanceof Float32Array ? Float32Array.from(values) : values
}

/** Returns the elements of a constant in a shape to which it broadcasts. */
function broadcast({ shape, data }: OnnxConstant, to: readonly number[]): number[] {
  bounded(to)
  const strides = stridesOf(shape)
  const before = to.length - shape.length
  const steps = to.map((_, axis) => (axis < before || shape[axis - before] === 1 ? 0 : strides[axis - before]!))
  return Array.from(
    gatherElements(Float64Array.from(data as ArrayLike<number>), { shape: to, strides: steps, offset: 0 })
  )
}

/** Returns a constant of the elements of another one, in the order that strides give. */
function moved(
  { type, data }: OnnxConstant,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0
): OnnxConstant {
  if (data instanceof Float32Array) return { type, shape, data: gatherElements(data, { shape, strides, offset }) }
  const values = gatherElements(Float64Array.from(data), { shape, strides, offset })
  return { type, shape, data: Array.from(values) }
}

/** Returns the result of an operator of two constants, element by element. */
export function arithmetic(operator: string, a: OnnxConstant, b: OnnxConstant): OnnxConstant {
  const shape = a.shape.length + b.shape.length === 0 ? [] : broadcastShape(operator, [a.shape, b.shape])
  const [x, y] = [broadcast(a, shape), broadcast(b, shape)]
  const isWhole = a.type === 'i64'
  const results = x.map((one, i) => {
    const other = y[i]!
    if (operator === 'Add') return one + other
    if (operator === 'Sub') return one - other
    if (operator === 'Mul') return one * other
    if (operator === 'Equal') return Number(one === other)
    return isWhole ? Math.trunc(one / other) : one / other
  })
  return {
    type: operator === 'Equal' ? 'i64' : a.type,
    shape,
    data: operator === 'Equal' ? results : like(a.data, results)
  }
}

/** Returns the elements of two constants that a third one chooses. */
export function chosen(condition: OnnxConstant, a: OnnxConstant, b: OnnxConstant): OnnxConstant {
  const shape = broadcastShape(
    'Where',
    [condition.shape, a.shape, b.shape].map((one) => (one.length === 0 ? [1] : one))
  )
  const [which, x, y] = [condition, a, b].map((one) => broadcast(one, shape)) as [number[], number[], number[]]
  return {
    type: a.type,
    shape,
    data: like(
      a.data,
      which.map((one, i) => (one !== 0 ? x[i]! : y[i]!))
    )
  }
}

/** Returns a constant expanded to a shape. */
export function expanded(a: OnnxConstant, shape: readonly number[]): OnnxConstant {
  const to = broadcastShape('Expand', [a.shape.length === 0 ? [1] : a.shape, shape])
  return { type: a.type, shape: to, data: like(a.data, broadcast(a, to)) }
}

/** Returns a constant with its dimensions in another order. */
export function permuted(a: OnnxConstant, order: readonly number[]): OnnxConstant {
  const strides = stridesOf(a.shape)
  if (order.length !== a.shape.length || !a.shape.every((_, axis) => order.includes(axis))) bounded(a.shape, false)
  return moved(a, order.map((axis) => a.shape[axis]!), order.map((axis) => strides[axis]!)) // prettier-ignore
}

/** Returns the part of a constant from `begin` to before `end` along a dimension. */
export function sliced(a: OnnxConstant, axis: number, begin: number, end: number): OnnxConstant {
  const strides = stridesOf(a.shape)
  bounded([end - begin], axis in a.shape && begin >= 0 && begin <= end && end <= a.shape[axis]!)
  const shape = a.shape.map((size, i) => (i === axis ? end - begin : size))
  return moved(a, shape, strides, begin * (strides[axis] ?? 1))
}

/** Returns constants joined along their first dimension, which all of them have only. */
export function joinedConstants(parts: readonly OnnxConstant[]): OnnxConstant {
  bounded([parts.reduce((sum, { data }) => sum + data.length, 0)])
  const values = parts.flatMap(({ data }) => Array.from(data as ArrayLike<number>))
  return { type: parts[0]!.type, shape: [values.length], data: like(parts[0]!.data, values) }
}

/** Returns the elements at indices of the first dimension. */
export function gathered(a: OnnxConstant, ids: OnnxConstant): OnnxConstant {
  const [rows = 1, ...rest] = a.shape
  const width = elementCount(rest)
  const isRow = (id: number) => Number.isInteger(id) && id >= -rows && id < rows
  bounded([...ids.shape, ...rest], a.shape.length > 0 && Array.from(ids.data as ArrayLike<number>).every(isRow))
  const all = Array.from(a.data as ArrayLike<number>)
  const values = Array.from(ids.data as ArrayLike<number>).flatMap((id) => {
    const row = id < 0 ? id + rows : id
    return all.slice(row * width, (row + 1) * width)
  })
  return { type: a.type, shape: [...ids.shape, ...rest], data: like(a.data, values) }
}
