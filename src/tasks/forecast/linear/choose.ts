// The choice of linear autoregressions: candidates are fitted on beginnings of the training part and judged by their forecasts of what follows; the
// best one of each kind is kept if it is nearly as good as the best of all. The average of several is better than one choice from few data (Bates and
// Granger 1969).

import type { BaselineShape } from '../baselines/baseline.js'
import { fitLinear, LinearReader, memoryOf, type ConstantFit, type LinearForm, type LinearPart } from './part.js'
import { chooseTransform, type TransformName } from './transform.js'

/** The rule of a choice. */
export interface LinearRule {
  /** Ends of the beginnings to fit on, as shares of the values; each is judged up to the next one. */
  readonly folds: readonly number[]
  /** Numbers of consecutive lags. */
  readonly orders: readonly number[]
  /** Whether the numbers of lags of up to three seasons are tried, too. */
  readonly seasons: boolean
  /** How the constant is fitted. */
  readonly constant: ConstantFit
  /** A kind is kept if its error is at most this multiple of the least one. */
  readonly kept: number
}

/** The rule of the linear part of a model, which is to suit the next values, and leaves short series few weights. */
export const partRule: LinearRule = {
  folds: [0.6, 0.7, 0.8, 0.9],
  orders: [0, 1, 2, 3, 6, 9, 13, 24, 36],
  seasons: false,
  constant: 'mean',
  kept: 1.15
}
/** Largest number of kinds that are kept. */
const MOST_PARTS = 4
/** Largest number of consecutive lags of several seasons: the time of a fit grows with its square. */
const MOST_LAGS = 160

/** Returns the forms among which `chooseLinear` chooses. */
function candidates(values: ArrayLike<number>, { season }: BaselineShape, rule: LinearRule): LinearForm[] {
  const own = chooseTransform(values)
  const transforms: TransformName[] = own === 'identity' ? ['identity'] : ['identity', own]
  const distances = season > 1 ? [0, 1, season] : [0, 1]
  const seasonal = season > 1 ? [[], [season, season + 1, 2 * season]] : [[]]
  const seasons = rule.seasons && season > 1 ? [season, season + 1, 2 * season, 2 * season + 1, 3 * season] : []
  const lists = [...rule.orders, ...seasons.filter((order) => order <= MOST_LAGS)].flatMap((order) =>
    seasonal.map((more) => {
      const lags = new Set([...Array.from({ length: order }, (_, i) => i + 1), ...more])
      return [...lags].sort((a, b) => a - b)
    })
  )
  const distinct = [...new Map(lists.map((lags) => [lags.join(), lags])).values()]
  return transforms.flatMap((transform) =>
    distances.flatMap((difference) => distinct.map((lags) => ({ transform, difference, lags })))
  )
}

/** Returns the mean error of the forecasts of a form; Infinity if a beginning is too short for it. */
function errorOf(form: LinearForm, values: Float64Array, { horizon }: BaselineShape, rule: LinearRule): number {
  const { folds, constant } = rule
  let [sum, count] = [0, 0]
  const forecast = new Float64Array(horizon)
  for (const [i, share] of folds.entries()) {
    const end = Math.floor(share * values.length)
    const last = Math.floor((folds[i + 1] ?? 1) * values.length)
    const part = fitLinear(form, values.subarray(0, end), { constant })
    if (!part) return Infinity
    const reader = new LinearReader(part, horizon)
    for (let t = Math.max(0, end - 2 * memoryOf(form)); t < last; t++) {
      reader.push(values[t]!, forecast)
      if (t < end - 1 || !reader.ready) continue
      for (let h = 0; h < horizon && t + 1 + h < values.length; h++) {
        const error = Math.abs(values[t + 1 + h]! - forecast[h]!)
        if (Number.isNaN(error)) continue
        sum += error
        count++
      }
    }
  }
  return count > 0 ? sum / count : Infinity
}

/**
 * Chooses and fits the linear autoregressions of a series on its values, of which NaN are missing. A series that is too short for every candidate
 * gets the forecast that nothing changes.
 */
export function chooseLinear(values: Float64Array, shape: BaselineShape, rule: LinearRule): LinearPart[] {
  const best = new Map<string, { form: LinearForm; error: number }>()
  for (const form of candidates(values, shape, rule)) {
    const error = errorOf(form, values, shape, rule)
    const kind = `${form.transform} ${form.difference}`
    if (Number.isFinite(error) && error < (best.get(kind)?.error ?? Infinity)) best.set(kind, { form, error })
  }
  const sorted = [...best.values()].sort((one, other) => one.error - other.error)
  const kept = sorted.filter(({ error }) => error <= rule.kept * sorted[0]!.error).slice(0, MOST_PARTS)
  const parts = kept.map(({ form }) => fitLinear(form, values, rule)).filter((part) => part !== null)
  return parts.length > 0 ? parts : [{ transform: 'identity', difference: 1, lags: [], constant: 0, coefficients: [] }]
}
