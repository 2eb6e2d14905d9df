// The layer of dropout, which records an op for plans that train and none for the others.

import { boolean, number, object, optional } from '../check/index.js'
import { expectType } from '../graph/check.js'
import { dropoutOp } from '../graph/ops/linear.js'
import type { Tensor } from '../graph/graph.js'

/** The options of `dropout`. */
export interface DropoutOptions {
  /** Probability that an element is set to zero, from 0 to below 1. */
  p: number
  /** Whether all steps of a sequence [T, ...] have the same mask (Gal and Ghahramani 2016). Default: false. */
  variational?: boolean
}

const readOptions = object<DropoutOptions>({ p: number(0, 1), variational: optional(boolean) })

/**
 * Records dropout (Srivastava et al. 2014): in training, y = m * x / (1 - p) with a mask m of zeros and ones, which is 0 with probability p; in
 * other plans y = x. x and y have the same shape. Throws ERR_INVALID_ARGUMENT if an option is not valid.
 * @example
 * const y = dropout(output, { p: 0.3 })
 */
export function dropout(x: Tensor, options: DropoutOptions): Tensor {
  expectType('dropout', 'x', x, 'f32')
  const { p, variational = false } = readOptions(options, 'the options of dropout')
  // Every dropout layer takes a number, also if it records no op: the masks of a layer do not depend on whether another one is disabled.
  const stream = x.graph.nextStream()
  if (p === 0 || !x.graph.training) return x
  return dropoutOp(x, p, variational, stream)
}
