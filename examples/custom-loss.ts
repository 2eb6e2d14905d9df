// A custom loss: the network predicts mean and deviation of a value whose noise changes with time. The loss, the negative
// log-likelihood of a normal distribution, is one expression; the engine derives its gradient.
import { createDataset, createRandom, createTrainer } from 'gatecell'
import { defineModel, evaluate, f32, linear, lstm, ops } from 'gatecell'

const random = createRandom(1, 'noise')
const noise = (t: number) => 0.1 + 0.4 * (1 + Math.sin(t / 4))
const samples = Array.from({ length: 300 }, () => {
  const start = random.below(100)
  const steps = Array.from({ length: 40 }, (_, t) => start + t)
  const y = steps.map((t) => Math.sin(t / 7) + noise(t) * random.normal())
  return { x: steps.flatMap((t) => [Math.sin(t / 7), Math.sin(t / 4)]), y }
})

const model = defineModel({
  name: 'gaussian',
  config: {},
  inputs: { x: f32(40, 'batch', 2) },
  targets: { y: f32(40, 'batch', 1) },
  forward({ x }) {
    const { output } = lstm(x, { name: 'lstm', hidden: 16 })
    const mean = linear(output, { name: 'mean', size: 1 })
    const logDeviation = linear(output, { name: 'deviation', size: 1 })
    return { mean, logDeviation }
  },
  loss({ mean, logDeviation }, { y }) {
    const nats = ops.map([mean, logDeviation, y], (m, s, y) => {
      const square = y.sub(m).mul(s.neg().exp()).square()
      return s.add(square.mul(0.5)).add(0.5 * Math.log(2 * Math.PI))
    })
    return ops.mean(nats)
  }
})

const data = createDataset(model, samples, { batch: 30 })
const valid = createDataset(model, samples, { batch: 30, repeat: false })
const steps = Number(process.argv[2] ?? 300)
await createTrainer(model, data, { optimizer: { kind: 'adam', learningRate: 0.01 }, steps }).fit()
const { loss } = await evaluate(model, valid)
console.log(`${loss.toFixed(3)} nats a value`)
