// The linear autoregression compared with statsmodels (test/golden/make_smoothing.py), on logarithms and seasonal differences, and with gaps.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../../../src/random.js'
import { linearAutoregression } from '../../../../src/tasks/forecast/baselines/autoregression.js'
import { fitLinear, LinearReader, type LinearForm } from '../../../../src/tasks/forecast/linear/part.js'

interface Golden {
  values: number[]
  horizon: number
  autoregression: { order: number; coefficients: number[]; forecast: number[] }[]
}

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname ?? '', '../../../golden/smoothing.json'), 'utf8')
) as Golden
const values = Float64Array.from(golden.values)
const lagsTo = (order: number) => Array.from({ length: order }, (_, i) => i + 1)
const plain = (order: number): LinearForm => ({ transform: 'identity', difference: 0, lags: lagsTo(order) })

/** Returns the forecasts after the last value. */
function ahead(series: Float64Array, form: LinearForm, { horizon, ridge }: { horizon: number; ridge?: number }) {
  const reader = new LinearReader(
    fitLinear(form, series, { constant: 'free', ...(ridge !== undefined && { ridge }) })!,
    horizon
  )
  const out = new Float64Array(horizon)
  for (const value of series) reader.push(value, out)
  return out
}

t.test('coefficients and forecasts of statsmodels', async (t) => {
  const close = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b))
  for (const { order, coefficients, forecast } of golden.autoregression) {
    const { constant, coefficients: found } = fitLinear(plain(order), values, { constant: 'free', ridge: 0 })!
    t.ok([constant, ...found].every((one, i) => close(one, coefficients[i]!)), `order ${order}: coefficients`) // prettier-ignore
    const next = ahead(values, plain(order), { horizon: golden.horizon, ridge: 0 })
    t.ok([...next].every((one, i) => close(one, forecast[i]!)), `order ${order}: forecasts`) // prettier-ignore
    t.ok(
      Math.abs(fitLinear(plain(order), values, { constant: 'free' })!.coefficients[0]! - found[0]!) < 1e-2,
      'the ridge is small'
    )
  }
})

t.test('logarithms and differences', async (t) => {
  const season = 6
  const wave = (i: number) => 1 + 0.4 * Math.sin((2 * Math.PI * i) / season)
  const grown = Float64Array.from({ length: 60 }, (_, i) => 5 * 1.03 ** i * wave(i))
  const seasonal = { difference: season, lags: [1] }
  ahead(grown, { ...seasonal, transform: 'log' }, { horizon: 9 }).forEach((found, h) => {
    const wanted = 5 * 1.03 ** (60 + h) * wave(60 + h)
    t.ok(Math.abs(found / wanted - 1) < 1e-3, `growth by a factor, ${h}: ${found} of ${wanted}`)
  })
  const line = Float64Array.from({ length: 60 }, (_, i) => 2 * i + 10 * wave(i))
  const next = ahead(line, { ...seasonal, lags: [], transform: 'identity' }, { horizon: 9 })
  next.forEach((found, h) => t.ok(Math.abs(found - 2 * (60 + h) - 10 * wave(60 + h)) < 0.1, `growth by a term, ${h}: ${found}`)) // prettier-ignore
})

t.test('the form is chosen within the part to train on', async (t) => {
  const random = createRandom(3, 'autoregression')
  const second = new Float64Array(400)
  for (let i = 2; i < 400; i++) second[i] = 1.6 * second[i - 1]! - 0.9 * second[i - 2]! + random.normal()
  const chosen = linearAutoregression(second, { season: 1, horizon: 5 })
  t.match(chosen.form, /^lags to \d+/)
  const all = chosen.forecasts(second, { first: 300, last: 395, horizon: 1 })
  const error = all.reduce((sum, forecast, i) => sum + Math.abs(forecast[0]! - second[300 + i]!), 0) / all.length
  t.ok(error < 1, `mean error ${error}, of noise of deviation 1: 0.8`)
  const short = linearAutoregression(Float64Array.of(1, 2, 4), { season: 1, horizon: 2 })
  const [last] = short.forecasts(Float64Array.of(1, 2, 4), { first: 3, last: 3, horizon: 2 })
  t.strictSame([...last!], [4, 4], 'a series too short for any order')
})
