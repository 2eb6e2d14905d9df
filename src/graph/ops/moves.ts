// Ops that move elements: permuted, padded and joined tensors, patches of convolutions, and rows that ids name.

import { integer, list, number, object, optional, type Check } from '../../check/index.js'
import { expected } from '../../errors.js'
import { expectType } from '../check.js'
import { tensor, tensors, type Tensor } from '../graph.js'
import { MAX_ELEMENTS, checkShape, showShape, type Shape } from '../shape.js'

/** A dimension of x in the native op `rearrange`: its dimension in the result, padding before it, stride, and size of its kernel. */
interface Placed {
  target: number
  before?: number
  stride?: number
  kernel?: number
}

function rearrange(op: string, x: Tensor, shape: Shape, placed: readonly Placed[], constant = 0): Tensor {
  const attributes = placed.flatMap(({ target, before = 0, stride = 1, kernel = 1 }) => [
    target,
    before,
    stride,
    kernel
  ])
  const checked = checkShape(shape, `the result of ${op}`)
  return x.graph.record('rearrange', [x], [{ dtype: 'f32', shape: checked }], [constant, ...attributes])[0]!
}

/** Returns a dimension counted from 0. */
function axisOf(op: string, value: number, rank: number, what = 'axis'): number {
  integer(-rank, rank - 1)(value, `${what} of ${op}`)
  return value < 0 ? value + rank : value
}

/**
 * Returns x with its dimensions in another order: dimension d of the result is dimension order[d] of x, as with numpy.transpose.
 *
 * @example
 * const batchFirst = ops.permute(sequence, [1, 0, 2]) // [T, B, C] -> [B, T, C]
 *
 * @param x f32, rank 1 to 4.
 * @param order Each dimension of x once; negative ones count from the end.
 * Throws ERR_INVALID_ARGUMENT if `order` is something else.
 */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  expectType('permute', 'x', x, 'f32')
  const rank = x.shape.length
  const dims = list(integer(-rank, rank - 1), rank, rank)(order, 'order of permute').map((d) => (d + rank) % rank)
  const targets = x.shape.map((_, d) => dims.indexOf(d))
  if (targets.includes(-1)) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `each of the ${rank} dimensions once as order of permute`,
      `[${dims.join(', ')}]`,
      'name each once'
    )
  }
  return rearrange(
    'permute',
    x,
    dims.map((d) => x.shape[d]!),
    targets.map((target) => ({ target }))
  )
}

const size = integer(0, MAX_ELEMENTS)
/** A constant of the padding: any float32, infinities included. */
const anyNumber = number(-Infinity, Infinity)

/**
 * Pads x with a constant before and after its elements.
 *
 * x f32 [n0, n1, ...] -> [before0 + n0 + after0, before1 + n1 + after1, ...]. The gradient of x is that of the inner part.
 *
 * @example
 * const causal = ops.pad(x, [[2, 0], [0, 0], [0, 0]]) // two steps of zeros before a sequence [T, B, C]
 *
 * @param x Rank 1 to 4.
 * @param sizes One pair [before, after] for each dimension of x, integers of at least 0.
 * @param value The constant; default 0. May be infinite: -Infinity before a maximum.
 * Throws ERR_INVALID_ARGUMENT if `sizes` or `value` is something else, and ERR_INVALID_SHAPE if the result has too many elements.
 */
export function pad(x: Tensor, sizes: readonly (readonly [before: number, after: number])[], value = 0): Tensor {
  expectType('pad', 'x', x, 'f32')
  const rank = x.shape.length
  const pairs = list(list(size, 2, 2), rank, rank)(sizes, 'sizes of pad')
  anyNumber(value, 'value of pad')
  const shape = x.shape.map((n, d) => pairs[d]![0]! + n + pairs[d]![1]!)
  const placed = pairs.map(([before], target) => ({ target, before: before! }))
  return rearrange('pad', x, shape, placed, value)
}

/** Options of `patches`. Where `axes` names two dimensions, a single number applies to both. */
export interface PatchesOptions {
  /** One or two dimensions, but not the last one, along which the patches move; negative ones count from the end. */
  axes: number | readonly number[]
  /** Size of the kernel along each of `axes`: integers of at least 1. */
  kernel: number | readonly number[]
  /** Steps from one patch to the next along each of `axes`: integers of at least 1; default 1. */
  stride?: number | readonly number[]
  /** Zeros before and after x along each of `axes`: integers of at least 0; default 0. `pad` pads one side only. */
  padding?: number | readonly number[]
}

