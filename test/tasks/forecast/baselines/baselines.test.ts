// The baselines of forecasts: they use nothing after their origin, and reach the figures of the data sets.
import fc from 'fast-check'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readSeries } from '../../../../src/data/series/read.js'
import { maseScale } from '../../../../src/metrics/forecast.js'
import { lastOrigin, type FittedBaseline } from '../../../../src/tasks/forecast/baselines/baseline.js'
import { baselines } from '../../../../src/tasks/forecast/baselines/index.js'
import { rounds } from '../../../amounts.js'

const wave = (length: number, season: number) =>
  Float64Array.from({ length }, (_, i) => 20 + i / 5 + 6 * Math.sin((2 * Math.PI * i) / season) + ((i * 7919) % 13) / 6)

/** Returns the mean absolute error of forecasts from every origin from `begin` on whose whole horizon is known; missing values do not count. */
function rollingError(
  values: Float64Array,
  forecasts: FittedBaseline['forecasts'],
  { begin, horizon }: { begin: number; horizon: number }
): number {
  const all = forecasts(values, { first: begin, last: lastOrigin(values.length, { begin, horizon }), horizon })
  const errors = all.flatMap((forecast, i) =>
    Array.from(forecast, (value, h) => Math.abs(value - (values[begin + i + h] ?? NaN)))
  )
  const known = errors.filter((error) => !Number.isNaN(error))
  return known.reduce((sum, error) => sum + error, 0) / known.length
}

t.test('the last value and the last season', async (t) => {
  const values = Float64Array.of(1, 2, 3, 4, 5, NaN)
  const [naive, seasonal] = baselines.map((one) => one.forecasts(values, 4, { season: 3, horizon: 4 }))
  t.strictSame([...naive!(3)!], [4, 4, 4, 4])
  t.strictSame([...naive!(5)!], [5, 5, 5, 5], 'a missing value is not repeated')
  t.strictSame([...seasonal!(3)!], [2, 3, 4, 2])
  t.strictSame([...seasonal!(5)!], [4, 5, 3, 4], 'where the last season has a gap, the one before counts')
  t.strictSame([naive!(2), naive!(6)], [null, null], 'only after the part to train on')
  t.equal(lastOrigin(100, { begin: 80, horizon: 12 }), 88)
  t.equal(lastOrigin(100, { begin: 95, horizon: 12 }), 95)
})

t.test('no baseline sees a value after its origin', async (t) => {
  const property = fc.property(fc.nat(19), fc.boolean(), (i, gap) => {
    const values = wave(60, 6)
    if (gap) values[35] = NaN
    const origin = 40 + i
    const later = values.map((value, at) => (at >= origin ? 3 * value + 100 : value))
    for (const one of baselines) {
      const shape = { season: 6, horizon: 6 }
      const [a, b] = [values, later].map((series) => one.forecasts(series, 40, shape)(origin - 1))
      if (!a!.every((value, h) => value === b![h] && Number.isFinite(value))) return false
    }
    return true
  })
  fc.assert(property, { numRuns: rounds(8, 40) })
  t.pass('forecasts are functions of the values before them')
})

t.test('constant and short series have forecasts', async (t) => {
  for (const values of [new Float64Array(30).fill(5), Float64Array.of(1, 2), Float64Array.of(0, 0, 0, 1, 0, 0, 2, 0)])
    for (const one of baselines) {
      const forecast = one.forecasts(values, values.length, { season: 12, horizon: 3 })(values.length - 1)!
      t.ok(forecast.every(Number.isFinite), `${one.name}: ${forecast.join(' ')}`)
    }
})

const folder = join(process.env['GATECELL_DATA'] ?? '', 'numbers/time-series')
const skip = existsSync(folder) ? false : 'GATECELL_DATA has no numbers/time-series'

t.test('MASE of the data sets', { skip }, async (t) => {
  // Origins of the last fifth with a whole horizon; the parts to train on are the first four fifths. Naive and seasonal naive have no choice.
  const files = [
    ['airline-passengers', { target: ['Passengers'], time: 'Month' }, 12, 12, [2.78, 1.59, 0.57, 0.43]],
    ['sunspots', { target: ['SUNACTIVITY'], time: 'YEAR' }, 11, 11, [2.778, 1.381, 2.22, 1.17]],
    ['monthly-sunspots', { target: ['Sunspots'], time: 'Month' }, 12, 12, [1.14, 1.481, 1.12, 0.905]],
    ['nile', { target: ['volume'], time: 'year' }, 1, 5, [1.024, 1.024, 0.79, 0.77]],
    ['elnino', { target: [], wide: true }, 12, 12, [2.012, 0.765, 0.71, 0.613]],
    ['co2', { target: ['co2'], time: 'date' }, 52, 52, [2.144, 1.371, 0.61, 0.53]]
  ] as const
  for (const [file, options, season, horizon, figures] of files) {
    const [series] = await readSeries(join(folder, `${file}.csv`), options)
    const { values } = series!
    const begin = Math.round(0.8 * values.length)
    const training = values.subarray(0, begin)
    const scale = maseScale(training, season)!
    for (const [i, one] of baselines.entries()) {
      const fitted = one.fit(training, { season, horizon })
      const figure = rollingError(values, fitted.forecasts, { begin, horizon }) / scale
      const name = `${file}, ${one.name}${fitted.form && `, ${fitted.form}`}: ${figure.toFixed(3)}`
      if (i < 2) t.ok(Math.abs(figure - figures[i]!) < 0.006, name)
      else t.ok(figure <= figures[i]!, name)
    }
  }
})
