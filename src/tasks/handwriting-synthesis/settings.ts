// Settings of a network that writes by hand and of its training.

import { inkAugmentations, scaledAugmentation, type InkAugmentation } from '../../data/ink/augment.js'
import { defaultsOf, MAX_SIZE, setting, type Group, type Values } from '../../settings/index.js'
import { inkReadSettings, inkSettings } from '../ink/settings.js'

/** Declarations of the settings of the network. */
export const synthesisNetworkSettings = {
  hidden: setting.integer({ min: 1, max: MAX_SIZE, default: 200, help: 'units of each LSTM layer' }),
  layers: setting.integer({
    min: 1,
    max: 16,
    default: 3,
    help: 'LSTM layers; each sees the pen and all feed the output (Graves 2013, figure 1)'
  }),
  gaussians: setting.integer({ min: 1, max: 1000, default: 20, help: 'Gaussians of the mixture of the next point' }),
  window: setting.integer({ min: 1, max: 1000, default: 10, help: 'Gaussians of the window over the text' })
} satisfies Group

/** Declarations of the other settings of a training. The points are the pen's own, because they carry the speed of the hand. */
export const writerSettings = inkSettings({
  training: { clip: 5, learningRate: 2e-3, seeded: 'weights, order and variations' },
  normalisation: { deslant: false, level: false, smooth: 0, resample: 'none', step: 1 },
  augmentation: 0
})

/** All settings of a training of a writer. */
export const synthesisRunSettings = {
  network: synthesisNetworkSettings,
  text: setting.flag({
    defaultText: 'with texts if every sample has one',
    flag: '--no-text',
    means: false,
    help: 'learn to write texts; without, to draw',
    flagHelp: 'draw without a text'
  }),
  ...writerSettings
} satisfies Group

/** All settings of a training of a writer with those of the reading of ink, for the command line. */
export const writerTaskSettings = { ...synthesisRunSettings, ...inkReadSettings } satisfies Group

/** Settings of the network. */
export type SynthesisNetwork = Values<typeof synthesisNetworkSettings>

/** Defaults of the network. */
export const writerNetworkDefaults = defaultsOf(synthesisNetworkSettings)
/** Defaults of the training. */
export const writerTrainingDefaults = defaultsOf(writerSettings.training)
/** Defaults of the normalisation of the ink. */
export const writerNormalisationDefaults = defaultsOf(writerSettings.normalisation)

/** Share of the samples that are not varied: a network that is trained on varied ink only gives plain ink a low probability. */
const PLAIN_SHARE = 0.3

/**
 * Returns variations for a writer, of `strength` from 0 to 10. Points, strokes and their order do not change, because the movement of the
 * hand is learned; a share of the samples is not varied.
 */
export function writersAugmentation(strength: number): InkAugmentation {
  const all = scaledAugmentation(strength)
  const { shear, scale, rotate, warp, speed } = all
  return { ...inkAugmentations.none, shear, scale, rotate, warp, speed, plain: strength > 0 ? PLAIN_SHARE : 0 }
}
