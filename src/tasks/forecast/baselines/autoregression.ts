// Linear autoregression: the next value is a weighted sum of the last ones, of their logarithms or of their changes against the season before.

import { eachOrigin, type FittedBaseline } from './baseline.js'
import { normalEquations } from './least-squares.js'

/** Which series is predicted from which of its last values. */
export interface AutoregressionForm {
  /** Number of last values. */
  readonly order: number
  /** Whether logarithms are predicted: log y, or log(1 + y) if the part to train on has a zero. */
  readonly log: boolean
  /** Whether changes against the same step of the season before are predicted. */
  readonly differences: boolean
  /** Steps of a season. */
  readonly season: number
}

/** A fitted autoregression. */
export interface FittedAutoregression {
  readonly form: AutoregressionForm
  /** 1 if the logarithm is that of 1 + y. */
  readonly shift: number
  /** A constant, then the weights of the last values, the newest first. */
  readonly coefficients: Float64Array
}

/** Ridge of the fit, as a share of the squares of the inputs: it decides only between weights that fit nearly equally well. */
const RIDGE = 1e-6

/** Returns the series whose values are summed: its logarithm if the form has one. Values that have none are missing. */
function transformed(values: Float64Array, { log }: AutoregressionForm, shift: number): Float64Array {
  return log ? values.map((value) => (value + shift > 0 ? Math.log(value + shift) : NaN)) : values.slice()
}

/** Returns what the weights multiply at step t: the value, or its change. */
function inputAt(series: Float64Array, t: number, { differences, season }: AutoregressionForm): number {
  return differences ? series[t]! - series[t - season]! : series[t]!
}

/** Returns the forecast of step t of a series from the values before it. */
function forecastAt(series: Float64Array, t: number, { form, coefficients }: FittedAutoregression): number {
  let sum = coefficients[0]!
  for (let k = 1; k <= form.order; k++) sum += coefficients[k]! * inputAt(series, t - k, form)
  return form.differences ? sum + series[t - form.season]! : sum
}

/** Returns the number of values that a forecast needs. */
function reachOf({ order, differences, season }: AutoregressionForm): number {
  return order + (differences ? season : 0)
}

/**
 * Fills missing values of a series in place, from step `begin` on: with the forecast of `model`; without one, and where the model lacks values, with
 * the value of a season before moved by the last change, or the last value. Only values before a gap are used.
 */
function fillGaps(series: Float64Array, form: AutoregressionForm, model: FittedAutoregression | null, begin = 0): void {
  const { season } = form
  for (let t = begin; t < series.length; t++) {
    if (!Number.isNaN(series[t])) continue
    if (model && t >= reachOf(form)) series[t] = forecastAt(series, t, model)
    else if (t > season) series[t] = series[t - season]! + series[t - 1]! - series[t - 1 - season]!
    else if (t > 0) series[t] = series[t - 1]!
  }
}

/** Solves for the weights of a series without gaps. Steps that `known` lacks are not predicted. */
function solve(
  series: Float64Array,
  known: Float64Array,
  form: AutoregressionForm,
  ridge: number
): Float64Array | null {
  const { order } = form
  const equations = normalEquations(order + 1)
  const row = new Float64Array(order + 2)
  let rows = 0
  for (let t = reachOf(form); t < series.length; t++) {
    if (Number.isNaN(known[t])) continue
    row[0] = 1
    for (let k = 1; k <= order; k++) row[k] = inputAt(series, t - k, form)
    row[order + 1] = inputAt(series, t, form)
    equations.add(row)
    rows++
  }
  return rows > order + 1 ? equations.solve(ridge, 0) : null
}

/**
 * Fits an autoregression to the values, of which the first one is not missing. Missing values are never predicted in the fit; as inputs they are
 * forecasts of the model, which is fitted twice for that. Returns null if the values are too few, or have no logarithm.
 */
export function fitAutoregression(
  values: Float64Array,
  form: AutoregressionForm,
  ridge = RIDGE
): FittedAutoregression | null {
  if (form.log && values.some((value) => value < 0)) return null
  const shift = form.log && values.some((value) => value === 0) ? 1 : 0
  const known = transformed(values, form, shift)
  const hasGaps = known.some((value) => Number.isNaN(value))
  let model: FittedAutoregression | null = null
  for (let round = 0; round < (hasGaps ? 2 : 1); round++) {
    const series = known.slice()
    fillGaps(series, form, model)
    const coefficients = solve(series, known, form, ridge)
    if (!coefficients) return null
    model = { form, shift, coefficients }
  }
  return model
}

/** Returns the forecasts of a fitted model. */
export function autoregressionForecasts(model: FittedAutoregression): FittedBaseline['forecasts'] {
  const { form, shift } = model
  return (values, span) => {
    const series = transformed(values, form, shift)
    fillGaps(series, form, model)
    // Room for the steps of a forecast, which are inputs of its later ones; the values there come back after it.
    const room = new Float64Array(Math.max(series.length, span.last + span.horizon))
    room.set(series)
    return eachOrigin(span, (origin, out) => {
      for (let h = 0; h < out.length; h++) room[origin + h] = forecastAt(room, origin + h, model)
      for (let h = 0; h < out.length; h++) out[h] = form.log ? Math.exp(room[origin + h]!) - shift : room[origin + h]!
      room.set(series.subarray(origin, origin + out.length), Math.min(origin, series.length))
    })
  }
}
