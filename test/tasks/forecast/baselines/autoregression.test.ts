// Linear autoregression compared with statsmodels (test/golden/make_smoothing.py), on logarithms and seasonal differences, and with gaps.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { autoregressionForecasts, fitAutoregression, type AutoregressionForm } from '../../../../src/tasks/forecast/baselines/autoregression.js' // prettier-ignore
import { linearAutoregression, ordersFor } from '../../../../src/tasks/forecast/baselines/autoregression-fit.js'
import { createRandom } from '../../../../src/random.js'

interface Golden {
  values: number[]
  horizon: number
  autoregression: { order: number; coefficients: number[]; forecast: number[] }[]
}

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname ?? '', '../../../golden/smoothing.json'), 'utf8')
) as Golden
const values = Float64Array.from(golden.values)
const plain = { log: false, differences: false, season: 4 }
const end = (series: Float64Array, horizon: number) => ({ first: series.length, last: series.length, horizon })

t.test('coefficients and forecasts of statsmodels', async (t) => {
  for (const { order, coefficients, forecast } of golden.autoregression) {
    const model = fitAutoregression(values, { ...plain, order }, 0)!
    const found = autoregressionForecasts(model)(values, end(values, golden.horizon))[0]!
    const close = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b))
    t.ok([...model.coefficients].every((one, i) => close(one, coefficients[i]!)), `order ${order}: coefficients`) // prettier-ignore
    t.ok([...found].every((one, i) => close(one, forecast[i]!)), `order ${order}: forecasts`) // prettier-ignore
    const usual = fitAutoregression(values, { ...plain, order })!
    t.ok(Math.abs(usual.coefficients[1]! - coefficients[1]!) < 1e-2, 'the ridge is small')
  }
})

t.test('logarithms and differences', async (t) => {
  const season = 6
  const wave = (i: number) => 1 + 0.4 * Math.sin((2 * Math.PI * i) / season)
  const grown = Float64Array.from({ length: 60 }, (_, i) => 5 * 1.03 ** i * wave(i))
  const ahead = (series: Float64Array, form: AutoregressionForm) =>
    autoregressionForecasts(fitAutoregression(series, form)!)(series, end(series, 9))[0]!
  const forecast = ahead(grown, { order: 1, log: true, differences: true, season })
  forecast.forEach((found, h) => {
    const wanted = 5 * 1.03 ** (60 + h) * wave(60 + h)
    t.ok(Math.abs(found / wanted - 1) < 1e-3, `growth by a factor, ${h}: ${found} of ${wanted}`)
  })
  const line = Float64Array.from({ length: 60 }, (_, i) => 2 * i + 10 * wave(i))
  const next = ahead(line, { order: 1, log: false, differences: true, season })
  next.forEach((found, h) => t.ok(Math.abs(found - 2 * (60 + h) - 10 * wave(60 + h)) < 0.1, `growth by a term, ${h}: ${found}`)) // prettier-ignore
  t.equal(fitAutoregression(line.map((value) => value - 50), { order: 1, log: true, differences: false, season }), null, 'negative values have no logarithm') // prettier-ignore
  const counts = Float64Array.from({ length: 60 }, (_, i) => i % 5)
  t.equal(fitAutoregression(counts, { order: 5, log: true, differences: false, season })!.shift, 1)
  t.equal(fitAutoregression(values.subarray(0, 5), { ...plain, order: 4 }), null, 'too few values')
})

t.test('missing values are never interpolated from later ones', async (t) => {
  const holed = values.map((value, i) => (i % 9 === 5 || (i > 30 && i < 35) ? NaN : value))
  const model = fitAutoregression(holed, { ...plain, order: 5 })!
  t.ok(model.coefficients.every(Number.isFinite))
  const span = { first: 33, last: 33, horizon: 3 }
  const found = autoregressionForecasts(model)(holed, span)[0]!
  const other = holed.map((value, i) => (i >= 33 ? 1e6 : value))
  t.strictSame(autoregressionForecasts(model)(other, span)[0], found)
  t.ok(
    [...found].every((value) => Math.abs(value - values[33]!) < 30),
    `${found.join(' ')}`
  )
})

t.test('the order is chosen within the part to train on', async (t) => {
  const random = createRandom(3, 'autoregression')
  const second = new Float64Array(400)
  for (let i = 2; i < 400; i++) second[i] = 1.6 * second[i - 1]! - 0.9 * second[i - 2]! + random.normal()
  const chosen = linearAutoregression(second, 1, 5)
  t.match(chosen.form, /^order \d+$/)
  const [first, ...others] = chosen.forecasts(second, { first: 300, last: 395, horizon: 1 })
  const error =
    [first!, ...others].reduce((sum, forecast, i) => sum + Math.abs(forecast[0]! - second[300 + i]!), 0) / 96
  t.ok(error < 1, `mean error ${error}, of noise of deviation 1: 0.8`)
  t.strictSame(ordersFor(300, 12), [1, 2, 3, 5, 8, 12, 13, 21, 24, 25, 36])
  t.strictSame(ordersFor(1500, 52), [1, 2, 3, 5, 8, 13, 21, 36, 52, 53, 104, 105, 156])
  t.strictSame(ordersFor(12, 4), [1, 2, 3, 4])
  t.equal(linearAutoregression(Float64Array.of(1, 2, 4), 1, 2).form, 'order 0', 'a series too short for any order')
})
