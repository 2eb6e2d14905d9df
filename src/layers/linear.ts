// The linear layer: y = x W^T + b on the last dimension.

import { boolean, filled, integer, object, optional, syncFunction } from '../check/index.js'
import { expectType, lastDim } from '../graph/check.js'
import { uniform, type Initializer } from '../graph/initializers.js'
import { linearOp } from '../graph/ops/linear.js'
import { MAX_ELEMENTS } from '../graph/shape.js'
import { type Tensor } from '../graph/graph.js'
import { nameLayer } from '../graph/tensor-names.js'

/** The options of `linear`. */
export interface LinearOptions {
  /** Prefix of the parameters' names: `<name>.weight`, `<name>.bias`. */
  name: string
  /** Width O of the result, at least 1. */
  size: number
  /** Whether there is a bias. Default: true. */
  bias?: boolean
  /** Initializer of the weight. Default: uniform within 1 / sqrt(I), as in PyTorch. */
  weight?: Initializer
  /** Initializer of the bias. Default: uniform within 1 / sqrt(I), as in PyTorch. */
  biasStart?: Initializer
  /** Whether the layer has the weights of an earlier layer of this name. Default: false, and a second layer of a name is refused. */
  shared?: boolean
}

const readOptions = object<LinearOptions>({
  name: filled,
  size: integer(1, MAX_ELEMENTS),
  bias: optional(boolean),
  weight: optional(syncFunction()),
  biasStart: optional(syncFunction()),
  shared: optional(boolean)
})

/**
 * Records y = x W^T + b on the last dimension: x [..., I] gives [..., O]. Parameters: `<name>.weight` [O, I], `<name>.bias` [O]. Plans can
 * read the result and its gradient under the name `<name>.output`.
 * Throws ERR_INVALID_ARGUMENT if an option is not valid.
 * @example
 * const logits = linear(output, { name: 'head', size: 65 })
 */
export function linear(x: Tensor, options: LinearOptions): Tensor {
  expectType('linear', 'x', x, 'f32')
  const inputs = lastDim(x)
  const start = uniform(1 / Math.sqrt(inputs))
  const read = readOptions(options, 'the options of linear')
  const { name, size, bias = true, weight = start, biasStart = start, shared } = read
  x.graph.layer(name, shared)
  const w = x.graph.parameter(`${name}.weight`, [size, inputs], weight)
  const output = linearOp(x, w, bias ? x.graph.parameter(`${name}.bias`, [size], biasStart) : null)
  nameLayer(name, { output })
  return output
}
