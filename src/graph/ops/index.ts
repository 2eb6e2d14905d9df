// One function per op of the native core: checks every shape, records the op, returns its outputs.
// B batch, T steps, I input size, H hidden size, V vocabulary; gate order i, f, g, o; sequences are time-major.
// Each throws ERR_INVALID_SHAPE or ERR_INVALID_ARGUMENT where shapes, dtypes or attributes do not fit.

import { boolean, options as optionsOf } from '../../check/index.js'
import { GatecellError } from '../../errors.js'
import {
  expectNumber,
  expectRate,
  expectRows,
  expectSame,
  expectShape,
  expectType,
  lastDim,
  withLast
} from '../check.js'
import type { OpName } from '../opcodes.js'
import { MAX_ELEMENTS, checkShape, sameShape, showShape, sizeOf, type Shape } from '../shape.js'
import { tensorOrNull, type Tensor } from '../graph.js'
import { map } from './map.js'
import { sum } from './reduce.js'
import { weightedLoss, type RowWeightOptions } from './weighted.js'

export * from './attention.js'
export * from './losses.js'
export type { RowWeightOptions } from './weighted.js'
export { map } from './map.js'
export { concat, gather, pad, patches, permute, scatterAdd, type PatchesOptions } from './moves.js'
export { matmul, type MatmulOptions } from './products.js'
export { logSumExp, max, mean, sum, weightedMean, type Axes, type ReduceOptions } from './reduce.js'
export { gru, lstm, type GruInputs, type LstmInputs } from './recurrent.js'

/**
 * table [V, E], ids i32 [...] -> [..., E]. An id outside the table fails the run with ERR_OUT_OF_RANGE. The row
 * `paddingIdx` (from -V to V - 1, negative ones count from the end; null, the default: no row) gets no gradient, as with
 * torch.nn.functional.embedding; weight decay still applies to it.
 */
export function embedding(table: Tensor, ids: Tensor, paddingIdx: number | null = null): Tensor {
  expectShape('embedding', 'table', table, 'f32', [-1, -1])
  expectType('embedding', 'ids', ids, 'i32')
  if (ids.shape.length > 3) {
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `embedding: expected ids of rank 1 to 3 but received ${showShape(ids.shape)}: reshape them.`
    )
  }
  const shape = [...ids.shape, table.shape[1]!]
  if (paddingIdx === null) return one(ids, 'embedding', [table, ids], shape)
  const rows = table.shape[0]!
  expectNumber('embedding', 'paddingIdx', paddingIdx, -rows, rows - 1, true)
  return one(ids, 'embedding', [table, ids], shape, [(paddingIdx < 0 ? paddingIdx + rows : paddingIdx) + 1])
}

/** x [..., I], weight [O, I], bias [O] or null -> x weight^T + bias [..., O]. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  expectType('linear', 'x', x, 'f32')
  expectShape('linear', 'weight', weight, 'f32', [-1, lastDim(x)])
  const size = weight.shape[0]!
  if (bias !== null) expectShape('linear', 'bias', bias, 'f32', [size])
  return one(x, 'linear', [x, weight, bias], withLast(x.shape, size))
}

/**
 * Each element is zero with probability `p`, else scaled by 1 / (1 - p); only in training modes. `locked`: one mask for
 * all steps of dimension 0 (Gal and Ghahramani 2016). The mask is a function of (seed; stream, step, element).
 */
export function dropout(x: Tensor, p: number, locked = false, stream?: number): Tensor {
  expectType('dropout', 'x', x, 'f32')
  expectRate('dropout', 'p', p)
  boolean(locked, 'locked of dropout')
  const number = stream === undefined ? x.graph.nextStream() : stream
  expectNumber('dropout', 'stream', number, 0, MAX_ELEMENTS, true)
  return one(x, 'dropout', [x], x.shape, [p, locked ? 1 : 0, number])
}

/**
 * Computes binary cross-entropies: logits [..., K], targets f32 like logits -> [2], the mean over rows of the sum over K in nats, and the
 * number of rows. `weights` [...] of the options makes it the weighted mean of the rows and the sum of the weights. Throws ERR_INVALID_SHAPE.
 */
export function sigmoidCrossEntropy(logits: Tensor, targets: Tensor, options: RowWeightOptions = {}): Tensor {
  const { weights = null } = readWeights(options, 'the options of sigmoidCrossEntropy')
  expectPair('sigmoidCrossEntropy', 'logits', logits, 'targets', targets)
  if (weights === null) return one(logits, 'sigmoidCrossEntropy', [logits, targets], [2])
  const nats = map([logits, targets], (x, y) => x.softplus().sub(x.mul(y)))
  return weightedLoss('sigmoidCrossEntropy', sum(nats, -1), weights, logits.shape.length - 1)
}

