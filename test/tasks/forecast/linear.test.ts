// The linear part: least squares, iterated forecasts, and the choice among forms.

import t from 'tap'
import { createRandom } from '../../../src/random.js'
import { chooseLinear, partRule } from '../../../src/tasks/forecast/linear/choose.js'
import { fitLinear, LinearReader, memoryOf, type LinearPart } from '../../../src/tasks/forecast/linear/part.js'
import { chooseTransform, transformNames, transformOf } from '../../../src/tasks/forecast/linear/transform.js'
import { monthly } from './samples.js'

/** A series x_t = 5 + 0.6 (x_(t-1) - 5) - 0.3 (x_(t-2) - 5) + noise. */
function autoregression(count: number, noise: number): Float64Array {
  const random = createRandom(3, 'autoregression')
  const x = new Float64Array(count)
  for (let t = 0; t < count; t++) {
    const before = (lag: number) => (t < lag ? 0 : x[t - lag]! - 5)
    x[t] = 5 + 0.6 * before(1) - 0.3 * before(2) + noise * (random.uniform() - 0.5)
  }
  return x
}

t.test('the coefficients of a known autoregression', async (t) => {
  const form = { transform: 'identity', difference: 0, lags: [1, 2] } as const
  const mean = { constant: 'mean' } as const
  const part = fitLinear(form, autoregression(4000, 1), mean)!
  t.ok(Math.abs(part.constant - 5 * 0.7) < 0.2, String(part.constant))
  t.ok(Math.abs(part.coefficients[0]! - 0.6) < 0.04, String(part.coefficients))
  t.ok(Math.abs(part.coefficients[1]! + 0.3) < 0.04)
  const gaps = autoregression(4000, 1)
  for (let i = 100; i < 4000; i += 50) gaps[i] = NaN
  t.ok(Math.abs(fitLinear(form, gaps, mean)!.coefficients[0]! - 0.6) < 0.04, 'missing values are left out')
  t.equal(fitLinear(form, autoregression(12, 1), mean), null, 'too few values')
})

t.test('forecasts are iterated, in the unit of the values', async (t) => {
  const part: LinearPart = { transform: 'identity', difference: 0, lags: [1], constant: 5, coefficients: [0.5] }
  const reader = new LinearReader(part, 3)
  const out = new Float64Array(3)
  reader.push(10, out)
  t.notOk(reader.ready && memoryOf(part) > 1)
  reader.push(18, out)
  t.same([...out], [14, 12, 11])
  reader.push(NaN, out)
  t.same([...out], [12, 11, 10.5], 'the forecast takes the place of a missing value')

  const seasonal = { transform: 'log', difference: 4, lags: [], constant: Math.log(2), coefficients: [] } as const
  const other = new LinearReader(seasonal, 6)
  const six = new Float64Array(6)
  for (const value of [1, 2, 3, 4]) other.push(value, six)
  t.ok(other.ready)
  const wanted = [2, 4, 6, 8, 4, 8]
  t.ok(
    six.every((value, h) => Math.abs(value - wanted[h]!) < 1e-9),
    six.join()
  )

  const drift = new LinearReader({ transform: 'identity', difference: 1, lags: [], constant: 2, coefficients: [] }, 2)
  const two = new Float64Array(2)
  drift.push(7, two)
  t.same([...two], [9, 11])
})

t.test('transformations', async (t) => {
  for (const name of transformNames)
    for (const value of [0.5, 7, 1e6, 1e300])
      t.ok(Math.abs(transformOf(name).back(transformOf(name).forward(value)) / value - 1) < 1e-9)
  for (const value of [-5, 0, 1e300])
    for (const name of transformNames) t.ok(Number.isFinite(transformOf(name).back(value)))
  t.equal(chooseTransform([3, 4, NaN, 5]), 'log')
  t.equal(chooseTransform([0, 4, 5]), 'sqrt')
  t.equal(chooseTransform([-1, 4, 5]), 'identity')
})

t.test('the choice for a series with growth and a season', async (t) => {
  const values = monthly(120)
  const parts = chooseLinear(values.subarray(0, 96), { season: 12, horizon: 12 }, partRule)
  t.ok(parts.length >= 1 && parts.length <= 4)
  const readers = parts.map((part) => new LinearReader(part, 12))
  const own = new Float64Array(12)
  let [error, naive] = [0, 0]
  const sum = new Float64Array(12)
  for (let i = 0; i < 96; i++) {
    sum.fill(0)
    for (const reader of readers) {
      reader.push(values[i]!, own)
      own.forEach((value, h) => (sum[h]! += value / readers.length))
    }
  }
  for (let h = 0; h < 12; h++) {
    error += Math.abs(values[96 + h]! - sum[h]!)
    naive += Math.abs(values[96 + h]! - values[84 + h]!)
  }
  t.ok(error < 0.6 * naive, `${error} beside ${naive} of the season before`)
  const short = chooseLinear(Float64Array.of(1, 2, 3), { season: 12, horizon: 2 }, partRule)
  t.same(short, [{ transform: 'identity', difference: 1, lags: [], constant: 0, coefficients: [] }])
})
