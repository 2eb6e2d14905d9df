// The scores of forecasts over all pairs of a step and a horizon.

import type { JsonObject } from '../../io/json.js'
import { crpsOfQuantiles, intervalCoverage, mase, smape } from '../../metrics/forecast.js'
import { LEVELS, MEDIAN } from './levels.js'

/** Scores of the forecasts of one series. Null: not defined, as for a series without changes or forecasts without quantiles. */
export interface Scores {
  /** Mean absolute error of the median, divided by the mean change over a season. */
  readonly mase: number | null
  /** Mean of 200 |e| / (|y| + |f|). */
  readonly smape: number
  /** Continuous ranked probability score, twice the mean pinball loss of the quantiles, divided by the mean change over a season. */
  readonly crps: number | null
  /** Share of the values within the 80 % interval, its ends included. */
  readonly coverage: number | null
}

/** Forecasts and the values that they forecast. */
export class ScoredForecasts {
  readonly #actual: number[] = []
  readonly #median: number[] = []
  readonly #quantiles: ArrayLike<number>[] = []

  /** Number of values that were forecast. */
  get count(): number {
    return this.#actual.length
  }

  /** Adds a value and its quantiles, or its forecast. A missing value does not count. */
  add(value: number, forecast: ArrayLike<number> | number): void {
    if (Number.isNaN(value)) return
    this.#actual.push(value)
    this.#median.push(typeof forecast === 'number' ? forecast : forecast[MEDIAN]!)
    if (typeof forecast !== 'number') this.#quantiles.push(forecast)
  }

  /** Returns the scores; `scale` is the mean change over a season. */
  scores(scale: number): Scores {
    const [actual, median, quantiles] = [this.#actual, this.#median, this.#quantiles]
    const crps = quantiles.reduce((sum, row, i) => sum + crpsOfQuantiles(row, LEVELS, actual[i]!), 0)
    const bound = (place: number) => quantiles.map((row) => row[place]!)
    const hasQuantiles = quantiles.length > 0
    return {
      mase: mase(actual, median, scale > 0 ? scale : null),
      smape: smape(actual, median),
      crps: hasQuantiles && scale > 0 ? crps / quantiles.length / scale : null,
      coverage: hasQuantiles ? intervalCoverage(actual, bound(0), bound(LEVELS.length - 1)) : null
    }
  }
}

/** Returns the scores as JSON. */
export function scoresJson({ mase, smape, crps, coverage }: Scores): JsonObject {
  return { mase, smape, ...(crps !== null && { crps }), ...(coverage !== null && { coverage }) }
}

/** Returns the geometric mean of numbers above 0; null without any. */
export function geometricMean(values: readonly number[]): number | null {
  const logs = values.filter((value) => value > 0).map(Math.log)
  return logs.length > 0 ? Math.exp(logs.reduce((sum, one) => sum + one, 0) / logs.length) : null
}
