// The series of CSV files, as the settings of a model name them, and the season and horizon of each.

import { seasonOf, type TimeSeries } from '../../data/series/series.js'
import { readSeries, type ReadSeriesOptions } from '../../data/series/read.js'
import { expected, show } from '../../errors.js'
import { namesIn } from './config.js'
import type { BaselineShape } from './baselines/baseline.js'
import type { ForecastTable } from './settings.js'

/** The source of the bytes of the input '-', and a signal. */
export type SeriesReading = Pick<ReadSeriesOptions, 'signal' | 'stdin'>

/** Longest season or horizon, in steps. */
const MOST_STEPS = 4096
/** Horizon of a series without a season. */
const SHORT_HORIZON = 5

/** Reads the series of the files. Throws the errors of `readSeries`, and ERR_INVALID_OPTION for two series of one name. */
export async function readForecastSeries(
  files: readonly string[],
  table: ForecastTable,
  reading: SeriesReading = {}
): Promise<TimeSeries[]> {
  const { target, time, series, known, observed, dateFormat, zone, decimal, wide } = table
  if (!wide && namesIn(target).length === 0)
    throw expected(
      'ERR_INVALID_OPTION',
      'the columns to forecast',
      'none',
      'name them as target, or the form of the file as wide'
    )
  const all: TimeSeries[] = []
  for (const file of files) {
    const options: ReadSeriesOptions = {
      ...reading,
      target: namesIn(target),
      series: namesIn(series),
      known: namesIn(known),
      observed: namesIn(observed),
      wide,
      decimal: decimal === 'comma' ? ',' : '.',
      constant: 'allow',
      ...(time !== '' && { time }),
      ...(dateFormat !== '' && { dateFormat }),
      ...(zone !== '' && { zone })
    }
    all.push(...(await readSeries(file, options)))
  }
  const names = all.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice === undefined) return all
  throw expected(
    'ERR_INVALID_OPTION',
    'series of different names',
    `two named ${show(twice)}`,
    'name the series of the rows by a column'
  )
}

/** Returns season and horizon of a series. Throws ERR_INVALID_OPTION for settings that are not numbers of steps. */
export function forecastShape(
  { name, group, step }: Pick<TimeSeries, 'name' | 'group' | 'step'>,
  { season, horizon }: ForecastTable
): BaselineShape {
  const own = stepsIn(season, 'season', [name, group]) ?? seasonOf(step)
  return { season: own, horizon: stepsIn(horizon, 'horizon', [name, group]) ?? (own > 1 ? own : SHORT_HORIZON) }
}

/** Returns the number of steps that a setting has for one of the names; undefined if it has none. */
function stepsIn(text: string, name: string, names: readonly string[]): number | undefined {
  for (const one of namesIn(text)) {
    const at = one.lastIndexOf('=')
    const steps = Number(one.slice(at + 1))
    if (!Number.isInteger(steps) || steps < 1 || steps > MOST_STEPS)
      throw expected(
        'ERR_INVALID_OPTION',
        `a number of steps from 1 to ${MOST_STEPS} as ${name}`,
        show(one),
        `write 12, or name=12`
      )
    if (at < 0 || names.includes(one.slice(0, at).trim())) return steps
  }
  return undefined
}
