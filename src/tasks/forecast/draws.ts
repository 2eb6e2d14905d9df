// Draws of the next values together. The network gives a distribution of each horizon by itself; draws of neighbouring horizons depend on each other as the
// errors of the linear part did on the training part.

import { createRandom } from '../../random.js'
import type { SeriesPredictor } from './predict.js'

/** Largest number of paths. */
export const MOST_PATHS = 2 ** 20

/** Options of draws. */
export interface PathOptions {
  /** Number of paths. */
  readonly count: number
  readonly seed: number
  /** Correlations of the scores of neighbouring horizons, [horizon - 1]; default: those of the series. */
  readonly dependence?: readonly number[]
}

/**
 * Returns paths, [count] rows of [horizon] values. The scores of a path are a Markov chain of normal variables (a Gaussian copula), so that each horizon has
 * the distribution of its forecast, whatever the dependence is.
 */
export function drawPaths(
  predictor: SeriesPredictor,
  { count, seed, dependence = predictor.facts.dependence }: PathOptions
): Float64Array[] {
  const random = createRandom(seed, 'forecast paths')
  const { horizon } = predictor.facts
  const scores = Float64Array.from({ length: count }, () => random.normal())
  const paths = Array.from({ length: count }, () => new Float64Array(horizon))
  for (let h = 0; h < horizon; h++) {
    const curve = predictor.curveOf(h)
    const rest = Math.sqrt(1 - (dependence[h] ?? 0) ** 2)
    for (let i = 0; i < count; i++) {
      paths[i]![h] = curve(scores[i]!)
      if (h + 1 < horizon) scores[i] = dependence[h]! * scores[i]! + rest * random.normal()
    }
  }
  return paths
}
