// Facts about one series that a model's file holds: its linear part, scales of its values and errors, and the corrections that validation chose.
// All of them are computed on the training part only.

import { maseScale } from '../../metrics/forecast.js'
import { choice, integer, list, number, open, record, string, type Check } from '../../check/index.js'
import type { BaselineShape } from './baselines/baseline.js'
import { loadingsOf } from './dependence.js'
import { chooseLinear, partRule } from './linear/choose.js'
import { MeanReader, type LinearMean } from './linear/mean.js'
import { checkLinearPart, type LinearPart } from './linear/part.js'
import { chooseTransform, transformNames, transformOf, type TransformName } from './linear/transform.js'

/** Mean and deviation of a covariate. */
export interface CovariateScale {
  readonly mean: number
  readonly deviation: number
}

/** Facts about one series. Deviations are root mean squares of transformed values. */
export interface SeriesFacts extends BaselineShape {
  readonly name: string
  readonly transform: TransformName
  readonly parts: readonly LinearPart[]
  /** Deviations of the errors of the linear part, [horizon]. */
  readonly deviations: readonly number[]
  /** Loadings of the principal components of these errors, rows of [horizon]. */
  readonly loadings: readonly (readonly number[])[]
  /** Deviation of the differences to the values a season ago. */
  readonly seasonal: number
  /** Deviation of the values from the mean of the last seasons. */
  readonly level: number
  readonly covariates: Readonly<Record<string, CovariateScale>>
  /** Mean of the absolute differences to the values a season ago, the unit of the MASE; 0 for a series without changes. */
  readonly scale: number
  /** Number of values of the training part. */
  readonly trained: number
  /** Times of the first and the last value of the training part. */
  readonly first: string
  readonly last: string
  /** Share of the network's correction that is applied, 0 to 1; 0 leaves the linear part only. */
  readonly share: number
  /** Factor of the distances of the quantiles from the median; 1 leaves them as the network gives them. */
  readonly spread: number
}

const positive = number(1e-300)

/** Checks the facts from a model file. */
export const checkSeriesFacts: Check<SeriesFacts> = open<SeriesFacts>({
  name: string,
  season: integer(1, 4096),
  horizon: integer(1, 4096),
  transform: choice(...transformNames),
  parts: list(checkLinearPart, 1),
  deviations: list(positive, 1),
  loadings: list(list(number(-1, 1)), 0, 64),
  seasonal: positive,
  level: positive,
  covariates: record(open<CovariateScale>({ mean: number(), deviation: positive })),
  scale: number(0),
  trained: integer(1),
  first: string,
  last: string,
  share: number(0, 1),
  spread: number(0, 1e6)
})

/** The parts of a series that facts are computed from. */
export interface KnownSeries {
  readonly name: string
  readonly values: Float64Array
  readonly covariates: Readonly<Record<string, Float64Array>>
  readonly times: readonly string[]
}

/** Number of seasons whose mean is the level of a series. */
export const LEVEL_SEASONS = 4
/** Least number of values whose mean is the level of a series, for seasons of one step. */
export const LEVEL_LEAST = 8

/** Computes the facts of a series from its first `count` values. */
export function factsOf(series: KnownSeries, shape: BaselineShape, count: number): SeriesFacts {
  const values = series.values.subarray(0, count)
  const transform = chooseTransform(values)
  const parts = chooseLinear(values, shape, partRule)
  const { season } = shape
  const z = values.map((value) => (Number.isNaN(value) ? NaN : transformOf(transform).forward(value)))
  const scales = Object.entries(series.covariates).map(
    ([name, column]) => [name, scaleOf(column.subarray(0, count))] as const
  )
  return {
    name: series.name,
    ...shape,
    transform,
    parts,
    ...errorsOf(values, { transform, parts, horizon: shape.horizon }),
    seasonal: deviationOf(z.map((value, t) => value - (z[t - season] ?? NaN))),
    level: deviationOf(z.map((value, t) => value - meanBefore(z, t, season))),
    covariates: Object.fromEntries(scales),
    scale: maseScale(values, season) ?? 0,
    trained: count,
    first: series.times[0]!,
    last: series.times[count - 1]!,
    share: 1,
    spread: 1
  }
}

/** Returns the mean of the last seasons before `end`, of those values that are known. */
function meanBefore(z: ArrayLike<number>, end: number, season: number): number {
  let [sum, known] = [0, 0]
  for (let t = Math.max(0, end - Math.max(LEVEL_SEASONS * season, LEVEL_LEAST)); t < end; t++) {
    if (Number.isNaN(z[t]!)) continue
    sum += z[t]!
    known++
  }
  return known > 0 ? sum / known : NaN
}

function scaleOf(column: Float64Array): CovariateScale {
  const known = column.filter((value) => !Number.isNaN(value))
  const mean = known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length)
  return { mean: Number.isFinite(mean) ? mean : 0, deviation: deviationOf(known.map((value) => value - mean)) }
}

/** Returns the root of the mean square; a tiny number for a series that is constant. */
function deviationOf(errors: Float64Array): number {
  const known = errors.filter((error) => !Number.isNaN(error))
  const square = known.reduce((sum, error) => sum + error * error, 0) / Math.max(1, known.length)
  return Math.max(Math.sqrt(square), 1e-9)
}

/** Most errors that the components are computed from. */
const MOST_ERRORS = 2 ** 22

/** Returns the deviations of the linear part's errors for each horizon, and how the horizons depend on each other. */
function errorsOf(values: Float64Array, of: LinearMean): Pick<SeriesFacts, 'deviations' | 'loadings'> {
  const { forward } = transformOf(of.transform)
  const { horizon } = of
  const reader = new MeanReader(of)
  const forecast = new Float64Array(horizon)
  const [squares, counts] = [new Float64Array(horizon), new Float64Array(horizon)]
  const stride = Math.ceil((values.length * horizon) / MOST_ERRORS)
  const rows = new Float64Array(Math.ceil(values.length / stride) * horizon)
  let rowsEnd = 0
  for (let t = 0; t < values.length; t++) {
    reader.push(values[t]!, forecast)
    if (!reader.ready) continue
    const whole = t + horizon < values.length && t % stride === 0
    for (let h = 0; h < horizon && t + 1 + h < values.length; h++) {
      const error = forward(values[t + 1 + h]!) - forecast[h]!
      if (whole) rows[rowsEnd++] = error
      if (Number.isNaN(error)) continue
      squares[h]! += error * error
      counts[h]!++
    }
  }
  let before = 1e-9
  const deviations = Array.from(
    squares,
    (square, h) => (before = counts[h]! > 0 ? Math.max(Math.sqrt(square / counts[h]!), 1e-9) : before)
  )
  return { deviations, loadings: loadingsOf({ values: rows.subarray(0, rowsEnd), horizon }) }
}
