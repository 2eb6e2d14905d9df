// `gatecell anomalies`: how far each value is from the forecast one step before, in deviations of a normal distribution.

import type { Values } from '../../settings/index.js'
import { counted } from '../../errors.js'
import type { RecordOf, VerbCode } from '../verb.js'
import { seriesIn } from './forecast.js'
import { MEDIAN, NORMAL_LEVELS, normalTails } from './levels.js'
import { factsFor, loadForecaster, predictorOf, type LoadedForecaster } from './load.js'
import { transformOf } from './linear/transform.js'
import { valuesAt } from './samples.js'
import type { anomalyRecords, anomalySettings } from './use-settings.js'

type AnomalyInput = Values<typeof anomalySettings>
type AnomalyRecord = RecordOf<typeof anomalyRecords>

/** Largest score. */
const MOST = 100

/**
 * Returns the score of a value: the quantile of the normal distribution for its level, by linear interpolation between the quantiles of the
 * forecast, all in transformed units; beyond the outermost ones the line from the median through them continues.
 */
function scoreOf(z: number, quantiles: ArrayLike<number>): number {
  const last = quantiles.length - 1
  if (z < quantiles[0]! || z > quantiles[last]!) {
    const end = z < quantiles[0]! ? 0 : last
    const length = Math.abs(quantiles[end]! - quantiles[MEDIAN]!)
    const score = (NORMAL_LEVELS[end]! * Math.abs(z - quantiles[MEDIAN]!)) / Math.max(length, 1e-300)
    return Math.max(-MOST, Math.min(MOST, score))
  }
  let i = 0
  while (i < last - 1 && z > quantiles[i + 1]!) i++
  const [low, high] = [quantiles[i]!, quantiles[i + 1]!]
  const share = high > low ? (z - low) / (high - low) : 0.5
  return NORMAL_LEVELS[i]! + share * (NORMAL_LEVELS[i + 1]! - NORMAL_LEVELS[i]!)
}

/** The code of `anomalies`. */
export const anomalyCode: VerbCode<LoadedForecaster, AnomalyInput, AnomalyRecord> = {
  load: loadForecaster,
  async *run({ model, config }, { file, only, threshold }, context) {
    for (const series of await seriesIn(file, config, only, context)) {
      const facts = factsFor(config, series)
      using predictor = predictorOf(model, config, series, facts)
      const { forward, back } = transformOf(facts.transform)
      const values: AnomalyRecord['values'][number][] = []
      for (const [t, value] of series.values.entries()) {
        if (context.signal.aborted) return
        let read = value
        if (predictor.reader.ready && !Number.isNaN(value)) {
          const quantiles = predictor.quantilesOf(0)
          const expected = quantiles[MEDIAN]!
          const [z, median] = [forward(value), forward(expected)]
          const score = scoreOf(z, quantiles.map(forward))
          values.push({ time: series.times[t]!, value, expected, score, probability: normalTails(score) })
          // Read as it is, one wild value would make the values after it look wild.
          if (Math.abs(score) > threshold) read = back(median + (threshold / Math.abs(score)) * (z - median))
        }
        predictor.push({ ...valuesAt(series, t), value: read })
      }
      yield { event: 'anomalies', series: series.name, values }
    }
  },
  show({ series, values }, { threshold }) {
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
