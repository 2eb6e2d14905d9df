// A small model of text and its data, for the tests of observed tensors.
import {
  createTextDataset,
  crossEntropy,
  defineModel,
  embedding,
  i32,
  linear,
  lstm,
  vocabularyFromText
} from '../../src/index.js'

const text = 'the cell keeps what the gate lets through. '.repeat(20)
const vocabulary = vocabularyFromText(text)

/** Number of symbols of the model's vocabulary. */
export const alphabet = vocabulary.size

/** An embedding, an LSTM layer whose state is carried, and a linear layer. */
export const textModel = () =>
  defineModel(
    {
      name: 'observed',
      config: {},
      inputs: { tokens: i32('length', 'batch') },
      targets: { targets: i32('length', 'batch') },
      forward({ tokens }) {
        const x = embedding(tokens, { name: 'embedding', vocabulary: alphabet, size: 7 })
        const { output } = lstm(x, { name: 'lstm', hidden: 10, carry: true })
        return { logits: linear(output, { name: 'head', size: alphabet }) }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
      stream: { token: 'tokens', logits: 'logits' }
    },
    { seed: 5 }
  )

/** Batches of the text. */
export const source = () => createTextDataset(text, vocabulary, { batch: 2, length: 8 })
