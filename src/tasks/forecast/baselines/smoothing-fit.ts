// The fit of exponential smoothing to the part to train on: weights that minimise the squared one-step errors, and the form by AICc.

import { eachOrigin, type FittedBaseline } from './baseline.js'
import { normalEquations } from '../linear/least-squares.js'
import { nelderMead } from './nelder-mead.js'
import {
  copyState,
  smoothedForecast,
  smoothStep,
  stepErrors,
  sumOfSquares,
  type SmoothingForm,
  type SmoothingState,
  type SmoothingWeights
} from './smoothing.js'

/** A fitted model of exponential smoothing. */
export interface FittedSmoothing {
  readonly form: SmoothingForm
  readonly weights: SmoothingWeights
  /** The state before the first value. */
  readonly state: SmoothingState
  /** Sum of squared one-step errors. */
  readonly errors: number
  readonly aicc: number
}

/** Bounds of phi, as Hyndman et al. recommend: below, damping does not differ from no trend, and above, from a linear one. */
const [PHI_MIN, PHI_MAX] = [0.8, 0.98]
/** Starts of the search for the weights, of which the best result is taken: a quick and a slow model. */
const STARTS = [
  { alpha: 0.5, beta: 0.1, gamma: 0.1, phi: 0.95 },
  { alpha: 0.1, beta: 0.02, gamma: 0.3, phi: 0.9 }
]

const logit = (share: number) => Math.log(share / (1 - share))
const share = (x: number) => 1 / (1 + Math.exp(-x))

/** Returns the mean of those of some numbers that are not NaN; NaN without any. */
function meanOf(values: Iterable<number>): number {
  let [sum, count] = [0, 0]
  for (const value of values) {
    if (Number.isNaN(value)) continue
    sum += value
    count++
  }
  return sum / count
}

/** Returns the first state of a model, from the first two seasons, or the first ten values without a season. */
function firstState(values: Float64Array, { trend, seasonal, season }: SmoothingForm): SmoothingState {
  const count = Math.min(values.length, seasonal === 'none' ? 10 : 2 * season)
  const head = values.subarray(0, count)
  const lag = seasonal === 'none' ? Math.max(1, count >> 1) : season
  const changes = Array.from(head.subarray(lag), (value, i) => (value - head[i]!) / lag)
  const slope = trend === 'none' ? 0 : meanOf(changes) || 0
  const level = meanOf(head.map((value, t) => value - slope * (t + 1)))
  const terms = new Float64Array(season).fill(seasonal === 'multiplicative' ? 1 : 0)
  if (seasonal === 'none') return { level, trend: slope, seasonal: terms }
  const multiplicative = seasonal === 'multiplicative'
  for (let phase = 0; phase < season; phase++) {
    const of = (t: number) =>
      multiplicative ? head[t]! / (level + slope * (t + 1)) : head[t]! - level - slope * (t + 1)
    const term = meanOf(phase + season < count ? [of(phase), of(phase + season)] : [of(phase)])
    if (!Number.isNaN(term)) terms[phase] = term
  }
  const middle = meanOf(terms)
  return { level, trend: slope, seasonal: terms.map((term) => (multiplicative ? term / middle : term - middle)) }
}

/** Returns the names of the weights that a form has. */
function weightsOf({ trend, seasonal }: SmoothingForm): (keyof SmoothingWeights)[] {
  const names: (keyof SmoothingWeights)[] = ['alpha']
  if (trend !== 'none') names.push('beta')
  if (seasonal !== 'none') names.push('gamma')
  if (trend === 'damped') names.push('phi')
  return names
}

/** Returns the weights at a point of the search, whose coordinates are not bounded. */
function weightsAt(at: ArrayLike<number>, names: readonly (keyof SmoothingWeights)[]): SmoothingWeights {
  const weights = { alpha: 0, beta: 0, gamma: 0, phi: 1 }
  names.forEach((name, i) => {
    const part = share(at[i]!)
    weights[name] = name === 'phi' ? PHI_MIN + (PHI_MAX - PHI_MIN) * part : part
  })
  return weights
}

/** Returns Akaike's criterion with the correction for few values (Hurvich and Tsai 1989), Infinity for too few. */
function correctedAic(errors: number, count: number, parameters: number): number {
  if (count - parameters - 1 <= 0) return Infinity
  const correction = (2 * parameters * (parameters + 1)) / (count - parameters - 1)
  return count * Math.log(Math.max(errors, Number.MIN_VALUE) / count) + 2 * parameters + correction
}

/** Returns the weights that minimise the errors of a form from a given first state. */
function fitWeights(
  values: Float64Array,
  form: SmoothingForm,
  begin: SmoothingState
): { weights: SmoothingWeights; errors: number } {
  const names = weightsOf(form)
  const cost = (at: Float64Array) => sumOfSquares(stepErrors(form, weightsAt(at, names), copyState(begin), values))
  const found = STARTS.map((start) =>
    nelderMead(
      cost,
      names.map((name) => logit(name === 'phi' ? (start.phi - PHI_MIN) / (PHI_MAX - PHI_MIN) : start[name]))
    )
  )
  const { at, value } = found.reduce((best, one) => (one.value < best.value ? one : best))
  return { weights: weightsAt(at, names), errors: value }
}

