// y = x W^T + b on the last dimension.

import { expectOnly } from '../graph/check.js'
import { uniform, type Initializer } from '../graph/initializers.js'
import { linear as linearOp } from '../graph/ops.js'
import type { Tensor } from '../graph/tensor.js'

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

const known = { name: true, size: true, bias: true, weight: true, biasStart: true, shared: true } as const

/** x [..., I] -> [..., O]. Parameters: `<name>.weight` [O, I], `<name>.bias` [O]. */
export function linear(x: Tensor, options: LinearOptions): Tensor {
  expectOnly('linear', options, known)
  x.graph.layer(options.name, options.shared)
  const inputs = x.shape[x.shape.length - 1]!
  const start = uniform(1 / Math.sqrt(inputs))
  const { name, size, bias = true, weight = start, biasStart = start } = options
  const w = x.graph.parameter(`${name}.weight`, [size, inputs], weight)
  return linearOp(x, w, bias ? x.graph.parameter(`${name}.bias`, [size], biasStart) : null)
}
