// Tagging with lengths: a bidirectional LSTM marks each bracket that has no partner. Padding is neither computed nor counted.
import { accuracy, createDataset, createRandom, createTrainer, crossEntropy } from 'gatecell'
import { defineModel, embedding, evaluate, i32, linear, lstm } from 'gatecell'

const random = createRandom(1, 'brackets')
const samples = Array.from({ length: 1200 }, () => {
  const brackets = Array.from({ length: 4 + random.below(12) }, () => random.below(2)) // 0 opens, 1 closes
  const tags = brackets.map(() => 1)
  const open: number[] = []
  brackets.forEach((bracket, at) => {
    if (bracket === 0) open.push(at)
    else if (open.length > 0) tags[at] = tags[open.pop()!] = 0
  })
  return { brackets, tags }
})

const model = defineModel({
  name: 'brackets',
  config: {},
  inputs: { brackets: i32('length', 'batch'), lengths: i32('batch') },
  targets: { tags: i32('length', 'batch') },
  forward({ brackets, lengths }) {
    const x = embedding(brackets, { name: 'embedding', vocabulary: 2, size: 8 })
    const { output } = lstm(x, { name: 'lstm', hidden: 32, bidirectional: true, lengths })
    return { logits: linear(output, { name: 'head', size: 2 }) }
  },
  loss: ({ logits }, { tags }) => crossEntropy(logits, tags)
})

const options = { batch: 32, lengths: { length: 'lengths' } }
const train = createDataset(model, samples.slice(0, 1000), options)
const valid = createDataset(model, samples.slice(1000), { ...options, repeat: false })
const steps = Number(process.argv[2] ?? 600)
await createTrainer(model, train, { optimizer: { kind: 'adam', learningRate: 0.01 }, steps }).fit()
const { metrics } = await evaluate(model, valid, {
  metrics: { right: accuracy({ logits: 'logits', targets: 'tags' }) }
})
console.log(`right: ${(100 * metrics!.right!).toFixed(1)} %`)
