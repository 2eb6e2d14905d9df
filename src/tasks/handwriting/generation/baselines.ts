// What a writer must beat: a single Gaussian with full covariance, and a mixture of as many Gaussians as its own, both
// without a memory, and for both a constant probability that a stroke ends. Fitted to the training offsets, measured on
// others, in nats per point like the network's loss.

import { createRandom } from '../../../random.js'

interface Component {
  weight: number
  x: number
  y: number
  xx: number
  xy: number
  yy: number
}

export interface Baselines {
  gaussian: number
  mixture: number
}

const MAX_POINTS = 40_000
const ROUNDS = 40
/** No component narrower than this: a point that repeats exactly would have an infinite density. */
const LEAST_VARIANCE = 1e-6

/** Nats per point of both on `test` after fitting them to `train`; offsets are rows [dx, dy, end], the first of each is left out. */
export function measureBaselines(
  train: readonly Float32Array[],
  test: readonly Float32Array[],
  gaussians: number
): Baselines {
  const fitted = thin(points(train))
  const held = points(test)
  const ends = Math.min(1 - 1e-6, Math.max(1e-6, mean(points(train).map((point) => point[2]!))))
  const ofEnds = mean(held.map((point) => -Math.log(point[2] === 1 ? ends : 1 - ends)))
  const nats = (mixture: readonly Component[]) =>
    ofEnds - mean(held.map((point) => logDensity(mixture, point[0]!, point[1]!)))
  return { gaussian: nats([whole(fitted)]), mixture: nats(fit(fitted, gaussians)) }
}

function points(rows: readonly Float32Array[]): Float32Array[] {
  return rows.flatMap((row) => Array.from({ length: row.length / 3 - 1 }, (_, i) => row.subarray(3 * i + 3, 3 * i + 6)))
}

function thin(all: Float32Array[]): Float32Array[] {
  const every = Math.ceil(all.length / MAX_POINTS)
  return all.filter((_, i) => i % every === 0)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1)
}

function whole(all: readonly Float32Array[]): Component {
  const sums = emptyComponent()
  for (const point of all) gather(sums, point, 1)
  return finish(sums, all.length)
}

const emptyComponent = (): Component => ({ weight: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 })

function gather(sums: Component, [x, y]: ArrayLike<number> & Iterable<number>, share: number): void {
  sums.weight += share
  sums.x += share * x!
  sums.y += share * y!
  sums.xx += share * x! * x!
  sums.xy += share * x! * y!
  sums.yy += share * y! * y!
}

function finish(sums: Component, total: number): Component {
  const weight = Math.max(sums.weight, 1e-9)
  const [x, y] = [sums.x / weight, sums.y / weight]
  const xx = Math.max(LEAST_VARIANCE, sums.xx / weight - x * x)
  const yy = Math.max(LEAST_VARIANCE, sums.yy / weight - y * y)
  const bound = 0.9999 * Math.sqrt(xx * yy)
  const xy = Math.max(-bound, Math.min(bound, sums.xy / weight - x * y))
  return { weight: weight / total, x, y, xx, xy, yy }
}

function logComponent({ weight, x, y, xx, xy, yy }: Component, px: number, py: number): number {
  const determinant = xx * yy - xy * xy
  const [dx, dy] = [px - x, py - y]
  const square = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / determinant
  return Math.log(weight) - Math.log(2 * Math.PI) - 0.5 * Math.log(determinant) - 0.5 * square
}

function logDensity(mixture: readonly Component[], x: number, y: number): number {
  const logs = mixture.map((component) => logComponent(component, x, y))
  const most = Math.max(...logs)
  return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0))
}

/** Expectation maximisation (Dempster, Laird, Rubin 1977) from random points as means. */
function fit(all: readonly Float32Array[], gaussians: number): Component[] {
  const random = createRandom(0, 'memoryless mixture')
  const { xx, xy, yy } = whole(all)
  let mixture: Component[] = Array.from({ length: gaussians }, () => {
    const [x, y] = all[random.below(all.length)]!
    return { weight: 1 / gaussians, x: x!, y: y!, xx: xx / 4, xy: xy / 4, yy: yy / 4 }
  })
  for (let round = 0; round < ROUNDS; round++) {
    const sums = mixture.map(emptyComponent)
    for (const point of all) {
      const logs = mixture.map((component) => logComponent(component, point[0]!, point[1]!))
      const most = Math.max(...logs)
      const total = logs.reduce((sum, log) => sum + Math.exp(log - most), 0)
      logs.forEach((log, j) => gather(sums[j]!, point, Math.exp(log - most) / total))
    }
    mixture = sums.map((sum) => finish(sum, all.length))
  }
  return mixture
}
