// The ops of a linear layer, of an embedding and of dropout. B batch, T steps, I and O sizes, V vocabulary, E width of a vector.

import { boolean } from '../../check/index.js'
import { expected } from '../../errors.js'
import { expectNumber, expectRate, expectShape, expectType, lastDim, withLast } from '../check.js'
import type { Tensor } from '../graph.js'
import { MAX_ELEMENTS, showShape } from '../shape.js'
import { one } from './one.js'

/**
 * Records x weight^T + bias on the last dimension: x [..., I], weight [O, I] and bias [O] (null: none) give [..., O]. Throws
 * ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if a tensor does not fit.
 * @example
 * const y = ops.linear(x, graph.parameter('w', [4, 3], uniform(0.5)))
 */
export function linearOp(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  expectType('linear', 'x', x, 'f32')
  expectShape('linear', 'weight', weight, 'f32', [-1, lastDim(x)])
  const size = weight.shape[0]!
  if (bias !== null) expectShape('linear', 'bias', bias, 'f32', [size])
  return one(x, 'linear', [x, weight, bias], withLast(x.shape, size))
}

/**
 * Records a look-up of rows: table [V, E] and ids, int32 of rank 1 to 3, give [..., E]. The row `paddingIdx` (from -V to V - 1, negative ones
 * count from the end; null, the default: no row) gets no gradient, as in torch.nn.functional.embedding; weight decay still applies to
 * it. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE if an argument does not fit; a run throws ERR_OUT_OF_RANGE if an id is not from 0 to
 * V - 1.
 * @example
 * const vectors = ops.embedding(graph.parameter('table', [10, 4], normal()), ids)
 */
export function embeddingOp(table: Tensor, ids: Tensor, paddingIdx: number | null = null): Tensor {
  expectShape('embedding', 'table', table, 'f32', [-1, -1])
  expectType('embedding', 'ids', ids, 'i32')
  if (ids.shape.length > 3)
    throw expected('ERR_INVALID_SHAPE', 'ids of embedding of rank 1 to 3', showShape(ids.shape), 'reshape them')
  const shape = [...ids.shape, table.shape[1]!]
  if (paddingIdx === null) return one(ids, 'embedding', [table, ids], shape)
  const rows = table.shape[0]!
  expectNumber('embedding', 'paddingIdx', paddingIdx, -rows, rows - 1, true)
  return one(ids, 'embedding', [table, ids], shape, [(paddingIdx < 0 ? paddingIdx + rows : paddingIdx) + 1])
}

/**
 * Records dropout: in the modes that train, each element is zero with probability `p`, 0 to below 1, and else multiplied by 1 / (1 - p).
 * `variational`: all steps of dimension 0 have the same mask (Gal and Ghahramani 2016); default false. The mask is a function of
 * (seed; stream, step, element), where `stream` is by default the next number of the graph. Throws ERR_INVALID_ARGUMENT if an argument does
 * not fit.
 * @example
 * const y = ops.dropout(x, 0.5)
 */
export function dropoutOp(x: Tensor, p: number, variational = false, stream?: number): Tensor {
  expectType('dropout', 'x', x, 'f32')
  expectRate('dropout', 'p', p)
  boolean(variational, 'variational of dropout')
  const number = stream === undefined ? x.graph.nextStream() : stream
  expectNumber('dropout', 'stream', number, 0, MAX_ELEMENTS, true)
  return one(x, 'dropout', [x], x.shape, [p, variational ? 1 : 0, number])
}
