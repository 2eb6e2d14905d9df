// The linear autoregression as a baseline: the mechanism of the linear part of a model with a rule of its own.

import { chooseLinear, type LinearRule } from '../linear/choose.js'
import { MeanReader } from '../linear/mean.js'
import type { LinearPart } from '../linear/part.js'
import { eachOrigin, type BaselineShape, type FittedBaseline } from './baseline.js'

/** Returns the form of an autoregression in words. */
function formOf({ transform, difference, lags }: LinearPart): string {
  const transforms = { identity: [], log: ['logarithms'], sqrt: ['square roots'] }
  const changes = difference === 0 ? [] : [difference === 1 ? 'differences' : `differences over ${difference}`]
  return [`lags to ${lags.at(-1) ?? 0}`, ...transforms[transform], ...changes].join(', ')
}

/**
 * The rule of the baseline: judged on fifths, because one tenth would be few seasons of a short series (Bergmeir and Benitez, "On the use of
 * cross-validation for time series predictor evaluation", 2012), and with the lags of whole seasons.
 */
const baselineRule: LinearRule = {
  folds: [0.6, 0.8],
  orders: [0, 1, 2, 3, 5, 6, 8, 9, 13, 21, 24, 36],
  seasons: true,
  constant: 'free',
  kept: 1.05
}

/**
 * Returns the mean of linear autoregressions of the values, their logarithms or square roots, or of the changes of these over a step or a season. One
 * form of each kind is kept if its absolute error over all horizons on the last two fifths of the part to train on is within 5 % of the least one; it
 * is then fitted to all of that part.
 */
export function linearAutoregression(training: Float64Array, shape: BaselineShape): FittedBaseline {
  const parts = chooseLinear(training, shape, baselineRule)
  return {
    form: parts.map(formOf).join(' and '),
    forecasts(values, span) {
      const reader = new MeanReader({ parts, transform: 'identity', horizon: span.horizon })
      const forecast = new Float64Array(span.horizon)
      let t = 0
      return eachOrigin(span, (origin, out) => {
        for (; t < origin; t++) reader.push(values[t]!, forecast)
        out.set(forecast)
      })
    }
  }
}
