// The ops, one function for each op of the native core: it checks every shape, records the op and returns its outputs. Throws
// ERR_INVALID_SHAPE or ERR_INVALID_ARGUMENT if shapes, dtypes or attributes do not fit. This file has the element-wise ops and those that
// change shapes; the others are exported from the files next to it. B batch, T steps, I input size, H hidden size, V vocabulary; the gate
// order is i, f, g, o; sequences are time-major: [T, B, ...].

import { options as optionsOf } from '../../check/index.js'
import { expected } from '../../errors.js'
import { expectNumber, expectRows, expectSame, expectShape, expectType, lastDim, withLast } from '../check.js'
import type { OpName } from '../opcodes.js'
import { MAX_ELEMENTS, checkShape, sameShape, showShape, sizeOf, type Shape } from '../shape.js'
import { tensorOrNull, type Tensor } from '../graph.js'
import { map } from './map.js'
import { one } from './one.js'
import { sum } from './reduce.js'
import { weightedLoss, type RowWeightOptions } from './weighted.js'

export {
  additiveAttention,
  dotAttention,
  softWindow,
  windowLstmOp as windowLstm,
  type AttentionInputs,
  type AttentionResult,
  type WindowInputs,
  type WindowLstmInputs,
  type WindowLstmResult
} from './attention.js'
export { dropoutOp as dropout, embeddingOp as embedding, linearOp as linear } from './linear.js'
export * from './losses.js'
export type { RowWeightOptions } from './weighted.js'
export { map } from './map.js'
export { concat, gather, pad, patches, permute, scatterAdd, type PatchesOptions } from './moves.js'
export { matmul, type MatmulOptions } from './products.js'
export { logSumExp, max, mean, sum, weightedMean, type Axes, type ReduceOptions } from './reduce.js'
export { gruOp as gru, type GruInputs, type GruTensors } from './gru.js'
export { lstmOp as lstm, type LstmInputs, type LstmTensors } from './recurrent.js'
export { rnnOp as rnn, type RnnInputs, type RnnTensors } from './rnn.js'

/**
 * Records the binary cross-entropy of independent labels: logits and targets, both f32 [..., K], give `[2]`: the mean over the rows of the sum
 * over K, in nats, and the number of rows. Targets are probabilities from 0 to 1. The sigmoid is part of the op.
 * `weights` [...] of the options makes it the weighted mean of the rows and the sum of the weights. Throws ERR_INVALID_ARGUMENT or
 * ERR_INVALID_SHAPE if a tensor does not fit.
 * @example
 * defineModel({ ...definition, loss: ({ logits }, { labels }) => sigmoidCrossEntropy(logits, labels) })
 */
export function sigmoidCrossEntropy(logits: Tensor, targets: Tensor, options: RowWeightOptions = {}): Tensor {
  const { weights = null } = readWeights(options, 'the options of sigmoidCrossEntropy')
  expectPair('sigmoidCrossEntropy', 'logits', logits, 'targets', targets)
  if (weights === null) return one(logits, 'sigmoidCrossEntropy', [logits, targets], [2])
  const nats = map([logits, targets], (x, y) => x.softplus().sub(x.mul(y)))
  return weightedLoss('sigmoidCrossEntropy', sum(nats, -1), weights, logits.shape.length - 1)
}

/**
 * Records the mean squared error: x and y, f32 of one shape [..., K], give `[2]`: the mean of (x - y)^2 over all elements, and their number.
 * `weights` [...] of the options, one for each row of K elements, makes it the weighted mean, and the sum of the weights of all elements.
 * Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if a tensor does not fit.
 * @example
 * defineModel({ ...definition, loss: ({ next }, { y }) => meanSquare(next, y) })
 */
