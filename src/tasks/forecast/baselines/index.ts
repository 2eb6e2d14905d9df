// The baselines that every measurement of forecasts is compared with, fitted to the part to train on and applied to all that follows.

import { linearAutoregression } from './autoregression.js'
import { naive, seasonalNaive, type BaselineShape, type FittedBaseline } from './baseline.js'
import { exponentialSmoothing } from './smoothing-fit.js'

/** A way to forecast without a network. */
export interface Baseline {
  readonly name: string
  /** Fits the baseline to a part to train on, of which the first value is not missing; other values may be missing (NaN). */
  fit(training: Float64Array, shape: BaselineShape): FittedBaseline
  /**
   * Fits the baseline to the first `count` values and returns a function: for a step t from count - 1 on it returns the forecasts of the `horizon`
   * values after step t, from the values up to t only, and null for other steps.
   */
  forecasts(values: Float64Array, count: number, shape: BaselineShape): (t: number) => Float64Array | null
}

function baseline(name: string, fit: Baseline['fit']): Baseline {
  return {
    name,
    fit,
    forecasts(values, count, shape) {
      const span = { first: count, last: values.length, horizon: shape.horizon }
      const all = fit(values.subarray(0, count), shape).forecasts(values, span)
      return (t) => all[t + 1 - count] ?? null
    }
  }
}

/**
 * The baselines: the last value, the last season, exponential smoothing in the form that AICc prefers, and a linear autoregression, chosen within the
 * part to train on.
 */
export const baselines: readonly Baseline[] = [
  baseline('naive', () => naive()),
  baseline('seasonal naive', (_, { season }) => seasonalNaive(season)),
  baseline('exponential smoothing', (training, { season }) => exponentialSmoothing(training, season)),
  baseline('linear autoregression', linearAutoregression)
]
