// Forecasters as programs use them: series from values, sessions that are saved and restored, scores of values as they come, draws.

import { join } from 'node:path'
import t from 'tap'
import { createSeries, loadForecaster, type TimeSeries } from '../../../src/tasks/forecast/index.js'
import { models, save } from '../small-models.js'
import { monthly } from './samples.js'

const values = monthly(130)
const seriesOf = (count: number): TimeSeries =>
  createSeries(values.subarray(0, count), { name: 'sales', start: '2000-01', step: { unit: 'month', count: 1 } })
const file = join(t.testdir({}), 'sales.safetensors')
const load = async () => await loadForecaster(file)

t.before(async () => await save(models['forecast']!(6), file))

t.test('a series from values', async (t) => {
  const series = seriesOf(4)
  t.strictSame(series.times, ['2000-01', '2000-02', '2000-03', '2000-04'])
  const rows = createSeries([1, NaN, 3], { name: 'a', covariates: { price: [1, 2, 3, 4] } })
  t.match(rows, { times: ['1', '2', '3'], missing: 1, step: { unit: 'row' }, group: '', target: 'a' })
  t.strictSame([...rows.covariates['price']!], [1, 2, 3, 4])
  const hours = createSeries([1, 2], { name: 'a', start: '2024-03-31T01:30:00+01:00', step: { unit: 'hour', count: 1 }, zone: 'Europe/Berlin' }) // prettier-ignore
  t.strictSame(hours.times[1], '2024-03-31T03:30:00+02:00')
  const day = { unit: 'day', count: 1 } as const
  const cases: readonly (readonly [ArrayLike<number>, object, string])[] = [
    [[], { name: 'a' }, 'ERR_INVALID_ARGUMENT'],
    [[NaN, 1], { name: 'a' }, 'ERR_INVALID_ARGUMENT'],
    [[1, Infinity], { name: 'a' }, 'ERR_INVALID_ARGUMENT'],
    [[1, -1e151], { name: 'a' }, 'ERR_INVALID_ARGUMENT'],
    [[1, 2], { name: 'a', covariates: { price: [1, 1e151] } }, 'ERR_INVALID_ARGUMENT'],
    [[1, 2], { name: 'a', start: '2024-02-30', step: day }, 'ERR_INVALID_ARGUMENT'],
    [[1, 2], { name: 'a', start: 'today', step: day }, 'ERR_INVALID_ARGUMENT'],
    [[1, 2], { name: 'a', start: '9999-12-31', step: day }, 'ERR_INVALID_ARGUMENT'],
    [[1, 2], { name: 'a', step: { unit: 'day', count: 0.5 } }, 'ERR_INVALID_ARGUMENT'],
    [[1, 2], { name: 'a', covariates: { price: [1] } }, 'ERR_INVALID_SHAPE']
  ]
  for (const [list, options, code] of cases)
    t.throws(() => createSeries(list, options as never), { code }, JSON.stringify(options))
})

t.test('forecasts at once and value by value', async (t) => {
  using forecaster = await load()
  const { median, quantiles, times } = await forecaster.forecast(seriesOf(120))
  t.strictSame(times, ['2010-01', '2010-02', '2010-03'])
  using session = forecaster.session(seriesOf(110))
  for (let i = 110; i < 120; i++) session.update(values[i]!)
  t.strictSame(session.forecast.median, median)
  t.strictSame(session.forecast.quantiles, quantiles)
  for (const take of [session.update, session.score]) t.throws(() => take(1e151), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => session.update(1, { price: -1e151 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.equal(session.count, 120)
  for (const value of [1e150, -1e150, NaN, 0])
    t.ok(
      session.update(value).quantiles.every((row) => row.every(Number.isFinite)),
      `finite after ${value}`
    )
  await t.rejects(forecaster.forecast(seriesOf(5)), { code: 'ERR_CORPUS_EMPTY' })
  await t.rejects(forecaster.forecast({ ...seriesOf(120), values: new Float64Array(3) }), { code: 'ERR_INVALID_SHAPE' })
  await t.rejects(forecaster.forecast(seriesOf(120), { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})

t.test('a session that is saved continues with the same bits elsewhere', async (t) => {
  using forecaster = await load()
  using first = forecaster.session(seriesOf(100))
  first.update(NaN)
  const state = structuredClone(first.save())
  first.update(values[101]!)
  using other = await load()
  using second = other.session(seriesOf(60))
  second.restore(state)
  t.equal(second.count, 101)
  t.strictSame(second.update(values[101]!), first.forecast)
  t.strictSame(second.draw({ count: 3, seed: 4 }), first.draw({ count: 3, seed: 4 }))
  first.restore(state)
  t.not(first.forecast.median[0], second.forecast.median[0], 'a session goes back, too')
  for (let i = 102; i < 110; i++) second.update(values[i]!)
  t.equal(state.count, 101, 'the state is a copy')

  t.throws(() => second.restore({ ...state, first: '1999-01' }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => second.restore({ ...state, facts: 1 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => second.restore({ ...state, memory: new Float64Array(3) }), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => second.restore({ ...state, network: { ...state.network, states: {} } }), { code: /^ERR_INVALID/ })
  t.equal(second.count, 110, 'a refused state changes nothing')
  second.dispose()
  for (const use of [() => second.save(), () => second.score(1), () => second.draw(), () => second.update(1)])
    t.throws(use, { code: 'ERR_DISPOSED' })
})

t.test('scores of values as they come are those of the whole series', async (t) => {
  using forecaster = await load()
  const wild = values.map((value, i) => (i === 115 ? 3 * value : value)).subarray(0, 120)
  const series = { ...seriesOf(120), values: wild }
  const found = await forecaster.anomalies(series)
  const worst = found.toSorted((one, other) => other.score - one.score)[0]!
  t.equal(worst.time, series.times[115])
  t.ok(worst.score > 5 && worst.probability < 1e-6)
  using session = forecaster.session(seriesOf(115))
  const quiet = await forecaster.anomalies(seriesOf(120), { threshold: 100 })
  const live = session.score(values[115]!)
  t.match(
    quiet.find(({ time }) => time === series.times[115]),
    live
  )
  t.equal(session.count, 115, 'a scored value is not taken')
  await t.rejects(forecaster.anomalies(series, { threshold: -1 }), { code: 'ERR_INVALID_ARGUMENT' })
})
