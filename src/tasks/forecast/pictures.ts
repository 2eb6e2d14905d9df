// Pictures of forecasts and anomalies: the series and their ranges as fan charts.

import type { TimeSeries } from '../../data/series/series.js'
import type { FanChart } from '../../plot/fan-chart.js'
import type { Anomaly } from './anomaly-scores.js'
import { LEVELS, MEDIAN } from './levels.js'
import type { SeriesForecast } from './load.js'

/** Length of the history in a picture, as a multiple of the horizon. */
const SHOWN = 5
/** Level of the interval between the outermost quantiles. */
const WIDEST = LEVELS.at(-1)! - LEVELS[0]

/** Returns the chart of a forecast after the last part of its series. */
export function forecastChart(series: TimeSeries, { times, quantiles }: SeriesForecast): FanChart {
  const begin = Math.max(0, series.values.length - SHOWN * times.length)
  const at = (i: number) => quantiles.map((row) => row[i]!)
  const band = (low: number) => {
    const high = LEVELS.length - 1 - low
    return { level: LEVELS[high]! - LEVELS[low]!, lower: at(low), upper: at(high) }
  }
  return {
    title: `${series.name}: forecast of the next ${times.length} values`,
    unit: series.target,
    times: [...series.times.slice(begin), ...times],
    history: series.values.subarray(begin),
    median: at(MEDIAN),
    bands: [0, 1, 2, 3].map(band)
  }
}

/** Returns the chart of a series with the ranges that were expected one step before, and marks of the values whose score is at least `threshold`. */
export function anomalyChart(series: TimeSeries, found: readonly Anomaly[], threshold: number): FanChart {
  const { times, values } = series
  const places = new Map(times.map((time, i) => [time, i]))
  const [lower, upper] = [0, 0].map(() => new Float64Array(values.length).fill(NaN)) as [Float64Array, Float64Array]
  for (const one of found) {
    const i = places.get(one.time)!
    lower[i] = one.lower
    upper[i] = one.upper
  }
  const marked = found.filter(({ score }) => Math.abs(score) >= threshold)
  return {
    title: `${series.name}: ${marked.length} of ${found.length} values with a score of ${threshold} or more`,
    unit: series.target,
    times,
    history: values,
    bands: [{ level: WIDEST, lower, upper }],
    bandsFrom: 0,
    marks: marked.map(({ time, value, expected, score }) => ({
      index: places.get(time)!,
      value,
      text: `${time}: ${value}, expected ${Number(expected.toPrecision(5))}, score ${score.toFixed(1)}`
    }))
  }
}
