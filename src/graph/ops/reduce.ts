// Sums, means, largest values and log-sum-exps over any dimensions of a tensor.

import { boolean, integer, list, optional, options as optionsOf } from '../../check/index.js'
import { expected } from '../../errors.js'
import { expectType } from '../check.js'
import { type Tensor } from '../graph.js'
import { sizeOf } from '../shape.js'
import { map } from './map.js'

const kinds = { sum: 0, max: 1 } as const

/** Options of the reductions. */
export interface ReduceOptions {
  /** True: reduced dimensions stay, with size 1, so that the result broadcasts to x in `map`; false (the default): they are left out. */
  keepDims?: boolean
}

/** The largest finite float32. */
const MAX_FLOAT = 3.4028234663852886e38

const readOptions = optionsOf<ReduceOptions>({ keepDims: optional(boolean) })

/** Dimensions to reduce: one or several, counted from 0 or, if negative, from the end. */
export type Axes = number | readonly number[]

/**
 * Sums over some dimensions; by default over all.
 *
 * x f32 [...] -> its shape without those dimensions, or with size 1 there if `keepDims`; [1] if none is left. Sums run in double.
 *
 * Throws ERR_INVALID_ARGUMENT if a dimension does not exist or is named twice, or if x is not f32.
 *
 * @example
 * const nats = ops.sum(ops.map([x, mean], (x, m) => x.sub(m).square()), [1, 2]) // [T, B, C] -> [T]
 */
export function sum(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  return reduce('sum', x, axes, options, () => 1)
}

/** Computes the mean over some dimensions, by default over all; shapes and errors as of `sum`. */
export function mean(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  return reduce('mean', x, axes, options, (terms) => 1 / terms)
}

/**
 * Finds the largest value over some dimensions, by default over all, NaN where one is NaN; shapes and errors as of `sum`. Its gradient goes in
 * equal parts to all elements that have the largest value, as with torch.amax.
 */
export function max(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  return reduce('max', x, axes, options, () => 1)
}

/**
 * Computes the weighted mean over some dimensions, by default over all: the sum of x * weights by the sum of the weights. `weights` f32 broadcasts
 * to x; x may be anything where its weight is 0. The result is 0 where the weights
 * add up to 0. Shapes and errors as of `sum`.
 */
export function weightedMean(x: Tensor, weights: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  expectType('weightedMean', 'weights', weights, 'f32')
  const weighted = map([x, weights], (x, w) => w.equal(0).select(0, x.mul(w)))
  const total = map([x, weights], (x, w) => x.less(0).select(w, w))
  return map([sum(weighted, axes, options), sum(total, axes, options)], (sum, total) =>
    total.equal(0).select(0, sum.div(total))
  )
}

/**
 * Computes log(sum(exp(x))) over some dimensions, by default over all, without overflow; shapes and errors as of `sum`. -Infinity where all
 * elements are -Infinity.
 */
export function logSumExp(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  const { keepDims } = readOptions(options, 'the options of logSumExp')
  const largest = max(x, axes, { keepDims: true })
  const top = map([largest], (m) => m.abs().lessEqual(MAX_FLOAT).select(m.stopGradient(), 0))
  const total = sum(
    map([x, top], (x, m) => x.sub(m).exp()),
    axes,
    { keepDims: keepDims ?? false }
  )
  const offset = keepDims === true ? top : sum(top, axes, { keepDims: false })
  return map([total, offset], (total, m) => total.log().add(m))
}

function readAxes(op: string, x: Tensor, axes: Axes | undefined): boolean[] {
  const rank = x.shape.length
  if (axes === undefined) return x.shape.map(() => true)
  const axis = integer(-rank, rank - 1)
  const chosen = typeof axes === 'number' ? [axis(axes, `axes of ${op}`)] : list(axis, 1, rank)(axes, `axes of ${op}`)
  const reduced = x.shape.map(() => false)
  chosen.forEach((axis) => {
    const at = axis < 0 ? axis + rank : axis
    if (reduced[at]) {
      throw expected('ERR_INVALID_ARGUMENT', `different dimensions in ${op}`, `dimension ${at} twice`, 'name each once')
    }
    reduced[at] = true
  })
  return reduced
}

function reduce(
  op: 'sum' | 'mean' | 'max',
  x: Tensor,
  axes: Axes | undefined,
  options: ReduceOptions | undefined,
  scale: (terms: number) => number
): Tensor {
  expectType(op, 'x', x, 'f32')
  const reduced = readAxes(op, x, axes)
  const { keepDims } = readOptions(options, `the options of ${op}`)
  const kept = x.shape.map((size, d) => (reduced[d] ? 1 : size))
  const squeezed = x.shape.filter((_, d) => !reduced[d])
  const shape = keepDims === true ? kept : squeezed.length > 0 ? squeezed : [1]
  const set = reduced.reduce((bits, gone, d) => bits + (gone ? 2 ** d : 0), 0)
  const kind = op === 'max' ? kinds.max : kinds.sum
  const attributes = [kind, scale(sizeOf(x.shape) / sizeOf(kept)), set]
  return x.graph.record('reduce', [x], [{ dtype: 'f32', shape }], attributes)[0]!
}
