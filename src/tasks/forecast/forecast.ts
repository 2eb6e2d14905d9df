// `gatecell forecast`: quantiles of the next values of each series.

import { expected, show } from '../../errors.js'
import type { TimeSeries } from '../../data/series/series.js'
import { fanChartSvg } from '../../plot/fan-chart.js'
import type { Content, Values } from '../../settings/index.js'
import { contentName } from '../contents.js'
import type { RecordOf, VerbCode, VerbContext } from '../verb.js'
import type { ForecastConfig } from './config.js'
import { readForecastSeries } from './data.js'
import { LEVELS, MEDIAN } from './levels.js'
import { loadForecaster, type LoadedForecaster } from './load.js'
import type { forecastRecords, forecastSettings } from './use-settings.js'

type ForecastInput = Values<typeof forecastSettings>
type ForecastRecord = RecordOf<typeof forecastRecords>

/** Reads the series of a content. Throws ERR_INVALID_OPTION if none of them has the name `only`. */
export async function seriesIn(
  content: Content,
  { table }: ForecastConfig,
  only: string | undefined,
  { signal, stdin }: Pick<VerbContext, 'signal' | 'stdin'>
): Promise<TimeSeries[]> {
  const held = 'text' in content ? bytesOf(content.text) : contentName(content) === '-' ? stdin() : undefined
  const path = 'path' in content ? content.path : '-'
  const all = await readForecastSeries([path], table, { signal, ...(held && { stdin: held }) })
  const chosen = only === undefined ? all : all.filter(({ name, group }) => name === only || group === only)
  if (chosen.length > 0) return chosen
  const names = all.map(({ name }) => show(name)).join(', ')
  throw expected('ERR_INVALID_OPTION', `a series of ${contentName(content)}: ${names}`, show(only), 'name one of them')
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(text))
}

/** The code of `forecast`. */
export const forecastCode: VerbCode<LoadedForecaster, ForecastInput, ForecastRecord> = {
  load: loadForecaster,
  async *run(loaded, { file, only, svg, csv }, context) {
    const rows = ['series,time,' + LEVELS.map((level) => `q${level}`).join(',')]
    const drawn: DrawnForecast[] = []
    for (const series of await seriesIn(file, loaded.config, only, context)) {
      const { quantiles, times } = await loaded.forecast(series, { signal: context.signal })
      drawn.push({ series, times, quantiles })
      for (const [h, row] of quantiles.entries())
        rows.push([cell(series.name), times[h]!, ...Array.from(row, (one) => String(one))].join(','))
      yield {
        event: 'forecast',
        series: series.name,
        levels: [...LEVELS],
        steps: quantiles.map((row, h) => ({ time: times[h]!, median: row[MEDIAN]!, quantiles: [...row] }))
      }
    }
    if (csv) yield { event: 'file', name: 'csv', type: 'text/csv', content: `${rows.join('\n')}\n` }
    if (svg) yield { event: 'file', name: 'svg', type: 'image/svg+xml', content: chartOf(drawn) }
  },
  show(record) {
    if (record.event === 'file') return {}
    const { series, steps } = record
    const width = Math.max(...steps.map(({ time }) => time.length), 4)
    const row = (time: string, cells: readonly string[]) =>
      `${time.padEnd(width)}  ${cells.map((one) => one.padStart(10)).join('')}`
    const shown = (value: number | undefined) => Number((value ?? NaN).toPrecision(5)).toString()
    return {
      lines: [
        series,
        row('time', ['median', '10 %', '90 %']),
        ...steps.map(({ time, median, quantiles }) => row(time, [median, quantiles[0], quantiles.at(-1)].map(shown))),
        ''
      ]
    }
  }
}

interface DrawnForecast {
  readonly series: TimeSeries
  readonly times: readonly string[]
  readonly quantiles: readonly Float64Array[]
}

/** History in a picture, as a multiple of the horizon. */
const SHOWN = 5

/** Returns the picture of the first forecast. Throws ERR_INVALID_OPTION for several series, which need several pictures. */
function chartOf(all: readonly DrawnForecast[]): string {
  if (all.length > 1)
    throw expected('ERR_INVALID_OPTION', 'one series for a picture', `${all.length} series`, 'name one with --only')
  const [{ series, times, quantiles }] = all as readonly [DrawnForecast]
  const begin = Math.max(0, series.values.length - SHOWN * times.length)
  const at = (i: number) => quantiles.map((row) => row[i]!)
  const band = (low: number) => {
    const high = LEVELS.length - 1 - low
    return { level: LEVELS[high]! - LEVELS[low]!, lower: at(low), upper: at(high) }
  }
  return fanChartSvg({
    title: `${series.name}: forecast of the next ${times.length} values`,
    unit: series.target,
    times: [...series.times.slice(begin), ...times],
    history: series.values.subarray(begin),
    median: at(MEDIAN),
    bands: [0, 1, 2, 3].map(band)
  })
}

/** Returns a text as a cell of a CSV file. */
function cell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
