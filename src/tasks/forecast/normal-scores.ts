// Scores: places in a forecast, as quantiles of the normal distribution at the same level. Between the quantiles of a forecast its distribution
// function is interpolated in scores, and beyond the outermost ones the line from the median through them continues, as for a normal distribution.

import { LEVELS, MEDIAN, normalTails, NORMAL_LEVELS } from './levels.js'

/** Largest score. */
export const MOST_SCORE = 100

const LAST = NORMAL_LEVELS.length - 1

/** A place in a distribution. */
export interface QuantilePlace {
  /** Probability of a smaller value, between 0 and 1. */
  readonly level: number
  /** Quantile of the normal distribution at the level. */
  readonly score: number
}

/** Places of the levels of forecasts. */
export const LEVEL_PLACES: readonly QuantilePlace[] = LEVELS.map((level, i) => ({ level, score: NORMAL_LEVELS[i]! }))

/** Returns the place of a score. */
export function placeOfScore(score: number): QuantilePlace {
  const tail = normalTails(score) / 2
  return { score, level: score < 0 ? tail : 1 - tail }
}

/** Returns the value at a score, by the quantiles from `at` on, which are at the levels of forecasts. */
export function valueOfScore(quantiles: ArrayLike<number>, at: number, score: number): number {
  const exact = NORMAL_LEVELS.indexOf(score)
  if (exact >= 0) return quantiles[at + exact]!
  if (score < NORMAL_LEVELS[0]! || score > NORMAL_LEVELS[LAST]!) {
    const end = score < 0 ? 0 : LAST
    const median = quantiles[at + MEDIAN]!
    return median + (score / NORMAL_LEVELS[end]!) * (quantiles[at + end]! - median)
  }
  let i = 0
  while (score > NORMAL_LEVELS[i + 1]!) i++
  const share = (score - NORMAL_LEVELS[i]!) / (NORMAL_LEVELS[i + 1]! - NORMAL_LEVELS[i]!)
  return quantiles[at + i]! + share * (quantiles[at + i + 1]! - quantiles[at + i]!)
}

/** Returns the score of a value, from -100 to 100, by ascending quantiles at the levels of forecasts: the inverse of `valueOfScore`. */
export function scoreOf(value: number, quantiles: ArrayLike<number>): number {
  if (value < quantiles[0]! || value > quantiles[LAST]!) {
    const end = value < quantiles[0]! ? 0 : LAST
    const length = Math.abs(quantiles[end]! - quantiles[MEDIAN]!)
    const score = (NORMAL_LEVELS[end]! * Math.abs(value - quantiles[MEDIAN]!)) / Math.max(length, 1e-300)
    return Math.max(-MOST_SCORE, Math.min(MOST_SCORE, score))
  }
  let i = 0
  while (i < LAST - 1 && value > quantiles[i + 1]!) i++
  const [low, high] = [quantiles[i]!, quantiles[i + 1]!]
  const share = high > low ? (value - low) / (high - low) : 0.5
  return NORMAL_LEVELS[i]! + share * (NORMAL_LEVELS[i + 1]! - NORMAL_LEVELS[i]!)
}
