// Defaults of the training of a reader, found by experiments on real digits, strings of them and synthetic words.

import { scaledAugmentation } from '../../data/ink/augment.js'

export const networkDefaults = { hidden: 96, layers: 2, bidirectional: true, dropout: 0.2 } as const

export const trainingDefaults = {
  batch: 16,
  optimizer: 'adam',
  learningRate: 3e-3,
  schedule: 'cosine',
  warmup: 0.02,
  clip: 1,
  seed: 0,
  precision: 'f32',
  epochs: 20
} as const

/** Points a sixteenth of the height of a line apart. */
export const normalisationDefaults = {
  scale: 'sample',
  deslant: true,
  level: true,
  smooth: 1.5,
  resample: 'length',
  step: 1 / 16
} as const

/** For a network that reads while the pen moves. */
export const forwardNormalisation = {
  ...normalisationDefaults,
  scale: 'fixed',
  deslant: false,
  level: false,
  smooth: 0
} as const

export const augmentationDefault = scaledAugmentation(1)