const oneOrTwo: Check<number | readonly number[]> = (value, what) =>
  typeof value === 'number' ? anyNumber(value, what) : list(anyNumber, 1, 2)(value, what)
const readPatches = object<PatchesOptions>({
  axes: oneOrTwo,
  kernel: oneOrTwo,
  stride: optional(oneOrTwo),
  padding: optional(oneOrTwo)
})

/**
 * Cuts x into the patches of a convolution (im2col): each position has the elements under the kernel, one after the other.
 *
 * x f32 [..., n, ..., C] -> [..., p, ..., K * C] with p = floor((n + 2 * padding - kernel) / stride) + 1 positions along each of `axes` and K
 * the product of the kernel's sizes. Element (k, c) of a patch at position p is x at index p * stride + k - padding and channel c, or 0 outside
 * of x; the elements of a kernel of two dimensions are in row-major order of the dimensions of x. A convolution is then a product with
 * weights [K * C, O]. The gradient of x adds up the patches that contain an element, in the order of the kernel, for any number of threads.
 *
 * Throws ERR_INVALID_ARGUMENT if an option is out of range, and ERR_INVALID_SHAPE if the kernel is larger than the padded x. Source:
 * torch.nn.functional.unfold, with the channels last.
 *
 * @example
 * // A convolution over steps with a kernel of 3, [T, B, C] -> [T, B, O], weights [3 * C, O]:
 * const y = ops.matmul(ops.patches(x, { axes: 0, kernel: 3, padding: 1 }), weights)
 */
export function patches(x: Tensor, options: PatchesOptions): Tensor {
  expectType('patches', 'x', x, 'f32')
  const { axes, kernel, stride = 1, padding = 0 } = readPatches(options, 'the options of patches')
  const rank = x.shape.length
  const dims = (typeof axes === 'number' ? [axes] : axes).map((axis) => axisOf('patches', axis, rank, 'axes'))
  if (dims.includes(rank - 1) || new Set(dims).size < dims.length) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      'different dimensions before the last one as axes of patches',
      `[${dims.join(', ')}] for ${showShape(x.shape)}`,
      'name each once, and reshape x to have channels as its last dimension'
    )
  }
  const each = (value: number | readonly number[], low: number, what: string) => {
    const values = typeof value === 'number' ? dims.map(() => value) : value
    return list(integer(low, MAX_ELEMENTS), dims.length, dims.length)(values, `${what} of patches`)
  }
  const [kernels, strides, pads] = [each(kernel, 1, 'kernel'), each(stride, 1, 'stride'), each(padding, 0, 'padding')]
  const shape = x.shape.map((n, d) => {
    const at = dims.indexOf(d)
    return at < 0 ? n : Math.floor((n + 2 * pads[at]! - kernels[at]!) / strides[at]!) + 1
  })
  if (shape.some((n) => n < 1)) {
    throw expected(
      'ERR_INVALID_SHAPE',
      'a kernel of patches within the padded x',
      `[${kernels.join(', ')}] for ${showShape(x.shape)}`,
      'use a smaller kernel or more padding'
    )
  }
  shape[rank - 1]! *= kernels.reduce((product, n) => product * n, 1)
  const placed = x.shape.map((_, target) => {
    const at = dims.indexOf(target)
    return at < 0 ? { target } : { target, before: pads[at]!, stride: strides[at]!, kernel: kernels[at]! }
  })
  return rearrange('patches', x, shape, placed)
}

/**
 * Joins tensors that differ in one dimension along it, as numpy.concatenate.
 *
 * @example
 * const both = ops.concat([forward, backward]) // [T, B, H] and [T, B, H] -> [T, B, 2 H]
 * const longer = ops.concat([first, second], 0) // [T, B, H] and [U, B, H] -> [T + U, B, H]
 *
 * @param parts At least one tensor, f32, all of one rank; tensors that are given one by one are joined along the last dimension.
 * @param axis The dimension along which the parts are joined; default -1, the last one.
 * Throws ERR_INVALID_SHAPE if the parts differ in another dimension, and ERR_INVALID_ARGUMENT if there is no part or no such dimension.
 */
