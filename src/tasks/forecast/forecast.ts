// `gatecell forecast`: quantiles and draws of the next values of each series.

import { expected, show } from '../../errors.js'
import type { TimeSeries } from '../../data/series/series.js'
import { fanChartSvg, type FanChart } from '../../plot/fan-chart.js'
import type { Content, Values } from '../../settings/index.js'
import { contentName } from '../contents.js'
import type { RecordOf, VerbCode, VerbContext } from '../verb.js'
import type { ForecastConfig } from './config.js'
import { readForecastSeries } from './data.js'
import { LEVELS, MEDIAN } from './levels.js'
import { loadForecaster, type LoadedForecaster } from './load.js'
import { forecastChart } from './pictures.js'
import { quantileOfSorted, totalsOf } from './totals.js'
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
  async *run(loaded, { file, only, samples, seed, svg, csv }, { signal, stdin }) {
    const draws = Array.from({ length: samples }, (_, i) => `draw${i + 1}`)
    const rows = [['series', 'time', ...LEVELS.map((level) => `q${level}`), ...draws].join(',')]
    const charts: FanChart[] = []
    for (const series of await seriesIn(file, loaded.config, only, { signal, stdin })) {
      const forecast = await loaded.forecast(series, { signal, samples, seed })
      const { quantiles, times, paths } = forecast
      charts.push(forecastChart(series, forecast))
      const drawn = (h: number) => paths.map((path) => path[h]!)
      for (const [h, row] of quantiles.entries())
        rows.push([cell(series.name), times[h]!, ...row, ...drawn(h)].join(','))
      yield {
        event: 'forecast',
        series: series.name,
        levels: [...LEVELS],
        steps: quantiles.map((row, h) => ({
          time: times[h]!,
          median: row[MEDIAN]!,
          quantiles: [...row],
          ...(samples > 0 && { draws: drawn(h) })
        })),
        ...(samples > 0 && { sum: LEVELS.map((level) => quantileOfSorted(totalsOf(paths), level)) })
      }
    }
    if (csv) yield { event: 'file', name: 'csv', type: 'text/csv', content: `${rows.join('\n')}\n` }
    if (svg) yield { event: 'file', name: 'svg', type: 'image/svg+xml', content: fanChartSvg(charts) }
  },
  show(record) {
    if (record.event === 'file') return {}
    const { series, steps, sum } = record
    const width = Math.max(...steps.map(({ time }) => time.length), 4)
    const row = (time: string, cells: readonly string[]) =>
      `${time.padEnd(width)}  ${cells.map((one) => one.padStart(10)).join(' ')}`
    const shown = (value: number | undefined) => Number((value ?? NaN).toPrecision(5)).toString()
    return {
      lines: [
        series,
        row('time', ['median', '10 %', '90 %']),
        ...steps.map(({ time, median, quantiles }) => row(time, [median, quantiles[0], quantiles.at(-1)].map(shown))),
        ...(sum ? [row('sum', [sum[MEDIAN], sum[0], sum.at(-1)].map(shown))] : []),
        ''
      ]
    }
  }
}

/** Returns a text as a cell of a CSV file. */
function cell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
