// Text generation: a character model learns the months and writes them, symbol by symbol, at two temperatures.
import { createTextDataset, createTrainer, vocabularyFromText } from 'gatecell'
import { crossEntropy, defineModel, embedding, i32, linear, lstm } from 'gatecell'

const months = 'january february march april may june july august september october november december '
const text = months.repeat(40)
const vocabulary = vocabularyFromText(text)

const model = defineModel({
  name: 'months',
  config: { vocabulary: vocabulary.config },
  inputs: { tokens: i32('length', 'batch') },
  targets: { targets: i32('length', 'batch') },
  forward({ tokens }) {
    const x = embedding(tokens, { name: 'embedding', vocabulary: vocabulary.size, size: 32 })
    const { output } = lstm(x, { name: 'lstm', hidden: 96, carry: true })
    return { logits: linear(output, { name: 'head', size: vocabulary.size }) }
  },
  loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
  stream: { token: 'tokens', logits: 'logits' }
})

const data = createTextDataset(text, vocabulary, { batch: 8, length: 32 })
const steps = Number(process.argv[2] ?? 300)
await createTrainer(model, data, { optimizer: { kind: 'adam', learningRate: 0.01 }, steps }).fit()
for (const temperature of [0.3, 1.5]) {
  const stream = model.stream({ seed: 1, temperature })
  stream.feed(vocabulary.encode('january '))
  console.log(`${temperature}: january ${vocabulary.decode(stream.sample(70))}`)
}
