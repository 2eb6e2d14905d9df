// What a training of a writer does when it is told nothing.

import { inkAugmentations, scaledAugmentation, type InkAugmentation } from '../../data/ink/augment.js'

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
export const normalisationDefaults = {
  scale: 'sample',
  deslant: false,
  level: false,
  smooth: 0,
  resample: 'none',
  step: 1
} as const

/** Share of the drawings that a writer sees as they are: a network that sees warped ink only takes plain ink for unlikely. */
const PLAIN_SHARE = 0.3

/**
 * Variations for a writer. Points, strokes and their order stay, since the movement of the hand is what is learned; a share
 * of the samples is not varied.
 */
export function writersAugmentation(strength: number): InkAugmentation {
  const all = scaledAugmentation(strength)
  const { shear, scale, rotate, warp, speed } = all
  return { ...inkAugmentations.none, shear, scale, rotate, warp, speed, plain: strength > 0 ? PLAIN_SHARE : 0 }
}