/**
 * Computes the mean of (x - y)^2: x, y of one shape [..., K] -> [2], the mean over all elements, and their number. `weights` [...] of the
 * options, one for each row of K elements, makes it the weighted mean, and the sum of the weights of all elements. Throws
 * ERR_INVALID_SHAPE.
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

/** Softmax over the last dimension. */
export function softmax(x: Tensor): Tensor {
  return unary('softmax', x)
}

/** a + b; b has a's shape or is [last dimension of a]. */
export function add(a: Tensor, b: Tensor): Tensor {
  return binary('add', a, b)
}

/** a - b; b has a's shape or is [last dimension of a]. */
export function sub(a: Tensor, b: Tensor): Tensor {
  return binary('sub', a, b)
}

/** a * b element by element; b has a's shape or is [last dimension of a]. */
export function mul(a: Tensor, b: Tensor): Tensor {
  return binary('mul', a, b)
}

function binary(name: OpName, a: Tensor, b: Tensor): Tensor {
  expectType(name, 'a', a, 'f32')
  expectType(name, 'b', b, 'f32')
  if (!sameShape(a.shape, b.shape) && !sameShape([lastDim(a)], b.shape)) {
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `${name}: expected b of shape ${showShape(a.shape)} or [${lastDim(a)}] but received ${showShape(b.shape)}: reshape b.`
    )
  }
  return one(a, name, [a, b], a.shape)
}

export function sigmoid(x: Tensor): Tensor {
  return unary('sigmoid', x)
}

export function tanh(x: Tensor): Tensor {
  return unary('tanh', x)
}

export function relu(x: Tensor): Tensor {
  return unary('relu', x)
}

/** x -> scale * x + shift */
export function affine(x: Tensor, scale: number, shift = 0): Tensor {
  expectNumber('affine', 'scale', scale, -Number.MAX_VALUE, Number.MAX_VALUE)
  expectNumber('affine', 'shift', shift, -Number.MAX_VALUE, Number.MAX_VALUE)
  return unary('affine', x, [scale, shift])
}

function unary(name: OpName, x: Tensor, attributes: readonly number[] = []): Tensor {
  expectType(name, 'x', x, 'f32')
  return one(x, name, [x], x.shape, attributes)
}

/** The elements begin <= index < end of dimension `dim` (counted from 0; negative: from the last). */
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

/** The same elements in row-major order under another shape of rank 1 to 4. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  expectType('reshape', 'x', x, 'f32')
  const checked = checkShape(shape, 'the result of reshape')
  if (sizeOf(checked) !== sizeOf(x.shape)) {
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `reshape: expected a shape of ${sizeOf(x.shape)} elements, like ${showShape(x.shape)}, but received ${showShape(checked)}: keep the number of elements.`
    )
  }
  return one(x, 'reshape', [x], checked)
}

/** x [T, ...] reversed along dimension 0. */
export function flip(x: Tensor): Tensor {
  return unary('flip', x)
}

/**
 * logits [..., V], control f32 [4] = {temperature (0: the largest), topK (0: all), topP (1: all), 0} -> i32 [...] drawn
 * from the softmax; a function of (seed; stream, step, row), with the seed and step of the plan. With `rows`, i32 [R, 4] = {seed,
 * seed / 2^32, step, step / 2^32} of each of the R rows, each row draws as the only row of a plan under its own seed and step, and
 * control may be [R, 4], the settings of each row. Has no gradient.
 */
export function sample(logits: Tensor, control: Tensor, stream: number, rows: Tensor | null = null): Tensor {
  expectType('sample', 'logits', logits, 'f32')
  expectRows('sample', logits, control, rows)
  expectNumber('sample', 'stream', stream, 0, MAX_ELEMENTS, true)
  const shape = logits.shape.length === 1 ? [1] : logits.shape.slice(0, -1)
  return logits.graph.record('sample', [logits, control, rows], [{ dtype: 'i32', shape }], [stream])[0]!
}

function one(
  source: Tensor,
  name: OpName,
  inputs: readonly (Tensor | null)[],
  shape: Shape,
  attributes: readonly number[] = []
): Tensor {
  return source.graph.record(name, inputs, [{ dtype: 'f32', shape }], attributes)[0]!
}
