// Dropout as a layer: there in training, nothing at all in a plan that only evaluates.

import { boolean, number, object, optional } from '../check/index.js'
import { expectType } from '../graph/check.js'
import { dropout as dropoutOp } from '../graph/ops/index.js'
import type { Tensor } from '../graph/graph.js'

/** The options of `dropout`. */
export interface DropoutOptions {
  /** Probability that an element is dropped, 0 <= p < 1. */
  p: number
  /** One mask for all time steps of a sequence [T, ...] (Gal and Ghahramani 2016), instead of a new one per step. */
  locked?: boolean
}

const readOptions = object<DropoutOptions>({ p: number(0, 1), locked: optional(boolean) })

/** Drops elements of `x` in training and scales the others by 1 / (1 - p). */
export function dropout(x: Tensor, options: DropoutOptions): Tensor {
  expectType('dropout', 'x', x, 'f32')
  const { p, locked = false } = readOptions(options, 'the options of dropout')
  // Every dropout layer has its number, used or not: masks of one layer do not move when another is switched off.
  const stream = x.graph.nextStream()
  if (p === 0 || !x.graph.training) return x
  return dropoutOp(x, p, locked, stream)
}
