// A table of learned vectors, one per symbol.

import { boolean, filled, integer, nullable, object, optional, syncFunction } from '../check/index.js'
import { expectNumber, expectType } from '../graph/check.js'
import { adjusted, normal, type Initializer } from '../graph/initializers.js'
import { embedding as embeddingOp } from '../graph/ops/index.js'
import { MAX_ELEMENTS } from '../graph/shape.js'
import { type Tensor } from '../graph/graph.js'

/** The options of `embedding`. */
export interface EmbeddingOptions {
  /** Prefix of the parameter's name: `<name>.weight`. */
  name: string
  /** Number of symbols V; an id outside [0, V) fails the run with ERR_OUT_OF_RANGE. */
  vocabulary: number
  /** Width E of a vector. */
  size: number
  /** Start of the table; default: standard normal, as PyTorch's. */
  weight?: Initializer
  /**
   * Id whose vector is padding, from -V to V - 1 (negative ones count from the end): it starts as zeros and gets no
   * gradient, as with torch.nn.Embedding. Default null: no padding.
   */
  paddingIdx?: number | null
  /** true: has the weights of an earlier layer of this name, which is refused otherwise. */
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
 * Records the look-up of vectors: ids i32 [...] give [..., E]. Parameter: `<name>.weight` [V, E]. Throws ERR_INVALID_ARGUMENT for
 * invalid options.
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
  return embeddingOp(table, ids, paddingIdx)
}

function paddingRow(paddingIdx: number, vocabulary: number): number {
  return paddingIdx < 0 ? paddingIdx + vocabulary : paddingIdx
}
