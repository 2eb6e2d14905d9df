// The classical first LSTM program: learn the alphabet, then recite it. It takes about a second, and goes through all of
// the engine, so it is also the self-test of `gatecell doctor`.

import { callback, choice, optional, options as optionsOf, signal as signalOf } from '../../check/index.js'
import { createBatches } from '../../data/batching/windows.js'
import { tokensOf } from '../../data/text/tokens.js'
import { vocabularyFromText } from '../../data/text/vocabulary.js'
import { GatecellError } from '../../errors.js'
import type { Device } from '../../graph/opcodes.js'
import { tokenSource } from '../../data/batching/source.js'
import type { Report } from '../../train/reports.js'
import { createTrainer } from '../../train/trainer.js'
import { writeText } from './load.js'
import { textModel } from './model.js'
import { networkDefaults } from './settings.js'

export const ALPHABET = 'abcdefghijklmnopqrstuvwxyz'

export interface Alphabet {
  /** What the network wrote after `a`, the `a` included: the alphabet. */
  recited: string
  steps: number
  seconds: number
  loss: number
}

const STEPS = 120
const ROUNDS = 40

/** Trains a small network on the alphabet and lets it recite. ERR_SELF_TEST if it recites anything else. */
const readOptions = optionsOf<{ signal?: AbortSignal; onReport?: (report: Report) => void; device?: Device }>({
  signal: optional(signalOf),
  onReport: optional(callback()),
  device: optional(choice('cpu', 'cuda', 'auto'))
})

export async function learnAlphabet(
  options: { signal?: AbortSignal; onReport?: (report: Report) => void; device?: Device } = {}
): Promise<Alphabet> {
  const text = ALPHABET.repeat(ROUNDS)
  const vocabulary = vocabularyFromText(text)
  const network = { ...networkDefaults, embedding: 16, hidden: 32, layers: 1 }
  const { device = 'cpu', onReport, signal } = readOptions(options, 'the options of learnAlphabet')
  using model = textModel({ vocabulary: vocabulary.config, network, split: { valid: 0, test: 0 } }, { device })
  const batches = createBatches(tokensOf(vocabulary.encode(text)), { batch: 8, length: ALPHABET.length })
  const trainer = createTrainer(model, tokenSource(batches), {
    optimizer: { kind: 'adam', learningRate: 2e-2 },
    steps: STEPS,
    reportEvery: STEPS / 4
  })
  if (onReport) trainer.on('report', onReport)
  const { step, seconds, smoothedLoss } = await trainer.fit(signal ? { signal } : {})
  const [first] = ALPHABET
  const recited = first! + writeText(model, vocabulary, { prompt: first!, temperature: 0 }).text(ALPHABET.length - 1)
  if (recited !== ALPHABET) {
    throw new GatecellError(
      'ERR_SELF_TEST',
      `Expected the alphabet after ${step} steps of training but the network wrote "${recited}": report it with the output of gatecell doctor`
    )
  }
  return { recited, steps: step, seconds, loss: smoothedLoss! }
}
