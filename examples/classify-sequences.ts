// Classification of whole sequences: is a noisy wave a sine, a square or a sawtooth? The label follows from the last state of an LSTM.
import { accuracy, createDataset, createRandom, createTrainer, crossEntropy } from 'gatecell'
import { defineModel, evaluate, f32, i32, linear, lstm } from 'gatecell'

const random = createRandom(1, 'waves')
const shapes = [
  (p: number) => Math.sin(2 * Math.PI * p),
  (p: number) => (p % 1 < 0.5 ? 1 : -1),
  (p: number) => 2 * (p % 1) - 1
]
const samples = Array.from({ length: 600 }, (_, n) => {
  const [rate, phase, length] = [0.05 + 0.1 * random.uniform(), random.uniform(), 20 + random.below(30)]
  const x = Array.from({ length }, (_, t) => shapes[n % 3]!(phase + rate * t) + 0.3 * random.normal())
  return { x, label: n % 3 }
})

const model = defineModel({
  name: 'waves',
  config: {},
  inputs: { x: f32('length', 'batch', 1), lengths: i32('batch') },
  targets: { label: i32('batch') },
  forward({ x, lengths }) {
    const { h } = lstm(x, { name: 'lstm', hidden: 32, lengths }) // the state after the last step of each sequence
    return { logits: linear(h[0]!, { name: 'head', size: 3 }) }
  },
  loss: ({ logits }, { label }) => crossEntropy(logits, label)
})

const options = { batch: 32, lengths: { length: 'lengths' } }
const train = createDataset(model, samples.slice(0, 500), options)
const valid = createDataset(model, samples.slice(500), { ...options, repeat: false })
const steps = Number(process.argv[2] ?? 400)
await createTrainer(model, train, { optimizer: { kind: 'adam', learningRate: 0.01 }, steps }).fit()
const { metrics } = await evaluate(model, valid, {
  metrics: { right: accuracy({ logits: 'logits', targets: 'label' }) }
})
console.log(`right: ${(100 * metrics!.right!).toFixed(1)} %`)
