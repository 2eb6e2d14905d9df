// A table of learned vectors, one per symbol.

import { normal, type Initializer } from '../graph/initializers.js'
import { embedding as embeddingOp } from '../graph/ops.js'
import type { Tensor } from '../graph/tensor.js'

export interface EmbeddingOptions {
  /** Prefix of the parameter's name: `<name>.weight`. */
  name: string
  /** Number of symbols V; an id outside [0, V) fails the run with ERR_OUT_OF_RANGE. */
  vocabulary: number
  /** Width E of a vector. */
  size: number
  /** Start of the table; default: standard normal, as PyTorch's. */
  weight?: Initializer
}

/** ids i32 [...] -> [..., E]. Parameter: `<name>.weight` [V, E]. */
export function embedding(ids: Tensor, options: EmbeddingOptions): Tensor {
  const { name, vocabulary, size, weight = normal(1) } = options
  return embeddingOp(ids.graph.parameter(`${name}.weight`, [vocabulary, size], weight), ids)
}