export function meanSquare(x: Tensor, y: Tensor, options: RowWeightOptions = {}): Tensor {
  const { weights = null } = readWeights(options, 'the options of meanSquare')
  expectPair('meanSquare', 'x', x, 'y', y)
  if (weights === null) return one(x, 'meanSquare', [x, y], [2])
  const squares = map([x, y], (x, y) => x.sub(y).square())
  return weightedLoss('meanSquare', squares, weights, x.shape.length - 1)
}

const readWeights = optionsOf<RowWeightOptions>({ weights: tensorOrNull })

function expectPair(name: OpName, whatA: string, a: Tensor, whatB: string, b: Tensor): void {
  expectType(name, whatA, a, 'f32')
  expectType(name, whatB, b, 'f32')
  expectSame(name, whatA, a, whatB, b)
}

/** Records the softmax over the last dimension of an f32 tensor: exp(x_j) / sum over k of exp(x_k). Throws ERR_INVALID_ARGUMENT if x does not fit. */
export function softmax(x: Tensor): Tensor {
  return unary('softmax', x)
}

/**
 * Records a + b; b has the shape of a, or the shape [last dimension of a]. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if a tensor does not fit.
 */
export function add(a: Tensor, b: Tensor): Tensor {
  return binary('add', a, b)
}

/**
 * Records a - b; b has the shape of a, or the shape [last dimension of a]. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if a tensor does not fit.
 */
export function sub(a: Tensor, b: Tensor): Tensor {
  return binary('sub', a, b)
}

/**
 * Records a * b, element by element; b has the shape of a, or the shape [last dimension of a]. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if a
 * tensor does not fit.
 */
export function mul(a: Tensor, b: Tensor): Tensor {
  return binary('mul', a, b)
}

function binary(name: OpName, a: Tensor, b: Tensor): Tensor {
  expectType(name, 'a', a, 'f32')
  expectType(name, 'b', b, 'f32')
  if (!sameShape(a.shape, b.shape) && !sameShape([lastDim(a)], b.shape)) {
    const wanted = `b of ${name} of shape ${showShape(a.shape)} or [${lastDim(a)}]`
    throw expected('ERR_INVALID_SHAPE', wanted, showShape(b.shape), 'reshape b')
  }
  return one(a, name, [a, b], a.shape)
}

/** Records 1 / (1 + exp(-x)) of each element of an f32 tensor. Throws ERR_INVALID_ARGUMENT if x does not fit. */
export function sigmoid(x: Tensor): Tensor {
  return unary('sigmoid', x)
}

/** Records the hyperbolic tangent of each element of an f32 tensor. Throws ERR_INVALID_ARGUMENT if x does not fit. */
export function tanh(x: Tensor): Tensor {
  return unary('tanh', x)
}

/** Records max(x, 0) of each element of an f32 tensor. Throws ERR_INVALID_ARGUMENT if x does not fit. */
export function relu(x: Tensor): Tensor {
  return unary('relu', x)
}

/**
 * Records scale * x + shift of each element of an f32 tensor, with finite numbers; shift is by default 0. Throws ERR_INVALID_ARGUMENT if an argument
 * does not fit.
 */
export function affine(x: Tensor, scale: number, shift = 0): Tensor {
  expectNumber('affine', 'scale', scale, -Number.MAX_VALUE, Number.MAX_VALUE)
  expectNumber('affine', 'shift', shift, -Number.MAX_VALUE, Number.MAX_VALUE)
  return unary('affine', x, [scale, shift])
}

function unary(name: OpName, x: Tensor, attributes: readonly number[] = []): Tensor {
  expectType(name, 'x', x, 'f32')
  return one(x, name, [x], x.shape, attributes)
}

/**
 * Records the part of x with the indices from `begin` to below `end` of the dimension `dim` (negative ones count from the end). Throws
 * ERR_INVALID_ARGUMENT if an argument is out of range.
 */
