// What a text training does when it is told nothing, in one place: found by experiments on Tiny Shakespeare, and the
// start of the weights that goes with it. The rate belongs to the size: small networks take larger steps.

import type { Optimizer } from '../../train/optimizers.js'
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

/**
 * How far the weights start from zero: the standard deviation of the symbols' vectors, and the bound of the input weights as a
 * multiple of Glorot and Bengio's (2010). Small networks learn much sooner when their gates differ from the first step on (1 x 64
 * after a million characters: 1.62 nats instead of 1.67; 2 x 256 after four epochs 1.499 instead of 1.505); large ones learn more
 * than they can use that way and validate better from a mild start (2 x 512 with dropout after five epochs: 1.447 instead of 1.468).
 */
export function startingScales({ hidden }: Pick<TextNetwork, 'hidden'>): { embedding: number; input: number } {
  return hidden > 256 ? { embedding: 0.5, input: 1 } : { embedding: 1.2, input: 2 }
}

/** Peak learning rate for an optimiser and a network: by experiments at 64, 128, 256 and 512 units. */
export function defaultLearningRate(optimizer: Optimizer['kind'], { hidden }: Pick<TextNetwork, 'hidden'>): number {
  const adam = 1e-2 * (256 / hidden) ** (hidden > 256 ? 1.5 : 0.5)
  return { sgd: 1, rmsprop: adam / 4, adam, adamw: adam }[optimizer]
}
