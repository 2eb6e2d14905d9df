// Scores of the values of a series: how far each one is from the forecast one step before, in standard deviations of a normal
// distribution.

import type { TimeSeries } from '../../data/series/series.js'
import { createPace } from '../../data/files/pace.js'
import { MEDIAN, normalTails } from './levels.js'
import { transformOf } from './linear/transform.js'
import { scoreOf } from './normal-scores.js'
import type { SeriesPredictor } from './predict.js'
import { valuesAt } from './samples.js'

/** A value compared with its forecast. */
export interface ScoredValue {
  readonly value: number
  /** The median of the forecast, in the unit of the values. */
  readonly expected: number
  /** Ends of the 80 % interval of the forecast. */
  readonly lower: number
  readonly upper: number
  /** Distance from the median in standard deviations of a normal distribution, from -100 to 100; negative below the median. */
  readonly score: number
  /** Probability of a value that is at least as far away, 0 to 1. */
  readonly probability: number
}

/** A value of a series compared with the forecast one step before. */
export interface Anomaly extends ScoredValue {
  /** Time of the value in ISO 8601, or the number of its row. */
  readonly time: string
}

/** Options of `anomalies`. */
export interface AnomalyOptions {
  /** Score from which a value is read as if it had this score, 0 to 100; default 3. Otherwise one wild value would make the next ones look wild. */
  threshold?: number
  /** Signal that aborts the call. */
  signal?: AbortSignal | undefined
}

/** Compares a value with the forecast of the next one. */
export function scoreNext(predictor: SeriesPredictor, value: number): ScoredValue {
  const { forward } = transformOf(predictor.facts.transform)
  const quantiles = predictor.quantilesOf(0)
  const score = scoreOf(forward(value), quantiles.map(forward))
  const [lower, upper] = [quantiles[0]!, quantiles.at(-1)!]
  return { value, expected: quantiles[MEDIAN]!, lower, upper, score, probability: normalTails(score) }
}

/**
 * Compares the values of a series with their forecasts, by a predictor that has not read it yet. Missing values, and those before the first forecast,
 * have no score. Throws ERR_ABORTED if the signal aborts.
 */
export async function scoreSeries(
  predictor: SeriesPredictor,
  series: TimeSeries,
  { threshold = 3, signal }: AnomalyOptions
): Promise<Anomaly[]> {
  const { forward, back } = transformOf(predictor.facts.transform)
  const pace = createPace(signal)
  const scored: Anomaly[] = []
  for (const [t, value] of series.values.entries()) {
    let read = value
    if (predictor.reader.ready && !Number.isNaN(value)) {
      const found = scoreNext(predictor, value)
      scored.push({ time: series.times[t]!, ...found })
      const [median, size] = [forward(found.expected), Math.abs(found.score)]
      if (size > threshold) read = back(median + (threshold / size) * (forward(value) - median))
    }
    predictor.push({ ...valuesAt(series, t), value: read })
    if (pace.due()) await pace.turn()
  }
  return scored
}
