// Exponential smoothing compared with statsmodels (test/golden/make_smoothing.py), and its fit.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { nelderMead } from '../../../../src/tasks/forecast/baselines/nelder-mead.js'
import { smoothedForecast, smoothStep, stepErrors, sumOfSquares, type SmoothingForm } from '../../../../src/tasks/forecast/baselines/smoothing.js' // prettier-ignore
import { exponentialSmoothing, fitSmoothing } from '../../../../src/tasks/forecast/baselines/smoothing-fit.js'
import { createRandom } from '../../../../src/random.js'

interface Golden {
  season: number
  horizon: number
  values: number[]
  smoothing: {
    trend: SmoothingForm['trend']
    seasonal: SmoothingForm['seasonal']
    terms: number[] | null
    fitted: number[]
    forecast: number[]
    errors: number
    bestErrors: number
  }[]
}

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname ?? '', '../../../golden/smoothing.json'), 'utf8')
) as Golden
const values = Float64Array.from(golden.values)
const close = (a: number, b: number, tolerance = 1e-9) => Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))

t.test('forecasts of statsmodels', async (t) => {
  const weights = { alpha: 0.35, beta: 0.15, gamma: 0.25, phi: 0.9 }
  for (const { trend, seasonal, terms, fitted, forecast, errors, bestErrors } of golden.smoothing) {
    const name = `${trend}, ${seasonal}`
    const form = { trend, seasonal, season: seasonal === 'none' ? 1 : golden.season }
    const begin = () => ({ level: 41, trend: trend === 'none' ? 0 : 0.5, seasonal: Float64Array.from(terms ?? [0]) })
    const state = begin()
    const steps = golden.values.map((y, t) => {
      const found = smoothedForecast(form, weights, state, { t, steps: 0 })
      smoothStep(form, weights, state, { t, y })
      return found
    })
    t.ok(steps.every((found, i) => close(found, fitted[i]!)), `${name}: one step`) // prettier-ignore
    const later = forecast.map((_, steps) => smoothedForecast(form, weights, state, { t: values.length, steps }))
    // For the phase of the last value statsmodels 0.15 repeats the seasonal term from before that value, against its own one-step forecasts.
    const stale = (steps: number) => seasonal !== 'none' && steps % golden.season === golden.season - 1
    t.ok(later.every((found, i) => stale(i) || close(found, forecast[i]!)), `${name}: ${later.join(' ')}`) // prettier-ignore
    t.ok(close(sumOfSquares(stepErrors(form, weights, begin(), values)), errors), `${name}: squared errors`)
    const fit = fitSmoothing(values, form)
    // statsmodels lets phi be larger than 0.98.
    if (trend !== 'damped')
      t.ok(fit.errors <= 1.001 * bestErrors, `${name}: fitted ${fit.errors}, statsmodels ${bestErrors}`)
    t.ok(close(sumOfSquares(stepErrors(form, fit.weights, fit.state, values)), fit.errors), 'from the fitted state')
  }
})

t.test('the form is chosen by AICc', async (t) => {
  const random = createRandom(1, 'smoothing')
  t.match(exponentialSmoothing(values, 4).form, /Holt-Winters/)
  t.equal(
    exponentialSmoothing(
      Float64Array.from({ length: 60 }, () => 10 + random.normal()),
      4
    ).form,
    'simple'
  )
  const growing = Float64Array.from({ length: 60 }, (_, i) => (10 + i) * (1 + 0.5 * Math.sin((Math.PI * i) / 6)) * (1 + 0.01 * random.normal())) // prettier-ignore
  t.equal(exponentialSmoothing(growing, 12).form, 'Holt-Winters, multiplicative')
  const negative = growing.map((value) => value - 40)
  t.not(exponentialSmoothing(negative, 12).form, 'Holt-Winters, multiplicative', 'only for positive values')
})

t.test('missing values', async (t) => {
  const holed = values.map((value, i) => (i % 7 === 3 || (i > 20 && i < 27) ? NaN : value))
  const span = { first: 40, last: 48, horizon: 4 }
  const [whole, some] = [values, holed].map((series) => exponentialSmoothing(series.subarray(0, 40), 4).forecasts(series, span)) // prettier-ignore
  for (const [i, forecast] of some!.entries())
    for (const [h, value] of forecast.entries()) t.ok(Math.abs(value - whole![i]![h]!) < 6, `${value}`)
})

t.test('the simplex method', async (t) => {
  const valley = ([x, y]: Float64Array) => (1 - x!) ** 2 + 100 * (y! - x! * x!) ** 2
  const { at, value } = nelderMead(valley, [-1.2, 1])
  t.ok(value < 1e-8 && Math.abs(at[0]! - 1) < 1e-3 && Math.abs(at[1]! - 1) < 1e-3, `${at.join(' ')}`)
  const walled = nelderMead(([x]) => (x! < 0.5 ? NaN : x! * x!), [3])
  t.ok(Math.abs(walled.at[0]! - 0.5) < 1e-3, 'values that are not finite are worse than all others')
  let calls = 0
  nelderMead(() => calls++, [1, 2, 3], { limit: 50 })
  t.ok(calls < 60, 'the calls are bounded')
})
