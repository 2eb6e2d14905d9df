// A small character model and its data for tests that train and sample.
import { createBatches, createEvaluation } from '../src/data/batching/windows.js'
import { tokensOf } from '../src/data/text/tokens.js'
import {
  createRandom,
  crossEntropy,
  defineModel,
  dropout,
  embedding,
  evaluationSource,
  i32,
  linear,
  lstm,
  tokenSource,
  type ModelOptions
} from '../src/index.js'

export const vocabulary = 27

export interface Shape {
  hidden?: number
  layers?: number
  dropout?: number
  variational?: boolean
  carry?: boolean
}

export function textModel(shape: Shape = {}, options: ModelOptions = {}) {
  const { hidden = 20, layers = 1, dropout: p = 0, variational = false, carry = true } = shape
  return defineModel(
    {
      name: 'text',
      config: { hidden, layers },
      inputs: { tokens: i32('length', 'batch') },
      targets: { targets: i32('length', 'batch') },
      forward: ({ tokens }) => {
        const x = embedding(tokens, { name: 'embedding', vocabulary, size: 12 })
        const { output } = lstm(dropout(x, { p, variational }), {
          name: 'lstm',
          hidden,
          layers,
          dropout: p,
          variational,
          carry
        })
        return { logits: linear(output, { name: 'head', size: vocabulary }) }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
      stream: { token: 'tokens', logits: 'logits' }
    },
    // One thread, unless a test asks for more: on a busy machine a fork waits for the scheduler.
    { seed: 5, threads: 1, ...options }
  )
}

/** The alphabet and a blank, again and again. */
export function alphabet(repeats: number): Int32Array {
  return Int32Array.from({ length: repeats * vocabulary }, (_, i) => i % vocabulary)
}

/** Symbols without rhyme or reason. */
export function noise(length: number, seed = 1): Int32Array {
  const random = createRandom(seed, 'noise')
  return Int32Array.from({ length }, () => random.below(vocabulary))
}

export function trainingData(ids: Int32Array, batch = 4, length = 8) {
  return tokenSource(createBatches(tokensOf(ids), { batch, length, seed: 3 }))
}

export function validationData(ids: Int32Array, batch = 1, length = 16) {
  return evaluationSource(createEvaluation(tokensOf(ids), { batch, length }))
}
