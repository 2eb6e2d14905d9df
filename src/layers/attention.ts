// The layer of attention: the projections of each kind of score, and the op.

import { boolean, choice, filled, integer, number, object, optional, type Fields } from '../check/index.js'
import { expectShape } from '../graph/check.js'
import { uniform } from '../graph/initializers.js'
import { additiveAttention, dotAttention, type AttentionResult } from '../graph/ops/index.js'
import { tensor, type Tensor } from '../graph/graph.js'
import { nameLayer } from '../graph/tensor-names.js'
import { linear } from './linear.js'

/** The options of `attention`. */
export interface AttentionOptions {
  /** Prefix of the parameters' names. */
  name: string
  /**
   * The score of query q and source step k. 'dot': q . k, for queries of the width of the source; 'general' (default): (W q) . k (both Luong,
   * Pham, Manning 2015); 'additive': v . tanh(W_q q + b_q + W_k k) (Bahdanau, Cho, Bengio 2015).
   */
  kind?: 'dot' | 'general' | 'additive'
  /** 'additive': width A of the projections, from 1 to 2^24. Default: the width of the source. */
  size?: number
  /** 'dot' and 'general': factor of the scores, from -3e38 to 3e38. Default: 1. */
  scale?: number
  /** int32 `[B]`: number of steps of each row of the source. */
  lengths: Tensor
  /** 'additive': the projection of the source by `attentionKeys`, so that the steps of a decoder do not compute it again. Default: computed here. */
  keys?: Tensor
  /** Whether the layer has the weights of an earlier layer of this name. Default: false, and a second layer of a name is refused. */
  shared?: boolean
}

const fields: Fields<AttentionOptions> = {
  name: filled,
  kind: optional(choice('dot', 'general', 'additive')),
  size: optional(integer(1, 2 ** 24)),
  scale: optional(number(-3e38, 3e38)),
  lengths: tensor,
  keys: optional(tensor),
  shared: optional(boolean)
}
const readOptions = object<AttentionOptions>(fields)
const readKeyOptions = object<KeyOptions>({ ...fields, lengths: optional(tensor) })
/** The options of `attentionKeys`: those of `attention`, of which only the name is needed. */
export type KeyOptions = Partial<AttentionOptions> & Pick<AttentionOptions, 'name'>

/**
 * Records the projection of the source for additive scores: source [S, B, H] gives [S, B, A]. Parameter: `<name>.key.weight` [A, H]. Takes the
 * options of its attention, of which it reads name, size and shared. Throws ERR_INVALID_SHAPE or ERR_INVALID_ARGUMENT if an argument does not
 * fit.
 * @example
 * const keys = attentionKeys(source, { name: 'attention', size: 64 })
 * const { context } = attention(queries, source, { name: 'attention', kind: 'additive', size: 64, lengths, keys })
 */
export function attentionKeys(source: Tensor, options: KeyOptions): Tensor {
  expectShape('attentionKeys', 'source', source, 'f32', [-1, -1, -1])
  const { name, size = source.shape[2]!, shared = false } = readKeyOptions(options, 'the options of attentionKeys')
  return linear(source, { name: `${name}.key`, size, bias: false, shared })
}

/**
 * Records attention of each query to the steps of a source.
 *
 *   weights_t = softmax over s of score(q_t, k_s)        context_t = sum over s of weights_ts source_s
 *
 * queries [T, B, Q] and source [S, B, H] give context [T, B, H] and weights [T, B, S]. Parameters of 'general': `<name>.query.weight` [H, Q];
 * of 'additive': `<name>.query.weight` [A, Q], `.query.bias` [A], `.key.weight` [A, H], `.v` [A]. Plans can read the results under the
 * names `<name>.context` and `<name>.weights`. Throws ERR_INVALID_SHAPE or ERR_INVALID_ARGUMENT if an argument does not fit.
 * @example
 * const { output: source } = lstm(x, { name: 'encoder', hidden: 64, lengths })
 * const { context } = attention(queries, source, { name: 'attention', lengths })
 */
export function attention(queries: Tensor, source: Tensor, attentionOptions: AttentionOptions): AttentionResult {
  expectShape('attention', 'queries', queries, 'f32', [-1, -1, -1])
  expectShape('attention', 'source', source, 'f32', [-1, -1, -1])
  const options = readOptions(attentionOptions, 'the options of attention')
  const { name, kind = 'general', scale = 1, lengths, shared = false } = options
  const width = source.shape[2]!
  if (kind === 'additive') {
    const size = options.size ?? width
    const v = source.graph.parameter(`${name}.v`, [size], uniform(1 / Math.sqrt(size)))
    const asked = linear(queries, { name: `${name}.query`, size, shared })
    const keys = options.keys ?? attentionKeys(source, { name, size, shared })
    return named(name, additiveAttention({ queries: asked, keys, v, values: source, lengths }))
  }
  const asked = kind === 'dot' ? queries : linear(queries, { name: `${name}.query`, size: width, bias: false, shared })
  return named(name, dotAttention({ queries: asked, keys: source, values: source, lengths, scale }))
}

function named(name: string, result: AttentionResult): AttentionResult {
  const { context, weights } = result
  nameLayer(name, { context, weights })
  return result
}
