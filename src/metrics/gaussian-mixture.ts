// What a writer must beat: a single Gaussian with full covariance, and a mixture of as many Gaussians as its own, both
// without a memory, and for both constant probabilities that a stroke ends and that it was the last one. Fitted to the
// training offsets and kept in the model file, so that every measurement on other ink can say what it is worth; in nats per
// point like the network's loss.

import { float32Array, integer, list, number, open } from '../check/index.js'
import { GatecellError } from '../errors.js'
import { createRandom } from '../random.js'

/** One Gaussian: its weight, means and covariance. */
export type Component = readonly [weight: number, x: number, y: number, xx: number, xy: number, yy: number]

export interface Memoryless {
  /** Probability that a point ends its stroke. */
  readonly ends: number
  /** Probability that a stroke that ends is the last one. */
  readonly finishes: number
  readonly gaussian: Component
  readonly mixture: readonly Component[]
}

/** Nats per point. */
export interface Baselines {
  gaussian: number
  mixture: number
}

const MAX_POINTS = 40_000
const ROUNDS = 40
/** No component narrower than this: a point that repeats exactly would have an infinite density. */
export const LEAST_VARIANCE = 1e-6
/** Nor one so thin a line that its density has no bound. */
export const MOST_CORRELATION = 0.9999
/** Nothing is impossible. */
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
 * Throws ERR_INVALID_ARGUMENT for 0 or more than 1000 Gaussians and for rows that are not Float32Arrays, ERR_CORPUS_EMPTY if no
 * row has a second point. Fits both to offsets, rows [dx, dy, end] of samples; the first of each is left out, as it is for the network.
 */
export function fitMemoryless(rows: readonly Float32Array[], gaussians: number): Memoryless {
  integer(1, 1000)(gaussians, 'the number of Gaussians')
  const { all, ends, finishes } = points(readRows(rows, 'the rows'))
  if (all.length === 0)
    throw new GatecellError(
      'ERR_CORPUS_EMPTY',
      'Expected rows of two or more points but received none: add ink with longer strokes.'
    )
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

/** Nats per point of both on other offsets. */
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

/** Nats of a bit that is set with probability `truth`, under `belief`. */
function crossEntropy(truth: number, belief: number): number {
  return -truth * Math.log(belief) - (1 - truth) * Math.log(1 - belief)
}

/** [dx, dy] of all points one after the other, the share that ends a stroke, and of those the share that ends the sample. */
function points(rows: readonly Float32Array[]) {
  for (const row of rows) {
    if (row.length >= 3 && row.length % 3 === 0) continue
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `Expected rows of [dx, dy, end] but received one of ${row.length} numbers: pass three numbers for each point.`
    )
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

/** The density of a mixture; after `log`, `shares` holds what each component has of it. */
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

/** Dempster, Laird, Rubin 1977, from random points as means. */
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
