// `gatecell anomalies`: how far each value is from the forecast one step before, in standard deviations of a normal
// distribution.

import type { Values } from '../../settings/index.js'
import { counted } from '../../errors.js'
import type { RecordOf, VerbCode } from '../verb.js'
import { seriesIn } from './forecast.js'
import { fanChartSvg, type FanChart } from '../../plot/fan-chart.js'
import { anomalyChart } from './pictures.js'
import { loadForecaster, type LoadedForecaster } from './load.js'
import type { anomalyRecords, anomalySettings } from './use-settings.js'

type AnomalyInput = Values<typeof anomalySettings>
type AnomalyRecord = RecordOf<typeof anomalyRecords>

/** The code of `anomalies`. */
export const anomalyCode: VerbCode<LoadedForecaster, AnomalyInput, AnomalyRecord> = {
  load: loadForecaster,
  async *run(loaded, { file, only, threshold, svg }, context) {
    const charts: FanChart[] = []
    for (const series of await seriesIn(file, loaded.config, only, context)) {
      const values = await loaded.anomalies(series, { threshold, signal: context.signal })
      if (svg) charts.push(anomalyChart(series, values, threshold))
      yield { event: 'anomalies', series: series.name, values }
    }
    if (svg) yield { event: 'file', name: 'svg', type: 'image/svg+xml', content: fanChartSvg(charts) }
  },
  show(record, { threshold }) {
    if (record.event === 'file') return {}
    const { series, values } = record
    const found = values.filter(({ score }) => Math.abs(score) >= threshold)
    const shown = (value: number) => Number(value.toPrecision(5)).toString().padStart(12)
    return {
      lines: [
        `${series}: ${counted(found.length, 'value')} of ${values.length} with a score of ${threshold} or more`,
        ...found.map(
          ({ time, value, expected, score, probability }) =>
            `  ${time}  ${shown(value)}  expected ${shown(expected)}  score ${score.toFixed(1).padStart(6)}  p ${probability.toExponential(1)}`
        )
      ]
    }
  }
}