export function slice(x: Tensor, dim: number, begin: number, end: number): Tensor {
  expectType('slice', 'x', x, 'f32')
  const rank = x.shape.length
  expectNumber('slice', 'dim', dim, -rank, rank - 1, true)
  const axis = dim < 0 ? dim + rank : dim
  expectNumber('slice', 'begin', begin, 0, x.shape[axis]! - 1, true)
  expectNumber('slice', 'end', end, begin + 1, x.shape[axis]!, true)
  const shape = x.shape.map((size, i) => (i === axis ? end - begin : size))
  return one(x, 'slice', [x], shape, [axis, begin])
}

/**
 * Records the same elements, in row-major order, under another shape of rank 1 to 4. Throws ERR_INVALID_SHAPE if the number of elements
 * differs.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  expectType('reshape', 'x', x, 'f32')
  const checked = checkShape(shape, 'the result of reshape')
  if (sizeOf(checked) !== sizeOf(x.shape)) {
    const wanted = `a shape of ${sizeOf(x.shape)} elements, like ${showShape(x.shape)}, in reshape`
    throw expected('ERR_INVALID_SHAPE', wanted, showShape(checked), 'keep the number of elements')
  }
  return one(x, 'reshape', [x], checked)
}

/** Records x [T, ...] reversed along dimension 0. Throws ERR_INVALID_ARGUMENT if x does not fit. */
export function flip(x: Tensor): Tensor {
  return unary('flip', x)
}

/**
 * Records a draw from the softmax of each row: logits [..., V] and control, f32 [4] = {temperature (0: the largest logit), topK (0: all),
 * topP (1: all), 0}, give ids, int32 [...]. The draw is a function of (seed; stream, step, row), with the seed and step of the plan. With
 * `rows`, int32 [R, 4] = {seed, seed / 2^32, step, step / 2^32} of each of the R rows, each row draws as if it were the only row of a plan
 * with that seed and step, and control may be [R, 4], the settings of each row. Has no gradient. Throws ERR_INVALID_ARGUMENT or
 * ERR_INVALID_SHAPE if an argument does not fit.
 * @example
 * const id = ops.sample(logits, graph.input('control', [4], 'f32'), 0)
 */
export function sample(logits: Tensor, control: Tensor, stream: number, rows: Tensor | null = null): Tensor {
  expectType('sample', 'logits', logits, 'f32')
  expectRows('sample', logits, control, rows)
  expectNumber('sample', 'stream', stream, 0, MAX_ELEMENTS, true)
  const shape = logits.shape.length === 1 ? [1] : logits.shape.slice(0, -1)
  return logits.graph.record('sample', [logits, control, rows], [{ dtype: 'i32', shape }], [stream])[0]!
}

/**
 * Records the logarithms of the `count` largest probabilities of the softmax of each row of logits [..., V], from 1 to V: `nats` f32 [..., count],
 * the largest first, equal logits in the order of their ids, and their `ids`, int32 [..., count]. With `also`, int32 [...], both have one more
 * column, for that id of each row. Has no gradient. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an argument does not fit; a run throws
 * ERR_OUT_OF_RANGE for a row with NaN or without a finite maximum, and for an id outside the row.
 * @example
 * const { nats, ids } = ops.topLogSoftmax(logits, 5)
 */
export function topLogSoftmax(
  logits: Tensor,
  count: number,
  also: Tensor | null = null
): { readonly nats: Tensor; readonly ids: Tensor } {
  expectType('topLogSoftmax', 'logits', logits, 'f32')
  expectNumber('topLogSoftmax', 'count', count, 1, lastDim(logits), true)
  if (also !== null)
    expectShape('topLogSoftmax', 'also', also, 'i32', logits.shape.length === 1 ? [1] : logits.shape.slice(0, -1))
  const shape = withLast(logits.shape, count + (also === null ? 0 : 1))
  const both = [{ dtype: 'f32', shape } as const, { dtype: 'i32', shape } as const]
  const [nats, ids] = logits.graph.record('topLogSoftmax', [logits, also], both) as [Tensor, Tensor]
  return { nats, ids }
}
