// Forecasts of sums over the horizon from drawn paths: quantiles and scores. They depend on how the horizons depend on each other.

import type { JsonObject } from '../../io/json.js'
import { crpsOfSamples, intervalCoverage } from '../../metrics/forecast.js'
import { drawPaths } from './draws.js'
import { LEVELS } from './levels.js'
import type { SeriesPredictor } from './predict.js'

/** Returns the sums of paths, ascending. */
export function totalsOf(paths: readonly Float64Array[]): Float64Array {
  return Float64Array.from(paths, (path) => path.reduce((sum, one) => sum + one, 0)).sort()
}

/** Returns the quantile of ascending numbers, interpolated between neighbours. */
export function quantileOfSorted(sorted: Float64Array, level: number): number {
  const place = level * (sorted.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!)
}

/** Scores of sums over the horizon. */
export interface TotalScores {
  /** Mean continuous ranked probability score of the sums, divided by the mean change over a season and by the horizon. */
  readonly crps: number
  /** Share of the sums in their 80 % intervals. */
  readonly coverage: number
}

/** Sums over the horizon with their forecasts. */
class ScoredSums {
  readonly #actual: number[] = []
  readonly #lower: number[] = []
  readonly #upper: number[] = []
  #crps = 0

  add(sorted: Float64Array, actual: number): void {
    this.#actual.push(actual)
    this.#lower.push(quantileOfSorted(sorted, LEVELS[0]))
    this.#upper.push(quantileOfSorted(sorted, LEVELS.at(-1)!))
    this.#crps += crpsOfSamples(sorted, actual)
  }

  /** Returns the scores, divided by `unit`; null without a sum, and for a unit of 0. */
  scores(unit: number): TotalScores | null {
    const { length } = this.#actual
    if (length === 0 || unit <= 0) return null
    return {
      crps: this.#crps / length / unit,
      coverage: intervalCoverage(this.#actual, this.#lower, this.#upper)
    }
  }
}

/** Scores of sums whose horizons depend on each other, and of sums of independent draws for comparison. */
export class ScoredTotals {
  readonly #together = new ScoredSums()
  readonly #apart = new ScoredSums()
  readonly #paths: number
  #seed = 0

  /** `paths`: number of paths for each origin. */
  constructor(paths: number) {
    this.#paths = paths
  }

  /** Adds the sum of the next values after the last one that a predictor has read. Nothing is added if one of them is missing. */
  add(predictor: SeriesPredictor, next: Float64Array): void {
    const actual = next.reduce((sum, one) => sum + one, 0)
    if (this.#paths === 0 || Number.isNaN(actual) || next.length < predictor.facts.horizon) return
    const draws = { count: this.#paths, seed: this.#seed++ }
    this.#together.add(totalsOf(drawPaths(predictor, draws)), actual)
    this.#apart.add(totalsOf(drawPaths(predictor, { ...draws, loadings: [] })), actual)
  }

  /** Returns the scores; `unit` is the mean change over a season, times the horizon. Null without a sum. */
  scores(unit: number): { together: TotalScores; apart: TotalScores } | null {
    const [together, apart] = [this.#together.scores(unit), this.#apart.scores(unit)]
    return together && apart && { together, apart }
  }
}

/** Returns scores of sums as JSON. */
export function totalsJson({ together, apart }: { together: TotalScores; apart: TotalScores }): JsonObject {
  return { ...together, independent: { ...apart } }
}
