// Figures of forecasts: by hand, and by properties that their definitions imply.
import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  crpsOfQuantiles,
  crpsOfSamples,
  intervalCoverage,
  mase,
  maseScale,
  pinballLoss,
  smape
} from '../../src/metrics/forecast.js'
import { rounds } from '../amounts.js'

const near = (t: Test, found: number | null, wanted: number, name?: string) =>
  t.ok(found !== null && Math.abs(found - wanted) <= 1e-12 * Math.max(1, Math.abs(wanted)), `${name}: ${found}`)
const options = { numRuns: rounds(100, 1000) }
const value = fc.double({ min: -1e6, max: 1e6, noNaN: true })
const values = fc.array(value, { minLength: 2, maxLength: 12 })

t.test('by hand', async (t) => {
  const training = [1, 3, 2, NaN, 4, 5]
  t.equal(maseScale(training, 1), (2 + 1 + 1) / 3, 'pairs with a missing value are left out')
  t.equal(maseScale(training, 2), (1 + 2) / 2)
  t.equal(maseScale([7, 7, 7], 1), null, 'a constant')
  t.equal(maseScale([7, 8], 2), null, 'no season in full')
  t.equal(mase([2, NaN, 5], [1, 100, 8], 4), 0.5)
  t.equal(mase([2], [1], null), null)
  near(t, smape([1, 0, NaN, -2], [3, 0, 9, 2]), (100 + 0 + 200) / 3, 'sMAPE')
  t.equal(pinballLoss(3, 0.9, 5), 0.9 * 2)
  near(t, pinballLoss(5, 0.9, 3), 0.2, 'pinball')
  near(t, crpsOfQuantiles([1, 2], [0.25, 0.75], 4), 0.25 * 3 + 0.75 * 2, 'quantiles')
  near(t, crpsOfSamples([1, 4, 2], 3), (2 + 1 + 1) / 3 - (3 + 1 + 2) / 6, 'samples')
  t.equal(intervalCoverage([1, 2, NaN, 4], [1, 3, 0, 0], [2, 4, 1, 4]), 2 / 3)
  for (const figure of [smape([NaN], [1]), intervalCoverage([], [], []), crpsOfSamples([1], 2), mase([1], [NaN], 1)!])
    t.ok(Number.isNaN(figure))
  t.throws(() => smape([1, 2], [1]), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => intervalCoverage([1], [1], []), { code: 'ERR_INVALID_SHAPE' })
})

t.test('properties', async (t) => {
  const scaled = fc.property(values, fc.double({ min: 0.5, max: 8, noNaN: true }), (list, factor) => {
    const scale = maseScale(list, 1)
    if (scale === null) return
    const naive = mase(list.slice(1), list.slice(0, -1), scale)
    near(t, naive, 1, 'the naive forecast of the training part')
    const larger = list.map((one) => factor * one)
    const other = mase(larger.slice(1), larger.slice(0, -1), maseScale(larger, 1))
    t.ok(Math.abs(other! - 1) < 1e-9, 'MASE has no unit')
  })
  fc.assert(scaled, options)
  const gaps = fc.property(values, fc.nat(), (list, seed) => {
    const at = seed % list.length
    const forecast = list.map((one) => one + 1)
    const holed = list.map((one, i) => (i === at ? NaN : one))
    const without = (all: number[]) => all.filter((_, i) => i !== at)
    near(t, smape(holed, forecast), smape(without(list), without(forecast)), 'missing values are left out')
  })
  fc.assert(gaps, options)
  const bounds = fc.property(values, value, (list, actual) => {
    const mean = list.reduce((sum, one) => sum + Math.abs(one - actual), 0) / list.length
    t.ok(crpsOfSamples(list, actual) <= mean * (1 + 1e-9) + 1e-9, 'the spread of samples lowers the CRPS')
    const shifted = crpsOfSamples(list.map((one) => one + 5), actual + 5) // prettier-ignore
    t.ok(Math.abs(shifted - crpsOfSamples(list, actual)) < 1e-6, 'it depends on differences only')
    const same = list.map(() => list[0]!)
    t.ok(Math.abs(crpsOfSamples(same, actual) - Math.abs(list[0]! - actual)) < 1e-9, 'of a point: the absolute error')
    near(t, crpsOfQuantiles([list[0]!], [0.5], actual), Math.abs(list[0]! - actual), 'of the median, too')
    const score = smape(list, list.map(() => actual)) // prettier-ignore
    t.ok(score >= 0 && score <= 200 + 1e-9)
  })
  fc.assert(bounds, options)
})

t.test('samples and quantiles of one distribution agree', async (t) => {
  // A uniform distribution on (0, 1): CRPS at y is y^2 - y + 1/3.
  const count = 2000
  const levels = Array.from({ length: count }, (_, i) => (i + 0.5) / count)
  for (const y of [0, 0.3, 0.5, 1]) {
    const exact = y * y - y + 1 / 3
    t.ok(Math.abs(crpsOfQuantiles(levels, levels, y) - exact) < 1e-3)
    t.ok(Math.abs(crpsOfSamples(levels, y) - exact) < 1e-3)
  }
})
