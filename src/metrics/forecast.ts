// Figures of merit of forecasts: errors of points, of samples and quantiles, and of intervals. Values that are missing (NaN among the actual
// ones) are left out; a forecast that is NaN is a fault of its model and makes the figure NaN.

import { expected } from '../errors.js'

/** Throws ERR_INVALID_SHAPE unless all lists are as long as the first one. */
function sameLengths(lists: readonly ArrayLike<number>[]): void {
  const odd = lists.find((list) => list.length !== lists[0]!.length)
  if (!odd) return
  const what = `${lists[0]!.length} forecasts, one for each value,`
  throw expected('ERR_INVALID_SHAPE', what, String(odd.length), 'pass lists of the same length')
}

/** Returns the mean of `error(i)` over the values that are not missing, NaN if all are. */
function meanOver(actual: ArrayLike<number>, error: (i: number) => number): number {
  let [sum, count] = [0, 0]
  for (let i = 0; i < actual.length; i++) {
    if (Number.isNaN(actual[i])) continue
    sum += error(i)
    count++
  }
  return sum / count
}

/**
 * Returns the scale of MASE: the mean of |y_t - y_(t-season)| over the part to train on (Hyndman and Koehler, "Another look at measures of
 * forecast accuracy", 2006). Returns null if it is 0 or has no term: the training part is constant, has no season in full, or lacks the values.
 */
export function maseScale(training: ArrayLike<number>, season: number): number | null {
  const later = Array.from(training).slice(season)
  const changes = later.map((value, i) => Math.abs(value - training[i]!))
  const mean = meanOver(changes, (i) => changes[i]!)
  return mean > 0 ? mean : null
}

/** Returns the mean absolute error divided by `scale`, that of `maseScale`; null if the scale is null. NaN if no value counts. */
export function mase(actual: ArrayLike<number>, forecast: ArrayLike<number>, scale: number | null): number | null {
  sameLengths([actual, forecast])
  return scale === null ? null : meanOver(actual, (i) => Math.abs(actual[i]! - forecast[i]!)) / scale
}

/**
 * Returns the symmetric error in percent, the mean of 200 |y - f| / (|y| + |f|), from 0 to 200; a term with y = f = 0 is 0. Near zero it is
 * large for any forecast, so it does not suit series with zeros.
 */
export function smape(actual: ArrayLike<number>, forecast: ArrayLike<number>): number {
  sameLengths([actual, forecast])
  return meanOver(actual, (i) => {
    const size = Math.abs(actual[i]!) + Math.abs(forecast[i]!)
    return size === 0 ? 0 : (200 * Math.abs(actual[i]! - forecast[i]!)) / size
  })
}

/** Returns the pinball loss of `quantile`, the forecast at `level` (between 0 and 1), for one value. */
export function pinballLoss(quantile: number, level: number, actual: number): number {
  const error = actual - quantile
  return error >= 0 ? level * error : (level - 1) * error
}

/**
 * Returns the CRPS of one value from the forecasts at several levels: twice their mean pinball loss, which is the integral over all levels if
 * these are spread evenly over (0, 1). The unit is that of the values. NaN for a missing value.
 */
export function crpsOfQuantiles(quantiles: ArrayLike<number>, levels: ArrayLike<number>, actual: number): number {
  sameLengths([levels, quantiles])
  return 2 * meanOver(levels, (i) => pinballLoss(quantiles[i]!, levels[i]!, actual))
}

/**
 * Returns the CRPS of one value from samples of the forecast: the mean of |x - y| less half the mean of |x - x'| over all pairs of different
 * samples, which is unbiased for any number of samples (Zamo and Naveau 2018). NaN for a missing value, and for fewer than two samples.
 */
export function crpsOfSamples(samples: ArrayLike<number>, actual: number): number {
  const sorted = Float64Array.from(samples).sort()
  const count = sorted.length
  let [distance, spread] = [0, 0]
  for (let i = 0; i < count; i++) {
    distance += Math.abs(sorted[i]! - actual)
    // In sorted order each sample is the larger one of i pairs and the smaller one of the others.
    spread += (2 * i - count + 1) * sorted[i]!
  }
  return distance / count - spread / (count * (count - 1))
}

/** Returns the share, 0 to 1, of the values inside their intervals, bounds included; NaN if no value counts. */
export function intervalCoverage(
  actual: ArrayLike<number>,
  lower: ArrayLike<number>,
  upper: ArrayLike<number>
): number {
  sameLengths([actual, lower, upper])
  return meanOver(actual, (i) => {
    if (Number.isNaN(lower[i]! + upper[i]!)) return NaN
    return actual[i]! >= lower[i]! && actual[i]! <= upper[i]! ? 1 : 0
  })
}
