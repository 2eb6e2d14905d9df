// A first LSTM program: a small network learns the alphabet and recites it. It takes about a second and uses all parts of the engine, so it is
// also the self-test of `gatecell doctor`.

import { callback, choice, optional, options as optionsOf, signal as signalOf } from '../../../check/index.js'
import { createTextDataset } from '../../../data/batching/text-dataset.js'
import { vocabularyFromText } from '../../../data/text/vocabulary.js'
import { expected } from '../../../errors.js'
import type { Device } from '../../../graph/opcodes.js'
import type { Report } from '../../../train/reports.js'
import { createTrainer } from '../../../train/trainer.js'
import { writeText } from '../use/load.js'
import { textModel } from '../model.js'
import { networkDefaults } from '../settings.js'

/** The text to learn: the letters from a to z. */
export const ALPHABET = 'abcdefghijklmnopqrstuvwxyz'

/** The result of `learnAlphabet`. */
export interface Alphabet {
  /** The text that the network wrote, with the letter `a` that it was given: the alphabet. */
  recited: string
  /** Number of training steps. */
  steps: number
  /** Duration of the training in seconds. */
  seconds: number
  /** Smoothed loss at the end of the training, in nats per letter. */
  loss: number
}

const STEPS = 120
const ROUNDS = 40

const readOptions = optionsOf<{ signal?: AbortSignal; onReport?: (report: Report) => void; device?: Device }>({
  signal: optional(signalOf),
  onReport: optional(callback()),
  device: optional(choice('cpu', 'cuda', 'auto'))
})

/**
 * Trains a small network on the alphabet and lets it recite. `onReport` is called with four reports of the training; `device` is 'cpu'
 * (default), 'cuda' or 'auto'. Throws ERR_SELF_TEST if the network writes anything else, ERR_ABORTED if `signal` aborts.
 *
 * @example
 * const { recited, loss } = await learnAlphabet()
 * console.log(recited, loss)
 */
export async function learnAlphabet(
  options: { signal?: AbortSignal; onReport?: (report: Report) => void; device?: Device } = {}
): Promise<Alphabet> {
  const text = ALPHABET.repeat(ROUNDS)
  const vocabulary = vocabularyFromText(text)
  const network = { ...networkDefaults, embedding: 16, hidden: 32, layers: 1 }
  const { device = 'cpu', onReport, signal } = readOptions(options, 'the options of learnAlphabet')
  using model = textModel({ vocabulary: vocabulary.config, network, split: { valid: 0, test: 0 } }, { device })
  const data = createTextDataset(text, vocabulary, { batch: 8, length: ALPHABET.length })
  const trainer = createTrainer(model, data, {
    optimizer: { kind: 'adam', learningRate: 2e-2 },
    steps: STEPS,
    reportEvery: STEPS / 4
  })
  if (onReport) trainer.on('report', onReport)
  const { step, seconds, smoothedLoss } = await trainer.fit(signal ? { signal } : {})
  const [first] = ALPHABET
  const recited = first! + writeText(model, vocabulary, { prompt: first!, temperature: 0 }).text(ALPHABET.length - 1)
  if (recited !== ALPHABET) {
    throw expected(
      'ERR_SELF_TEST',
      `the alphabet after ${step} steps of training`,
      `"${recited}" from the network`,
      'report it with the output of npx gatecell doctor'
    )
  }
  return { recited, steps: step, seconds, loss: smoothedLoss! }
}
