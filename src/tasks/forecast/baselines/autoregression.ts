// The linear autoregression as a baseline: the forms that forecast the last two fifths of the part to train on best.

import { chooseLinear } from '../linear/choose.js'
import { MeanReader } from '../linear/mean.js'
import type { LinearPart } from '../linear/part.js'
import { eachOrigin, type BaselineShape, type FittedBaseline } from './baseline.js'

/** Returns the form of an autoregression for people. */
function formOf({ transform, difference, lags }: LinearPart): string {
  const transforms = { identity: [], log: ['logarithms'], sqrt: ['square roots'] }
  const changes = difference === 0 ? [] : [difference === 1 ? 'differences' : `differences over ${difference}`]
  return [`lags to ${lags.at(-1) ?? 0}`, ...transforms[transform], ...changes].join(', ')
}

/** Judged by more values than the linear part of a model, which is to suit the next values, and with fewer forms in the average. */
const CHOICE = { folds: [0.6, 0.8], kept: 1.05, most: 4 }

/**
 * Returns the mean of linear autoregressions of the values, their logarithms or square roots, or of the changes of these over a step or a season. The forms are those
 * whose absolute error over all horizons on the last two fifths of the part to train on is within 5 % of the least one, one of each kind; they are then fitted
 * to all of that part.
 */
export function linearAutoregression(training: Float64Array, shape: BaselineShape): FittedBaseline {
  const parts = chooseLinear(training, shape, CHOICE)
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
