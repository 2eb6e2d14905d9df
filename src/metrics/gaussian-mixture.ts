// Baselines without a memory for models of handwriting: a single Gaussian with full covariance, and a mixture of as many Gaussians as the
// model has, both with constant probabilities that a stroke ends and that it is the last one. They are fitted to the training offsets and
// stored in the model file, so that every measurement on other ink can be compared with them, in nats per point like the network's loss.

import { float32Array, integer, list, number, open } from '../check/index.js'
import { expected } from '../errors.js'
import { createRandom } from '../random.js'

/** One Gaussian: its weight, means and covariance. */
export type Component = readonly [weight: number, x: number, y: number, xx: number, xy: number, yy: number]

/** The fitted baselines. */
export interface Memoryless {
  /** Probability that a point ends its stroke. */
  readonly ends: number
  /** Probability that a stroke that ends is the last one. */
  readonly finishes: number
  /** The single Gaussian, of weight 1. */
  readonly gaussian: Component
  readonly mixture: readonly Component[]
}

/** Nats per point of both baselines. */
export interface Baselines {
  gaussian: number
  mixture: number
}

const MAX_POINTS = 40_000
const ROUNDS = 40
/** Smallest variance of a component: points that repeat exactly would otherwise have an infinite density. */
export const LEAST_VARIANCE = 1e-6
/** Largest absolute correlation of a component: the density of a straight line has no bound. */
export const MOST_CORRELATION = 0.9999
/** Smallest probability that a stroke ends or is the last one, so that no event has an infinite loss. */
export const LEAST_SHARE = 1e-6

const readRows = list(float32Array())
const readComponent = list(number(), 6, 6)
const readFitted = open<Memoryless>({
  ends: number(LEAST_SHARE, 1 - LEAST_SHARE),
  finishes: number(LEAST_SHARE, 1 - LEAST_SHARE),
  gaussian: readComponent,
  mixture: list(readComponent, 1, 1000)
})

/**
 * Fits both baselines to samples, each a Float32Array of rows [dx, dy, end]. The first point of each is left out, as for the network.
 * `gaussians`, from 1 to 1000, is the number of components of the mixture. Throws ERR_INVALID_ARGUMENT for another number or other rows,
 * ERR_INVALID_SHAPE if a length is not a multiple of 3, and ERR_CORPUS_EMPTY if no sample has a second point.
 */
export function fitMemoryless(rows: readonly Float32Array[], gaussians: number): Memoryless {
  integer(1, 1000)(gaussians, 'the number of Gaussians')
  const { all, ends, finishes } = points(readRows(rows, 'the rows'))
  if (all.length === 0)
    throw expected('ERR_CORPUS_EMPTY', 'rows of two or more points', 'none', 'add ink with longer strokes')
  const every = Math.ceil(all.length / 2 / MAX_POINTS)
  const some = Float64Array.from(
    { length: 2 * Math.ceil(all.length / 2 / every) },
    (_, i) => all[(i >> 1) * every * 2 + (i & 1)]!
  )
  const one = whole(some)
  return {
    ends: Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, ends)),
    finishes: Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, finishes)),
    gaussian: one,
    mixture: expectationMaximisation(some, one, gaussians)
  }
}

/** Returns the nats per point of both baselines on other samples. Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE as `fitMemoryless` does. */
export function measureMemoryless(memoryless: Memoryless, rows: readonly Float32Array[]): Baselines {
  const fitted = readFitted(memoryless, 'the fitted densities')
  const { all, ends, finishes } = points(readRows(rows, 'the rows'))
  const ofPen = crossEntropy(ends, fitted.ends) + ends * crossEntropy(finishes, fitted.finishes)
  const nats = (components: readonly Component[]) => {
    const density = densityOf(components)
    let sum = 0
    for (let at = 0; at < all.length; at += 2) sum += density.log(all[at]!, all[at + 1]!)
    return ofPen - sum / Math.max(all.length / 2, 1)
  }
  return { gaussian: nats([fitted.gaussian]), mixture: nats(fitted.mixture) }
}

/** Returns the mean nats of a bit that is 1 with probability `truth`, under the model probability `belief`. */
function crossEntropy(truth: number, belief: number): number {
  return -truth * Math.log(belief) - (1 - truth) * Math.log(1 - belief)
}

