// The scores of forecasts: sums over all pairs of a step and a horizon.

import type { JsonObject } from '../../io/json.js'
import { LEVELS, MEDIAN } from './levels.js'

/** Scores of the forecasts of one series. Null: not defined, as for a series without changes or forecasts without quantiles. */
export interface Scores {
  /** Mean absolute error of the median by the mean change over a season. */
  readonly mase: number | null
  /** Mean of 200 |e| / (|y| + |f|); 0 where both are 0. */
  readonly smape: number
  /** Continuous ranked probability score, twice the mean pinball loss of the quantiles, by the mean change over a season. */
  readonly crps: number | null
  /** Share of the values within the 80 % interval, its ends included. */
  readonly coverage: number | null
}

/** Sums over forecasts. */
export class ScoreSum {
  #errors = 0
  #symmetric = 0
  #pinball = 0
  #inside = 0
  #quantiles = 0
  count = 0

  /** Adds the quantiles of a value, or one forecast. */
  add(value: number, forecast: ArrayLike<number> | number): void {
    if (Number.isNaN(value)) return
    const median = typeof forecast === 'number' ? forecast : forecast[MEDIAN]!
    const error = Math.abs(value - median)
    this.count++
    this.#errors += error
    this.#symmetric += error === 0 ? 0 : (200 * error) / (Math.abs(value) + Math.abs(median))
    if (typeof forecast === 'number') return
    this.#quantiles++
    if (value >= forecast[0]! && value <= forecast[LEVELS.length - 1]!) this.#inside++
    for (const [i, level] of LEVELS.entries()) {
      const miss = value - forecast[i]!
      this.#pinball += Math.max(level * miss, (level - 1) * miss) / LEVELS.length
    }
  }

  /** Returns the scores; `scale` is the mean change over a season. */
  scores(scale: number): Scores {
    const share = (sum: number, count: number) => sum / Math.max(1, count)
    const scaled = (value: number) => (scale > 0 ? value / scale : null)
    return {
      mase: scaled(share(this.#errors, this.count)),
      smape: share(this.#symmetric, this.count),
      crps: this.#quantiles > 0 ? scaled(2 * share(this.#pinball, this.#quantiles)) : null,
      coverage: this.#quantiles > 0 ? share(this.#inside, this.#quantiles) : null
    }
  }

  /** Number of values within the interval, of those that have one. */
  get covered(): { inside: number; of: number } {
    return { inside: this.#inside, of: this.#quantiles }
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
