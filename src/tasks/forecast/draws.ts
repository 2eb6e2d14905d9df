// Paths: joint draws of the values of all horizons. The network gives a distribution of each horizon by itself; the draws of a path depend on each
// other as the errors of the linear part did on the training part.

import { expected } from '../../errors.js'
import { createRandom } from '../../random.js'
import type { SeriesPredictor } from './predict.js'

/** Largest number of paths. */
export const MOST_PATHS = 2 ** 20

/** Largest number of values of all paths: a table of them fits into one text. */
const MOST_DRAWN = 2 ** 24

/** Options of `drawPaths`. */
export interface PathOptions {
  /** Number of paths. */
  readonly count: number
  readonly seed: number
  /** Loadings of the scores, rows of [horizon]; default: those of the series. Without rows all horizons are independent. */
  readonly loadings?: readonly (readonly number[])[]
}

/**
 * Returns paths, [count] rows of [horizon] values, in the unit of the series. The scores of a path are standard normal variables: sums of common
 * components by their loadings, and of an independent part that completes the variance to 1 (a Gaussian copula). So each horizon has the distribution
 * of its forecast, whatever the loadings are. Throws ERR_OUT_OF_RANGE for more than 16,777,216 values.
 */
export function drawPaths(
  predictor: SeriesPredictor,
  { count, seed, loadings = predictor.facts.loadings }: PathOptions
): Float64Array[] {
  const random = createRandom(seed, 'forecast paths')
  const { horizon } = predictor.facts
  const most = Math.floor(MOST_DRAWN / horizon)
  if (count > most)
    throw expected('ERR_OUT_OF_RANGE', `at most ${most} paths of ${horizon} values`, String(count), 'draw fewer')
  const components = loadings.map(() => Float64Array.from({ length: count }, () => random.normal()))
  const paths = Array.from({ length: count }, () => new Float64Array(horizon))
  for (let h = 0; h < horizon; h++) {
    const curve = predictor.curveOf(h)
    const weights = loadings.map((row) => row[h]!)
    const common = weights.reduce((sum, one) => sum + one * one, 0)
    // Loadings are computed in steps, so their squares may add up to a little more than 1.
    const [scale, own] = [1 / Math.sqrt(Math.max(1, common)), Math.sqrt(Math.max(0, 1 - common))]
    for (let i = 0; i < count; i++) {
      let score = own * random.normal()
      for (let k = 0; k < weights.length; k++) score += scale * weights[k]! * components[k]![i]!
      paths[i]![h] = curve(score)
    }
  }
  return paths
}
