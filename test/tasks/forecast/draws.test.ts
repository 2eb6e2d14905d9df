// Draws: each horizon has the distribution that the network gives, the horizons depend on each other as the errors of the linear part did.

import t, { type Test } from 'tap'
import { defineModel } from '../../../src/model.js'
import { createRandom } from '../../../src/random.js'
import { loadingsOf } from '../../../src/tasks/forecast/dependence.js'
import { drawPaths } from '../../../src/tasks/forecast/draws.js'
import { transformOf } from '../../../src/tasks/forecast/linear/transform.js'
import { forecastDefinition, readerShape } from '../../../src/tasks/forecast/model.js'
import { SeriesPredictor } from '../../../src/tasks/forecast/predict.js'
import { valuesAt } from '../../../src/tasks/forecast/samples.js'
import type { OutputName } from '../../../src/tasks/forecast/settings.js'
import { forecastConfig, month, monthly } from './samples.js'

const values = monthly(120)
const series = {
  name: 'sales',
  values,
  times: Array.from(values, (_, t) => month(t).slice(0, 7)),
  step: { unit: 'month', count: 1 } as const,
  covariates: {}
}

/** Returns a predictor whose network gives the first numbers of an output: a last layer begins with zeros and these numbers as its bias. */
function predictorOf(output: OutputName, correction = { share: 1, spread: 1 }): SeriesPredictor {
  const config = forecastConfig(4)
  const facts = { ...config.series[0]!, ...correction }
  const of = { ...config, network: { ...config.network, output, members: 2 }, series: [facts] }
  const model = defineModel(forecastDefinition(of), { seed: 1 })
  const predictor = new SeriesPredictor(model, facts, { shape: readerShape(of), output, members: 2 }, series)
  for (let i = 0; i < values.length; i++) predictor.push(valuesAt(series, i))
  return predictor
}

const COUNT = 20_000
/** Bound of the distance of Kolmogorov and Smirnov that 20,000 draws of the distribution exceed once in a thousand times. */
const FAR = 1.95 / Math.sqrt(COUNT)

/** Returns the largest distance of the shares of draws from a distribution function. */
function distance(draws: Float64Array, below: (x: number) => number): number {
  const sorted = draws.slice().sort()
  return sorted.reduce((most, x, i) => Math.max(most, Math.abs(below(x) - i / COUNT), Math.abs(below(x) - (i + 1) / COUNT)), 0) // prettier-ignore
}

/** Returns the distribution function of a density on the whole line, by the trapezoidal rule. */
function integrated(density: (x: number) => number): (x: number) => number {
  const [from, step, size] = [-60, 0.002, 60_000]
  const sums = new Float64Array(size + 1)
  for (let i = 1; i <= size; i++) {
    const x = from + i * step
    sums[i] = sums[i - 1]! + (step / 2) * (density(x - step) + density(x))
  }
  return (x) => sums[Math.max(0, Math.min(size, Math.round((x - from) / step)))]! / sums[size]!
}

/** Returns draws of horizon h in deviations of the linear part's errors. */
function deviations(predictor: SeriesPredictor, h: number): Float64Array {
  const { forward } = transformOf(predictor.facts.transform)
  const paths = drawPaths(predictor, { count: COUNT, seed: 3 })
  return Float64Array.from(
    paths,
    (path) => (forward(path[h]!) - predictor.reader.forecast[h]!) / predictor.facts.deviations[h]!
  )
}

const close = (t: Test, found: number, wanted: number, tolerance: number, what: string) =>
  t.ok(Math.abs(found - wanted) < tolerance, `${what} ${found}, ${wanted} wanted`)
const mean = (all: Float64Array) => all.reduce((sum, one) => sum + one, 0) / all.length
const variance = (all: Float64Array) => mean(all.map((one) => one ** 2)) - mean(all) ** 2

t.test('a normal distribution, and quantiles of one', async (t) => {
  const below = integrated((x) => Math.exp(-x * x * 0.5))
  for (const output of ['gaussian', 'quantiles'] as const) {
    using predictor = predictorOf(output)
    for (const h of [0, 2]) {
      const draws = deviations(predictor, h)
      t.ok(distance(draws, below) < FAR, `${output}, horizon ${h}: ${distance(draws, below)}`)
      close(t, mean(draws), 0, 0.03, 'mean')
      close(t, variance(draws), 1, 0.05, 'variance')
    }
  }
})

t.test("Student's t", async (t) => {
  using predictor = predictorOf('student')
  const [scale, freedom] = [Math.exp(-0.2), 2 + Math.log1p(Math.exp(3))]
  const below = integrated((x) => (1 + (x / scale) ** 2 / freedom) ** (-(freedom + 1) / 2))
  const draws = deviations(predictor, 1)
  t.ok(distance(draws, below) < FAR, String(distance(draws, below)))
  close(t, variance(draws), (scale ** 2 * freedom) / (freedom - 2), 0.15, 'variance')
})