/** Returns the state with its terms moved by `step`: level, trend, seasonal terms. */
function moved({ level, trend, seasonal }: SmoothingState, step: ArrayLike<number>): SmoothingState {
  return { level: level + step[0]!, trend: trend + step[1]!, seasonal: seasonal.map((term, i) => term + step[2 + i]!) }
}

/**
 * Returns a first state with smaller errors under the same weights, by a Gauss-Newton step: a season has too many first terms for a search, but
 * the errors are linear in them, or nearly so. Returns the same state if the step does not help.
 */
function betterState(
  values: Float64Array,
  form: SmoothingForm,
  weights: SmoothingWeights,
  state: SmoothingState
): SmoothingState {
  const errorsFrom = (begin: SmoothingState) => stepErrors(form, weights, copyState(begin), values)
  const errors = errorsFrom(state)
  const size = 2 + form.season
  const free = (i: number) => i === 0 || (i === 1 ? form.trend !== 'none' : form.seasonal !== 'none')
  const places = Array.from({ length: size }, (_, i) => i).filter(free)
  const unit = 1e-4 * Math.max(1e-6, Math.sqrt(sumOfSquares(errors) / values.length))
  const columns = places.map((place) => {
    const width = place > 1 && form.seasonal === 'multiplicative' ? 1e-5 : unit
    const step = new Float64Array(size)
    step[place] = width
    return errorsFrom(moved(state, step)).map((error, t) => (errors[t]! - error) / width)
  })
  const equations = normalEquations(columns.length)
  const row = new Float64Array(columns.length + 1)
  for (let t = 0; t < values.length; t++) {
    columns.forEach((column, i) => (row[i] = column[t]!))
    row[columns.length] = errors[t]!
    equations.add(row)
  }
  // Level and seasonal terms can be shifted against each other: the ridge decides for the smallest step.
  const solution = equations.solve(1e-6)
  if (!solution) return state
  const step = new Float64Array(size)
  places.forEach((place, i) => (step[place] = solution[i]!))
  const next = moved(state, step)
  return sumOfSquares(errorsFrom(next)) < sumOfSquares(errors) ? next : state
}

/** Rounds of fitting weights and first states in turn. */
const ROUNDS = 4

/** Fits one form to the values, of which the first one is not missing. */
export function fitSmoothing(values: Float64Array, form: SmoothingForm): FittedSmoothing {
  let state = firstState(values, form)
  let best = { ...fitWeights(values, form, state), state }
  for (let round = 1; round < ROUNDS; round++) {
    state = betterState(values, form, best.weights, best.state)
    const next = { ...fitWeights(values, form, state), state }
    if (next.errors < best.errors) best = next
  }
  const count = values.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : 1), 0)
  const states = (form.trend === 'none' ? 1 : 2) + (form.seasonal === 'none' ? 0 : form.season - 1)
  // The variance of the errors is a parameter, too.
  return { form, ...best, aicc: correctedAic(best.errors, count, weightsOf(form).length + states + 1) }
}

/** Returns the forms that suit a series: seasonal ones from two seasons on, multiplicative ones for positive values. */
function formsFor(values: Float64Array, season: number): SmoothingForm[] {
  const forms: SmoothingForm[] = [
    { trend: 'none', seasonal: 'none', season: 1 },
    { trend: 'damped', seasonal: 'none', season: 1 }
  ]
  if (season < 2 || values.length < 2 * season) return forms
  forms.push({ trend: 'linear', seasonal: 'additive', season })
  if (values.every((value) => Number.isNaN(value) || value > 0))
    forms.push({ trend: 'linear', seasonal: 'multiplicative', season })
  return forms
}

/** Returns the forecasts of a fitted model. */
function smoothingForecasts({ form, weights, state: begin }: FittedSmoothing): FittedBaseline['forecasts'] {
  return (values, span) => {
    const state = copyState(begin)
    let t = 0
    return eachOrigin(span, (origin, out) => {
      for (; t < origin; t++) smoothStep(form, weights, state, { t, y: values[t]! })
      for (let steps = 0; steps < out.length; steps++) out[steps] = smoothedForecast(form, weights, state, { t, steps })
    })
  }
}

/** Returns exponential smoothing, fitted to the part to train on in that form whose AICc is the lowest: simple, damped, or of Holt and Winters. */
export function exponentialSmoothing(training: Float64Array, season: number): FittedBaseline {
  const fits = formsFor(training, season).map((form) => fitSmoothing(training, form))
  const best = fits.reduce((first, one) => (one.aicc < first.aicc ? one : first))
  const { trend, seasonal } = best.form
  const form = seasonal === 'none' ? (trend === 'none' ? 'simple' : 'damped trend') : `Holt-Winters, ${seasonal}`
  return { form, forecasts: smoothingForecasts(best) }
}
