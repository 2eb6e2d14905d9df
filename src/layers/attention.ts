// Attention as a layer: the projections that a kind of score asks for, and the op.

import { boolean, choice, filled, integer, object, optional, type Fields } from '../check/index.js'
import { expectShape } from '../graph/check.js'
import { uniform } from '../graph/initializers.js'
import { additiveAttention, dotAttention, type AttentionResult } from '../graph/ops/index.js'
import { tensor, type Tensor } from '../graph/graph.js'
import { linear } from './linear.js'

/** The options of `attention`. */
export interface AttentionOptions {
  /** Prefix of the parameters' names. */
  name: string
  /**
   * 'dot': queries as they are, of the source's width; 'general' (default): a matrix between them (both Luong et al. 2015);
   * 'additive': Bahdanau et al. 2015.
   */
  kind?: 'dot' | 'general' | 'additive'
  /** 'additive': width A of the compared vectors; default: the source's. */
  size?: number
  /** i32 [B]: steps of each row of the source. */
  lengths: Tensor
  /** 'additive': the source's projection from `attentionKeys`, so that steps of a decoder do not make it again. */
  keys?: Tensor
  /** true: has the weights of an earlier layer of this name, which is refused otherwise. */
  shared?: boolean
}

const fields: Fields<AttentionOptions> = {
  name: filled,
  kind: optional(choice('dot', 'general', 'additive')),
  size: optional(integer(1, 2 ** 24)),
  lengths: tensor,
  keys: optional(tensor),
  shared: optional(boolean)
}
const readOptions = object<AttentionOptions>(fields)
const readKeyOptions = object<KeyOptions>({ ...fields, lengths: optional(tensor) })
/** The options of `attentionKeys`: those of `attention`, of which only the name is needed. */
export type KeyOptions = Partial<AttentionOptions> & Pick<AttentionOptions, 'name'>

/**
 * Returns the projection of the source [S, B, H] that additive scores compare with, [S, B, A]: `<name>.key.weight` [A, H]. Takes
 * the options of its attention, of which it reads name, size and shared.
 */
export function attentionKeys(source: Tensor, options: KeyOptions): Tensor {
  expectShape('attentionKeys', 'source', source, 'f32', [-1, -1, -1])
  const { name, size = source.shape[2]!, shared = false } = readKeyOptions(options, 'the options of attentionKeys')
  return linear(source, { name: `${name}.key`, size, bias: false, shared })
}

/**
 * Records attention: queries [T, B, Q] and source [S, B, H] give context [T, B, H] and weights [T, B, S]. Throws ERR_INVALID_SHAPE and
 * ERR_INVALID_ARGUMENT for arguments that do not fit. Parameters: 'general':
 * `<name>.query.weight` [H, Q]; 'additive': `<name>.query.weight` [A, Q], `.query.bias` [A], `.key.weight` [A, H], `.v` [A].
 */
export function attention(queries: Tensor, source: Tensor, attentionOptions: AttentionOptions): AttentionResult {
  expectShape('attention', 'queries', queries, 'f32', [-1, -1, -1])
  expectShape('attention', 'source', source, 'f32', [-1, -1, -1])
  const options = readOptions(attentionOptions, 'the options of attention')
  const { name, kind = 'general', lengths, shared = false } = options
  const width = source.shape[2]!
  if (kind === 'additive') {
    const size = options.size ?? width
    const v = source.graph.parameter(`${name}.v`, [size], uniform(1 / Math.sqrt(size)))
    const asked = linear(queries, { name: `${name}.query`, size, shared })
    const keys = options.keys ?? attentionKeys(source, { name, size, shared })
    return additiveAttention({ queries: asked, keys, v, values: source, lengths })
  }
  const asked = kind === 'dot' ? queries : linear(queries, { name: `${name}.query`, size: width, bias: false, shared })
  return dotAttention({ queries: asked, keys: source, values: source, lengths })
}
