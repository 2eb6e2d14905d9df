// Errors of forecasts from every origin of the last part of a series.

import type { FittedBaseline } from './baseline.js'

/** Returns the last origin of which the whole horizon lies in `count` values, or `begin` if that is later. */
export function lastOrigin(count: number, { begin, horizon }: { begin: number; horizon: number }): number {
  return Math.max(begin, count - horizon)
}

/**
 * Returns the mean absolute error of forecasts from every origin from `begin` on whose whole horizon lies in the values, so that all horizons have
 * the same weight. Missing values do not count; NaN if none counts. The first forecast is of values[begin].
 */
export function rollingError(
  values: Float64Array,
  forecasts: FittedBaseline['forecasts'],
  { begin, horizon }: { begin: number; horizon: number }
): number {
  const all = forecasts(values, { first: begin, last: lastOrigin(values.length, { begin, horizon }), horizon })
  let [sum, count] = [0, 0]
  all.forEach((forecast, i) => {
    for (let h = 0; h < horizon && begin + i + h < values.length; h++) {
      const actual = values[begin + i + h]!
      if (Number.isNaN(actual)) continue
      sum += Math.abs(forecast[h]! - actual)
      count++
    }
  })
  return sum / count
}