t.test('counts', async (t) => {
  using predictor = predictorOf('negative-binomial')
  const [m, r] = [transformOf(predictor.facts.transform).back(predictor.reader.forecast[0]!), Math.E]
  const below: number[] = []
  let [log, sum] = [r * Math.log(r / (r + m)), 0]
  for (let k = 0; k < 4000; k++) {
    below.push((sum += Math.exp(log)))
    log += Math.log((m / (r + m)) * ((k + r) / (k + 1)))
  }
  const draws = Float64Array.from(drawPaths(predictor, { count: COUNT, seed: 5 }), (path) => path[0]!)
  t.ok(draws.every((one) => Number.isInteger(one) && one >= 0))
  const counts = new Float64Array(4000)
  for (const one of draws) counts[one]!++
  let [seen, most] = [0, 0]
  counts.forEach((count, k) => (most = Math.max(most, Math.abs((seen += count) / COUNT - below[k]!))))
  t.ok(most < FAR, String(most))
  close(t, mean(draws), m, 0.03 * m, 'mean')
  close(t, variance(draws) / (m + m ** 2 / r), 1, 0.06, 'share of the variance')
})

t.test('horizons depend on each other, and each keeps its distribution', async (t) => {
  using predictor = predictorOf('gaussian', { share: 0.5, spread: 1.3 })
  const { loadings } = predictor.facts
  t.ok(loadings.length === 3 && loadings.every((row) => row.length === 3))
  const [first, last] = [0, 2].map((h) => deviations(predictor, h)) as [Float64Array, Float64Array]
  const both = mean(first.map((one, i) => one * last[i]!)) - mean(first) * mean(last)
  const wanted = loadings.reduce((sum, row) => sum + row[0]! * row[2]!, 0)
  close(t, both / Math.sqrt(variance(first) * variance(last)), wanted, 0.03, 'correlation')
  close(t, variance(last), 1.3 ** 2, 0.08, 'variance')
  const totals = (paths: Float64Array[]) => variance(Float64Array.from(paths, (path) => path.reduce((a, b) => a + b)))
  const draw = (rows: number[][]) => drawPaths(predictor, { count: 2000, seed: 1, loadings: rows })
  t.ok(totals(draw([[0.9, 0.9, 0.9]])) > 1.5 * totals(draw([])), 'sums vary more if the values go together')
  const quantiles = predictor.quantilesOf(1)
  const sorted = Float64Array.from(drawPaths(predictor, { count: COUNT, seed: 2 }), (path) => path[1]!).sort()
  quantiles.forEach((value, i) => {
    const share = sorted.filter((one) => one <= value).length / COUNT
    close(t, share, (i + 1) / 10, 0.012, 'share below a quantile')
  })
  t.strictSame(draw([]), draw([]), 'a seed determines the paths')
})

t.test('loadings give back the correlations of the errors', async (t) => {
  const random = createRandom(5, 'errors')
  const horizon = 8
  const values = new Float64Array(4000 * horizon)
  for (let i = 0; i < values.length; i += horizon) {
    // A level that is missed, and a walk of its own.
    const level = 2 * random.normal()
    let walk = 0
    for (let h = 0; h < horizon; h++) values[i + h] = level + (walk += random.normal())
  }
  for (let i = 0; i < values.length; i += 97) values[i] = NaN
  const loadings = loadingsOf({ values, horizon })
  t.equal(loadings.length, 6)
  const covariance = (a: number, b: number) => 4 + Math.min(a, b) + 1
  for (const [a, b] of [
    [0, 1],
    [0, 7],
    [3, 6]
  ] as const) {
    const wanted = covariance(a, b) / Math.sqrt(covariance(a, a) * covariance(b, b))
    close(
      t,
      loadings.reduce((sum, row) => sum + row[a]! * row[b]!, 0),
      wanted,
      0.03,
      `correlation of ${a} and ${b}`
    )
  }
  for (let h = 0; h < horizon; h++) t.ok(loadings.reduce((sum, row) => sum + row[h]! ** 2, 0) < 1.001)
  t.strictSame(loadingsOf({ values: new Float64Array(8), horizon }), [], 'one origin has no correlations')
  t.ok(
    loadingsOf({ values: new Float64Array(80), horizon })
      .flat()
      .every((one) => one === 0),
    'no errors'
  )
})

t.test('no more draws than fit into one table', (t) => {
  const predictor = predictorOf('gaussian')
  const { horizon } = predictor.facts
  const count = Math.floor(2 ** 24 / horizon) + 1
  t.throws(() => drawPaths(predictor, { count, seed: 1 }), { code: 'ERR_OUT_OF_RANGE', message: /paths of \d+ values/ })
  t.end()
})
