// Losses with a weight for each row, made of element-wise expressions and sums.

import { expectShape } from '../check.js'
import type { Tensor } from '../graph.js'
import { map } from './map.js'
import { sum } from './reduce.js'

/** The option of losses that may weigh their rows. */
export interface RowWeightOptions {
  /**
   * Weight of each row, f32, 0 or more: the loss is the weighted mean, and its second element the sum of the weights. A row of weight 0 has no
   * part in the loss, whatever its values are. Default: 1 each.
   */
  weights?: Tensor | null
}

/**
 * Returns the weighted mean of `values` and the sum of their weights, [2]. The shape of `weights` is the one of `values` or its beginning, of
 * `rank` dimensions. Throws ERR_INVALID_SHAPE for another one. 0 if the weights add up to 0.
 */
export function weightedLoss(op: string, values: Tensor, weights: Tensor, rank: number): Tensor {
  expectShape(op, 'weights', weights, 'f32', values.shape.slice(0, rank))
  const inner = values.shape.slice(rank)
  const aligned = inner.length === 0 ? weights : withInner(weights, inner.length)
  const weighted = map([values, aligned], (value, weight) => weight.equal(0).select(0, value.mul(weight)))
  const count = inner.reduce((product, size) => product * size, 1)
  const total = map([sum(weights)], (weight) => weight.mul(count).stopGradient())
  const mean = map([sum(weighted), total], (sum, total) => total.equal(0).select(0, sum.div(total)))
  return values.graph.record('concat', [mean, total], [{ dtype: 'f32', shape: [2] }], [])[0]!
}

function withInner(weights: Tensor, rank: number): Tensor {
  const shape = [...weights.shape, ...Array.from({ length: rank }, () => 1)]
  return weights.graph.record('reshape', [weights], [{ dtype: 'f32', shape }], [])[0]!
}
