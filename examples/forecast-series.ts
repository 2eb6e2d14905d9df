// Regression of a series: from 48 hours of a daily and a weekly rhythm with noise to the next hour, compared with "as a day before".
import { createDataset, createRandom, createTrainer, defineModel, f32, linear, lstm, meanSquare } from 'gatecell'

const random = createRandom(1, 'series')
const wave = (t: number, period: number) => Math.sin((2 * Math.PI * t) / period)
const series = Array.from({ length: 2000 }, (_, t) => wave(t, 24) + 0.5 * wave(t, 168) + 0.1 * random.normal())
const window = 48
const samples = series.slice(window).map((y, t) => ({ x: series.slice(t, t + window), y: [y] }))
const [past, future] = [samples.slice(0, 1600), samples.slice(1600)]

const model = defineModel({
  name: 'series',
  config: {},
  inputs: { x: f32('length', 'batch', 1) },
  targets: { y: f32('batch', 1) },
  forward({ x }) {
    const { h } = lstm(x, { name: 'lstm', hidden: 32 })
    return { y: linear(h[0]!, { name: 'head', size: 1 }) }
  },
  loss: ({ y }, targets) => meanSquare(y, targets.y)
})

const data = createDataset(model, past, { batch: 32 })
const steps = Number(process.argv[2] ?? 500)
await createTrainer(model, data, { optimizer: { kind: 'adam', learningRate: 5e-3 }, steps }).fit()

const plan = model.plan({ length: window, batch: 1 }, { purpose: 'predict' })
const [errors, before] = [[] as number[], [] as number[]]
for (const { x, y } of future) {
  plan.inputs.x.set(x)
  await plan.run()
  errors.push((plan.outputs.y[0]! - y[0]!) ** 2)
  before.push((x[window - 24]! - y[0]!) ** 2)
}
const root = (squares: number[]) =>
  Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length).toFixed(3)
console.log(`root mean square error: ${root(errors)}; as a day before: ${root(before)}`)
