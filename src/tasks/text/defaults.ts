// What a text training does when it is told nothing, in one place: found by experiments on Tiny Shakespeare, and the
// start of the weights that goes with it. The rate belongs to the size: small networks take larger steps.

import type { OptimizerName } from '../../graph/opcodes.js'
import type { TextNetwork } from './config.js'

export const networkDefaults = {
  hidden: 256,
  layers: 2,
  dropout: 0,
  locked: false,
  recurrentDropout: 0,
  zoneout: 0
} as const

export const trainingDefaults = {
  batch: 24,
  length: 64,
  optimizer: 'adam',
  schedule: 'cosine',
  warmup: 0.02,
  clip: 1,
  seed: 0,
  precision: 'f32',
  epochs: 10
} as const

/** Share of the text that validates. */
export const validDefault = 0.1

/** Peak learning rate for an optimiser and a network: by experiments at 64 to 256 units, beyond in inverse proportion. */
export function defaultLearningRate(optimizer: OptimizerName, { hidden }: Pick<TextNetwork, 'hidden'>): number {
  const adam = hidden > 256 ? 2.56 / hidden : 1e-2 * Math.sqrt(256 / hidden)
  return { sgd: 1, rmsprop: adam / 4, adam, adamw: adam }[optimizer]
}