export function concat(parts: readonly Tensor[], axis?: number): Tensor
export function concat(...parts: readonly Tensor[]): Tensor
export function concat(...given: unknown[]): Tensor {
  const [parts, axis = -1] = tensors.has(given[0] as Tensor) ? [given] : [given[0], given[1] as number | undefined]
  const read = list(tensor, 1)(parts, 'the tensors of concat')
  const first = read[0]!
  const rank = first.shape.length
  const at = axisOf('concat', axis, rank)
  for (const [i, part] of read.entries()) {
    expectType('concat', `part ${i}`, part, 'f32')
    if (part.shape.length === rank && part.shape.every((n, d) => d === at || n === first.shape[d])) continue
    const shape = first.shape.map((n, d) => (d === at ? 'any' : n)).join(', ')
    throw expected('ERR_INVALID_SHAPE', `part ${i} of concat of shape [${shape}]`, showShape(part.shape), 'reshape it')
  }
  const joined = read.reduce((sum, part) => sum + part.shape[at]!, 0)
  const shape = first.shape.map((n, d) => (d === at ? joined : n))
  const after = rank - 1 - at
  return first.graph.record('concat', read, [{ dtype: 'f32', shape }], after === 0 ? [] : [after])[0]!
}

/** The shape of the rows that ids name along dimension `at` of a tensor. */
function rowsShape(op: string, table: Shape, ids: Shape, at: number): Shape {
  const shape = [...table.slice(0, at), ...ids, ...table.slice(at + 1)]
  if (shape.length <= 4) return shape
  throw expected('ERR_INVALID_SHAPE', `a result of rank 1 to 4 from ${op}`, showShape(shape), 'reshape the ids')
}

/**
 * Takes the rows that ids name along one dimension, as numpy.take: y[..., j, ...] = x[..., ids[j], ...].
 *
 * x f32 [..., n, ...], ids i32 [...] -> the dimensions of the ids in place of dimension `axis` of x. The gradient of x is `scatterAdd`.
 *
 * @example
 * const last = ops.gather(ops.reshape(y, [T * B, H]), places) // places i32 [B]: the row of each sequence's last step -> [B, H]
 *
 * @param x Rank 1 to 4.
 * @param ids From 0 to n - 1; another one fails the run with ERR_OUT_OF_RANGE.
 * @param axis Default 0; negative ones count from the end.
 * Throws ERR_INVALID_SHAPE if the result has more than 4 dimensions, and ERR_INVALID_ARGUMENT if there is no such dimension or a dtype differs.
 */
export function gather(x: Tensor, ids: Tensor, axis = 0): Tensor {
  expectType('gather', 'x', x, 'f32')
  expectType('gather', 'ids', ids, 'i32')
  const at = axisOf('gather', axis, x.shape.length)
  const shape = rowsShape('gather', x.shape, ids.shape, at)
  return x.graph.record('gather', [x, ids], [{ dtype: 'f32', shape }], [at])[0]!
}

/**
 * Adds rows to a tensor of zeros at the places that ids name along one dimension: y[..., ids[j], ...] += x[..., j, ...], the adjoint of `gather`.
 *
 * x f32, with the dimensions of the ids from dimension `axis` on, ids i32 [...] -> `size` in place of the dimensions of the ids. Rows with the
 * same id are added in the order of the ids, for any number of threads. The gradient of x is `gather`.
 *
 * @example
 * const sums = ops.scatterAdd(x, groups, 10) // x [N, C], groups i32 [N] from 0 to 9 -> [10, C], the sum of each group
 *
 * @param x Rank 1 to 4.
 * @param ids From 0 to size - 1; another one fails the run with ERR_OUT_OF_RANGE.
 * @param size The size of dimension `axis` of the result, at least 1.
 * @param axis Default 0; negative ones count from the end of the result.
 * Throws ERR_INVALID_SHAPE if x does not have the dimensions of the ids there, and ERR_INVALID_ARGUMENT if `size`, `axis` or a dtype does not fit.
 */
export function scatterAdd(x: Tensor, ids: Tensor, size: number, axis = 0): Tensor {
  expectType('scatterAdd', 'x', x, 'f32')
  expectType('scatterAdd', 'ids', ids, 'i32')
  integer(1, MAX_ELEMENTS)(size, 'size of scatterAdd')
  const rank = x.shape.length - ids.shape.length + 1
  if (rank < 1) throw misplaced(x.shape, ids.shape, 0)
  const at = axisOf('scatterAdd', axis, rank)
  if (!ids.shape.every((n, d) => n === x.shape[at + d])) throw misplaced(x.shape, ids.shape, at)
  const shape = [...x.shape.slice(0, at), size, ...x.shape.slice(at + ids.shape.length)]
  return x.graph.record('scatterAdd', [x, ids], [{ dtype: 'f32', shape }], [at])[0]!
}

function misplaced(x: Shape, ids: Shape, at: number): Error {
  return expected(
    'ERR_INVALID_SHAPE',
    `x of scatterAdd with the dimensions ${showShape(ids)} of the ids from dimension ${at} on`,
    showShape(x),
    'reshape the ids'
  )
}
