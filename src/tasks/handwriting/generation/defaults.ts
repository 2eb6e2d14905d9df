// What a training of a writer does when it is told nothing.

import { scaledAugmentation, type InkAugmentation } from '../../../data/ink/augment.js'

export const networkDefaults = { hidden: 200, layers: 3, gaussians: 20, window: 10 } as const

export const trainingDefaults = {
  batch: 16,
  optimizer: 'adam',
  learningRate: 2e-3,
  schedule: 'cosine',
  warmup: 0.02,
  clip: 5,
  seed: 0,
  precision: 'f32',
  epochs: 20
} as const

/** The pen's own points: they carry the speed of the hand. */
export const normalisationDefaults = { scale: 'sample', deslant: false, resample: 'none', step: 1 } as const

/** No point is left out, no stroke turned round or broken: how the hand moves is what is learned. */
export function writersAugmentation(strength: number): InkAugmentation {
  return { ...scaledAugmentation(strength), dropout: 0, reverse: 0, trim: 0, lift: 0 }
}
