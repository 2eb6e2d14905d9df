// The choice of a linear autoregression: each form is fitted to the first part of the part to train on and judged on what follows, twice.

import { naive, type FittedBaseline } from './baseline.js'
import {
  autoregressionForecasts,
  fitAutoregression,
  type AutoregressionForm,
  type FittedAutoregression
} from './autoregression.js'
import { rollingError } from './rolling.js'

/** The highest order without a season; with one it is three seasons. */
const MAX_ORDER = 36
/**
 * Shares of the part to train on at which a form is fitted, to be judged on the next fifth. One fifth would be few seasons of a short series
 * (Bergmeir and Benitez, "On the use of cross-validation for time series predictor evaluation", 2012).
 */
const FITTED = [0.6, 0.8]
const JUDGED = 0.2
/** Values for each weight, at least. */
const VALUES_PER_WEIGHT = 3

/** Returns the orders that are tried, for `count` values. */
export function ordersFor(count: number, season: number): number[] {
  const orders = [1, 2, 3, 5, 8, 13, 21, MAX_ORDER, season, season + 1, 2 * season, 2 * season + 1, 3 * season]
  const most = Math.min(Math.max(MAX_ORDER, 3 * season), Math.floor(count / VALUES_PER_WEIGHT))
  return [...new Set(orders)].filter((order) => order <= most).sort((a, b) => a - b)
}

/** Returns all forms for `count` values. */
function formsOf(count: number, season: number): AutoregressionForm[] {
  return [false, true].flatMap((differences) =>
    [false, true].flatMap((log) => {
      const left = differences ? count - season : count
      return ordersFor(left, season).map((order) => ({ order, log, differences, season }))
    })
  )
}

/** Returns the error of a form on the last two fifths, NaN if it cannot be fitted. */
function judgedError(training: Float64Array, form: AutoregressionForm, horizon: number): number {
  return FITTED.reduce((sum, fitted) => {
    const begin = Math.round(training.length * fitted)
    const model = fitAutoregression(training.subarray(0, begin), form)
    if (!model) return NaN
    const end = Math.round(training.length * (fitted + JUDGED))
    return sum + rollingError(training.subarray(0, end), autoregressionForecasts(model), { begin, horizon })
  }, 0)
}

/** Returns the form with the smallest error, fitted to the whole part to train on. */
function chosen(training: Float64Array, season: number, horizon: number): FittedAutoregression | null {
  let best: { form: AutoregressionForm; error: number } | null = null
  for (const form of formsOf(Math.round(training.length * FITTED[0]!), season)) {
    const error = judgedError(training, form, horizon)
    if (error < (best?.error ?? Infinity)) best = { form, error }
  }
  return best && fitAutoregression(training, best.form)
}

/**
 * Returns a linear autoregression of the values or their logarithms, or of the changes of either against the season before, of an order up to 36 or
 * three seasons. The form is the one with the smallest absolute error over all horizons on the last two fifths of the part to train on; it is then
 * fitted to all of that part. A series too short for any form has the last value as its forecast.
 */
export function linearAutoregression(training: Float64Array, season: number, horizon: number): FittedBaseline {
  const model = chosen(training, season, horizon)
  if (!model) return { ...naive(), form: 'order 0' }
  const { order, log, differences } = model.form
  const parts = [`order ${order}`, ...(log ? ['logarithms'] : []), ...(differences ? ['seasonal differences'] : [])]
  return { form: parts.join(', '), forecasts: autoregressionForecasts(model) }
}
