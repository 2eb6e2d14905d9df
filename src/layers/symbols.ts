// The symbols of a decoder: their vectors as inputs, and the logits of the next ones, which may have the same table.

import { affine, linear as linearOp, tanh } from '../graph/ops/index.js'
import { normal, zeros } from '../graph/initializers.js'
import type { Tensor } from '../graph/graph.js'
import { dropout } from './dropout.js'
import { embedding } from './embedding.js'
import { linear } from './linear.js'

/** A table of vectors of symbols. */
export interface SymbolTable {
  /** Prefix of the parameter's name. */
  readonly name: string
  /** Number V of symbols. */
  readonly vocabulary: number
  /** Width E of the vectors. */
  readonly size: number
  /** Probability of dropout of the vectors, at least 0 and below 1. */
  readonly dropout: number
}

/**
 * Records the vectors of ids [T, B] as [T, B, E], after dropout. As weights of the output layer they have about the norm 1; as inputs they are
 * scaled to elements of about 1. Parameter: `<name>.weight` [V, E], which several calls share.
 */
export function symbolVectors(ids: Tensor, { name, vocabulary, size, dropout: p }: SymbolTable): Tensor {
  const vectors = embedding(ids, { name, vocabulary, size, weight: normal(1 / Math.sqrt(size)), shared: true })
  return dropout(affine(vectors, Math.sqrt(size)), { p })
}

/**
 * Records the logits [T, B, V] of the symbols from the output of a decoder. `dropout` is the probability before and after a layer of E units.
 * Parameters: `output.weight`, `output.bias`, `head.bias` [V], and `<name>.weight` [V, E] of the vectors if `tied`, else `head.weight`.
 */
export function symbolLogits(
  output: Tensor,
  { name, vocabulary, size, dropout: p, tied }: SymbolTable & { readonly tied: boolean }
): Tensor {
  const hidden = dropout(tanh(linear(dropout(output, { p }), { name: 'output', size })), { p })
  const { graph } = output
  const table = graph.parameter(
    tied ? `${name}.weight` : 'head.weight',
    [vocabulary, size],
    normal(1 / Math.sqrt(size))
  )
  return linearOp(hidden, table, graph.parameter('head.bias', [vocabulary], zeros))
}
