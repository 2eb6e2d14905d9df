// The inputs of the network: functions of the past only, without a unit, with marks for missing values.

import t from 'tap'
import { phaseOf, seasonsPerStep } from '../../../src/tasks/forecast/calendar.js'
import { factsOf } from '../../../src/tasks/forecast/facts.js'
import { inputCount } from '../../../src/tasks/forecast/reader.js'
import { readerOf, stepsOf, valuesAt } from '../../../src/tasks/forecast/samples.js'
import { month, monthly } from './samples.js'

const shape = { known: ['price'], observed: ['heat'], horizon: 6 }
const seriesOf = (values: Float64Array) => ({
  name: 'sales',
  values,
  times: Array.from(values, (_, t) => month(t).slice(0, 7)),
  step: { unit: 'month', count: 1 } as const,
  covariates: { price: values.map((_, t) => t % 5), heat: values.map((_, t) => (t === 30 ? NaN : t)) }
})
const series = seriesOf(monthly(96))
const facts = factsOf(series, { season: 12, horizon: 6 }, 96)

function inputsOf(of: ReturnType<typeof seriesOf>, used = facts): Float32Array[] {
  const reader = readerOf(used, shape, of)
  return Array.from(of.values, (_, t) => {
    reader.push(valuesAt(of, t))
    return reader.inputs.slice()
  })
}

t.test('later values change nothing before them', async (t) => {
  const changed = series.values.slice()
  changed[60] = 1e4
  const [one, other] = [inputsOf(series), inputsOf(seriesOf(changed))]
  t.equal(one[0]!.length, inputCount(shape))
  t.same(one.slice(0, 60), other.slice(0, 60))
  t.notSame(one[60], other[60])
  t.ok(other.every((inputs) => inputs.every((input) => Math.abs(input) <= 6)))
})

t.test('inputs have no unit', async (t) => {
  const scaled = seriesOf(series.values.map((value) => 1000 * value))
  const own = inputsOf(scaled, factsOf(scaled, { season: 12, horizon: 6 }, 96))
  const largest = Math.max(
    ...inputsOf(series).flatMap((inputs, i) => [...inputs].map((x, k) => Math.abs(x - own[i]![k]!)))
  )
  t.ok(largest < 0.05, `${largest}`)
})

t.test('missing values are marked and replaced by the forecast', async (t) => {
  const gap = series.values.slice()
  gap[60] = NaN
  const inputs = inputsOf(seriesOf(gap))[60]!
  t.equal(inputs[8], 1)
  t.equal(inputs[0], 0, 'no surprise')
  t.ok(inputs.every(Number.isFinite))
})

t.test('targets lie in their part', async (t) => {
  const { weights, values } = stepsOf(series, facts, { from: 80, end: 90, shape, output: 'quantiles' })
  const weighted = [...weights].flatMap((weight, i) => (weight > 0 ? [[Math.floor(i / 6), i % 6] as const] : []))
  t.equal(weighted[0]![0], 79)
  t.ok(weighted.every(([step, h]) => step + 1 + h >= 80 && step + 1 + h < 90))
  t.equal(weighted.length, 6 * 5 + 5 + 4 + 3 + 2 + 1)
  t.ok(values.every((value) => Math.abs(value) <= 20))
})

t.test('the place in a season', async (t) => {
  const at = (unit: 'month' | 'week' | 'day' | 'hour' | 'year', time: string, season: number) =>
    phaseOf({ step: { unit, count: 1 }, times: [time] }, season)
  t.equal(at('month', '1949-04', 12), 0.25)
  t.equal(at('year', '1702', 11), (1702 / 11) % 1)
  t.ok(Math.abs(at('week', '1958-07-02', 52) - 0.5) < 0.01)
  t.equal(at('hour', '2024-03-31T06:00:00+02:00', 24), 0.25)
  t.ok(Math.abs(at('day', '2024-03-31', 7) - at('day', '2024-04-07', 7)) < 1e-6)
  t.equal(seasonsPerStep({ step: { unit: 'month', count: 1 }, times: [] }, 12), 1 / 12)
  t.ok(seasonsPerStep({ step: { unit: 'week', count: 1 }, times: [] }, 52) < 1 / 52)
})