/** Returns [dx, dy] of all points one after the other, the share of them that ends a stroke, and the share of these that ends the sample. */
function points(rows: readonly Float32Array[]) {
  for (const row of rows) {
    if (row.length >= 3 && row.length % 3 === 0) continue
    const found = `one of ${row.length} numbers`
    throw expected('ERR_INVALID_SHAPE', 'rows of [dx, dy, end]', found, 'pass three numbers for each point')
  }
  const all = new Float64Array(2 * rows.reduce((sum, row) => sum + row.length / 3 - 1, 0))
  let [at, ends] = [0, 0]
  for (const row of rows) {
    for (let i = 3; i < row.length; i += 3, at += 2) {
      all[at] = row[i]!
      all[at + 1] = row[i + 1]!
      ends += row[i + 2]!
    }
  }
  return { all, ends: ends / Math.max(all.length / 2, 1), finishes: rows.length / Math.max(ends, 1) }
}

/** Sums of a component's share of points. */
type Sums = [weight: number, x: number, y: number, xx: number, xy: number, yy: number]

function gather(sums: Sums, x: number, y: number, share: number): void {
  sums[0] += share
  sums[1] += share * x
  sums[2] += share * y
  sums[3] += share * x * x
  sums[4] += share * x * y
  sums[5] += share * y * y
}

function finish([share, sumX, sumY, sumXX, sumXY, sumYY]: Sums, total: number): Component {
  const weight = Math.max(share, 1e-9)
  const [x, y] = [sumX / weight, sumY / weight]
  const xx = Math.max(LEAST_VARIANCE, sumXX / weight - x * x)
  const yy = Math.max(LEAST_VARIANCE, sumYY / weight - y * y)
  const bound = MOST_CORRELATION * Math.sqrt(xx * yy)
  return [weight / total, x, y, xx, Math.max(-bound, Math.min(bound, sumXY / weight - x * y)), yy]
}

function whole(all: Float64Array): Component {
  const sums: Sums = [0, 0, 0, 0, 0, 0]
  for (let at = 0; at < all.length; at += 2) gather(sums, all[at]!, all[at + 1]!, 1)
  return finish(sums, Math.max(all.length / 2, 1))
}

/** Returns the log density of a mixture as a function; after a call, `shares` has the share of each component in the density. */
function densityOf(mixture: readonly Component[]) {
  const shares = new Float64Array(mixture.length)
  const ready = mixture.map(([weight, x, y, xx, xy, yy]) => {
    const determinant = xx * yy - xy * xy
    const constant = Math.log(weight) - Math.log(2 * Math.PI) - 0.5 * Math.log(determinant)
    return { x, y, constant, a: yy / determinant, b: (-2 * xy) / determinant, c: xx / determinant }
  })
  const log = (px: number, py: number): number => {
    let most = -Infinity
    for (let j = 0; j < ready.length; j++) {
      const { x, y, constant, a, b, c } = ready[j]!
      const [dx, dy] = [px - x, py - y]
      shares[j] = constant - 0.5 * (a * dx * dx + b * dx * dy + c * dy * dy)
      most = Math.max(most, shares[j]!)
    }
    let sum = 0
    for (let j = 0; j < ready.length; j++) sum += shares[j] = Math.exp(shares[j]! - most)
    for (let j = 0; j < ready.length; j++) shares[j]! /= sum
    return most + Math.log(sum)
  }
  return { log, shares }
}

/** Fits a mixture by expectation maximisation (Dempster, Laird, Rubin 1977), with random points as first means. */
function expectationMaximisation(all: Float64Array, [, , , xx, xy, yy]: Component, gaussians: number): Component[] {
  const random = createRandom(0, 'memoryless mixture')
  const count = all.length / 2
  let mixture: Component[] = Array.from({ length: gaussians }, () => {
    const at = 2 * random.below(count)
    return [1 / gaussians, all[at]!, all[at + 1]!, xx / 4, xy / 4, yy / 4]
  })
  for (let round = 0; round < ROUNDS; round++) {
    const sums = mixture.map((): Sums => [0, 0, 0, 0, 0, 0])
    const { log, shares } = densityOf(mixture)
    for (let at = 0; at < all.length; at += 2) {
      log(all[at]!, all[at + 1]!)
      for (let j = 0; j < gaussians; j++) gather(sums[j]!, all[at]!, all[at + 1]!, shares[j]!)
    }
    mixture = sums.map((sum) => finish(sum, count))
  }
  return mixture
}
