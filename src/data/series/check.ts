// Checks of series that callers pass, and series that programs make from their own values.

import {
  choice,
  filled,
  float64Array,
  integer,
  list,
  number,
  numbers,
  object,
  open,
  optional,
  record,
  string,
  type Check
} from '../../check/index.js'
import { expected, show } from '../../errors.js'
import { MOST_VALUE } from './numbers.js'
import type { GridStep, TimeSeries } from './series.js'
import { MAX_POINTS, timeForm, timesAfter } from './times.js'

const units: readonly GridStep['unit'][] = ['year', 'month', 'week', 'day', 'hour', 'minute', 'second', 'row']

const checkStep: Check<GridStep> = (value, name) => {
  const step = object<GridStep>({ unit: choice(...units), count: number(1e-3, 1e9) })(value, name)
  return step.unit === 'second' ? step : { ...step, count: integer(1, 1e9)(step.count, `count in ${name}`) }
}

const checkFields = open<TimeSeries>({
  name: filled,
  group: string,
  target: string,
  step: checkStep,
  times: list(filled, 1, MAX_POINTS),
  values: float64Array(),
  covariates: record(float64Array()),
  missing: integer(0)
})

/** Throws ERR_INVALID_ARGUMENT for values that are neither missing nor numbers from -1e150 to 1e150. */
function checkValues(values: ArrayLike<number>, name: string): void {
  const check = number(-MOST_VALUE, MOST_VALUE)
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i]!)) check(values[i], `${name}[${i}]`)
}

/** Checks a series: as many values as times, the first one not missing, covariates at least as long. */
export const checkSeries: Check<TimeSeries> = (value, name) => {
  const series = checkFields(value, name)
  const { values, times, covariates } = series
  const columns = Object.entries(covariates)
  const fits = ([, { length }]: readonly [string, Float64Array]) => length >= times.length
  const short = values.length === times.length ? columns.find((one) => !fits(one)) : (['values', values] as const)
  if (short) {
    const what = `${times.length} numbers, one for each time, as ${short[0]} of ${name}`
    throw expected('ERR_INVALID_SHAPE', what, String(short[1].length), 'pass NaN for missing values')
  }
  const form = timeForm(series.step)
  const odd = times.find((time) => !form.test(time))
  if (odd !== undefined)
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `times of the unit ${series.step.unit} in ${name}`,
      show(odd),
      'write them in ISO 8601'
    )
  checkValues(values, `values of ${name}`)
  for (const [key, column] of columns) checkValues(column, `${key} of ${name}`)
  number()(values[0], `the first value of ${name}`)
  return series
}

/** Options of `createSeries`. */
export interface SeriesOptions {
  /** Name of the series, as the model has it: the target column, or 'group: target'. */
  name: string
  /** Time of the first value in ISO 8601; default '1', for a step of rows. */
  start?: string
  /** Distance between two values; default: a row. */
  step?: GridStep
  /** Columns by name, on the same grid. Those that are known ahead may be longer than the values. NaN: missing. */
  covariates?: Readonly<Record<string, ArrayLike<number>>>
  /** Zone of times shorter than a day, such as Europe/Berlin; default: the offset of `start`, or none. */
  zone?: string
}

const readOptions = object<SeriesOptions>({
  name: filled,
  start: optional(filled),
  step: optional(checkStep),
  covariates: optional(record(numbers)),
  zone: optional(filled)
})

/**
 * Makes a series from values at equal steps; NaN: missing. Throws ERR_INVALID_ARGUMENT for values outside -1e150 to 1e150, a first value that is
 * missing, and an invalid start or zone, ERR_INVALID_SHAPE for covariates that are shorter than the values.
 *
 * @example
 * const series = createSeries([112, 118, NaN, 129], {
 *   name: 'Passengers',
 *   start: '1949-01',
 *   step: { unit: 'month', count: 1 }
 * })
 * series.times.at(-1) // '1949-04'
 */
export function createSeries(seriesValues: ArrayLike<number>, seriesOptions: SeriesOptions): TimeSeries {
  const values = Float64Array.from(numbers(seriesValues, 'the values'))
  const options = readOptions(seriesOptions, 'the options of createSeries')
  const { name, step = { unit: 'row', count: 1 }, start = '1', covariates = {}, zone } = options
  integer(1, MAX_POINTS)(values.length, 'the number of values')
  const columns = Object.entries(covariates).map(([key, column]) => [key, Float64Array.from(column)] as const)
  const times = [start, ...timesAfter({ times: [start], step }, values.length - 1, zone)]
  return checkSeries(
    {
      name,
      group: '',
      target: name,
      step,
      times,
      values,
      covariates: Object.fromEntries(columns),
      missing: values.reduce((sum, value) => sum + (Number.isNaN(value) ? 1 : 0), 0)
    },
    'the series'
  )
}
