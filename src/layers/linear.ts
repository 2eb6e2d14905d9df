// y = x W^T + b on the last dimension.

import { boolean, filled, integer, object, optional, syncFunction } from '../check/index.js'
import { expectType, lastDim } from '../graph/check.js'
import { uniform, type Initializer } from '../graph/initializers.js'
import { linear as linearOp } from '../graph/ops/index.js'
import { MAX_ELEMENTS } from '../graph/shape.js'
import { type Tensor } from '../graph/graph.js'

/** The options of `linear`. */
export interface LinearOptions {
  /** Prefix of the parameters' names: `<name>.weight`, `<name>.bias`. */
  name: string
  /** Width O of the result. */
  size: number
  /** false: no bias. */
  bias?: boolean
  /** Start of both; default: uniform within 1 / sqrt(I), as PyTorch's. */
  weight?: Initializer
  biasStart?: Initializer
  /** true: has the weights of an earlier layer of this name, which is refused otherwise. */
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
 * Records y = x W^T + b on the last dimension: x [..., I] gives [..., O]. Parameters: `<name>.weight` [O, I], `<name>.bias` [O].
 * Throws ERR_INVALID_ARGUMENT for invalid options.
 */
export function linear(x: Tensor, options: LinearOptions): Tensor {
  expectType('linear', 'x', x, 'f32')
  const inputs = lastDim(x)
  const start = uniform(1 / Math.sqrt(inputs))
  const read = readOptions(options, 'the options of linear')
  const { name, size, bias = true, weight = start, biasStart = start, shared } = read
  x.graph.layer(name, shared)
  const w = x.graph.parameter(`${name}.weight`, [size, inputs], weight)
  return linearOp(x, w, bias ? x.graph.parameter(`${name}.bias`, [size], biasStart) : null)
}
