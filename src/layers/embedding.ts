// The layer of embeddings: a table of learned vectors, one for each symbol.

import { boolean, filled, integer, nullable, object, optional, syncFunction } from '../check/index.js'
import { expectNumber, expectType } from '../graph/check.js'
import { adjusted, normal, type Initializer } from '../graph/initializers.js'
import { embeddingOp } from '../graph/ops/linear.js'
import { MAX_ELEMENTS } from '../graph/shape.js'
import { type Tensor } from '../graph/graph.js'
import { nameLayer } from '../graph/tensor-names.js'

/** The options of `embedding`. */
export interface EmbeddingOptions {
  /** Prefix of the parameter's name: `<name>.weight`. */
  name: string
  /** Number of symbols V, at least 1. A run throws ERR_OUT_OF_RANGE if an id is not from 0 to V - 1. */
  vocabulary: number
  /** Width E of a vector, at least 1. */
  size: number
  /** Initializer of the table. Default: standard normal, as in PyTorch. */
  weight?: Initializer
  /**
   * Id of the padding, from -V to V - 1 (negative ones count from the end): its vector starts as zeros and gets no gradient, as in
   * torch.nn.Embedding. Default null: no padding.
   */
  paddingIdx?: number | null
  /** Whether the layer has the weights of an earlier layer of this name. Default: false, and a second layer of a name is refused. */
  shared?: boolean
}

const size = integer(1, MAX_ELEMENTS)
const readOptions = object<EmbeddingOptions>({
  name: filled,
  vocabulary: size,
  size,
  weight: optional(syncFunction()),
  paddingIdx: optional(nullable(integer(-MAX_ELEMENTS))),
  shared: optional(boolean)
})

/**
 * Records the look-up of vectors, y = weight[id]: ids, int32 of rank 1 to 3, give [..., E]. Parameter: `<name>.weight` [V, E]. Plans can read
 * the result and its gradient under the name `<name>.output`. Throws
 * ERR_INVALID_ARGUMENT if an option is not valid, and ERR_INVALID_SHAPE for ids of another rank.
 * @example
 * const vectors = embedding(tokens, { name: 'embedding', vocabulary: 65, size: 32 })
 */
export function embedding(ids: Tensor, options: EmbeddingOptions): Tensor {
  const read = readOptions(options, 'the options of embedding')
  expectType('embedding', 'ids', ids, 'i32')
  const { name, vocabulary, size, weight = normal(1), paddingIdx = null, shared } = read
  if (paddingIdx !== null) expectNumber('embedding', 'paddingIdx', paddingIdx, -vocabulary, vocabulary - 1, true)
  ids.graph.layer(name, shared)
  const initialize =
    paddingIdx === null
      ? weight
      : adjusted(weight, (view) => view.subarray(paddingRow(paddingIdx, vocabulary) * size).fill(0, 0, size))
  const table = ids.graph.parameter(`${name}.weight`, [vocabulary, size], initialize)
  const output = embeddingOp(table, ids, paddingIdx)
  nameLayer(name, { output })
  return output
}

function paddingRow(paddingIdx: number, vocabulary: number): number {
  return paddingIdx < 0 ? paddingIdx + vocabulary : paddingIdx
}
