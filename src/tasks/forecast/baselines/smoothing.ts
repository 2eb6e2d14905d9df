// Exponential smoothing in the form of Holt (1957) and Winters (1960): level, trend and season, each an exponential average of the estimates that the
// values give of it. Hyndman, Koehler, Ord and Snyder, "Forecasting with Exponential Smoothing" (2008), has the recursions under these names.

/** The parts of a model of exponential smoothing. */
export interface SmoothingForm {
  /** 'damped' multiplies the trend by phi < 1 in each step. */
  readonly trend: 'none' | 'linear' | 'damped'
  readonly seasonal: 'none' | 'additive' | 'multiplicative'
  /** Steps of a season; 1 without one. */
  readonly season: number
}

/** Weights of the last value, 0 to 1, and the damping of the trend. */
export interface SmoothingWeights {
  readonly alpha: number
  readonly beta: number
  readonly gamma: number
  readonly phi: number
}

/** Level and trend at one point of the series, and the seasonal terms of the next season. */
export interface SmoothingState {
  level: number
  trend: number
  /** The term of step t is at t mod season. */
  readonly seasonal: Float64Array
}

/** Returns a copy of a state. */
export function copyState({ level, trend, seasonal }: SmoothingState): SmoothingState {
  return { level, trend, seasonal: seasonal.slice() }
}

/** Returns the forecast for the step after `steps` more steps, of which the first is step t: level, damped trend, seasonal term. */
export function smoothedForecast(
  { trend: kind, seasonal: how, season }: SmoothingForm,
  { phi }: SmoothingWeights,
  { level, trend, seasonal }: SmoothingState,
  { t, steps }: { t: number; steps: number }
): number {
  let factor = 0
  if (kind === 'linear') factor = steps + 1
  else if (kind === 'damped') factor = (phi * (1 - phi ** (steps + 1))) / (1 - phi)
  const base = level + factor * trend
  if (how === 'none') return base
  const term = seasonal[(t + steps) % season]!
  return how === 'additive' ? base + term : base * term
}

/**
 * Moves a state from before step t to after it, with its value y. A missing value leaves level and season as forecast. Trend and seasonal terms
 * follow from the level before the step, as in statsmodels' ExponentialSmoothing.
 */
export function smoothStep(
  { trend: kind, seasonal: how, season }: SmoothingForm,
  { alpha, beta, gamma, phi }: SmoothingWeights,
  state: SmoothingState,
  { t, y }: { t: number; y: number }
): void {
  const slope = kind === 'none' ? 0 : kind === 'damped' ? phi * state.trend : state.trend
  const base = state.level + slope
  const place = t % season
  const term = state.seasonal[place]!
  if (Number.isNaN(y)) {
    state.level = base
    state.trend = slope
    return
  }
  const plain = how === 'additive' ? y - term : how === 'multiplicative' ? y / term : y
  const level = alpha * plain + (1 - alpha) * base
  if (kind !== 'none') state.trend = beta * (level - state.level) + (1 - beta) * slope
  if (how === 'additive') state.seasonal[place] = gamma * (y - base) + (1 - gamma) * term
  if (how === 'multiplicative') state.seasonal[place] = gamma * (y / base) + (1 - gamma) * term
  state.level = level
}

/** Returns the one-step errors, 0 for missing values. Changes `state`. */
export function stepErrors(
  form: SmoothingForm,
  weights: SmoothingWeights,
  state: SmoothingState,
  values: Float64Array
): Float64Array {
  return values.map((y, t) => {
    const error = Number.isNaN(y) ? 0 : y - smoothedForecast(form, weights, state, { t, steps: 0 })
    smoothStep(form, weights, state, { t, y })
    return error
  })
}

/** Returns the sum of squares. */
export function sumOfSquares(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value * value
  return sum
}
