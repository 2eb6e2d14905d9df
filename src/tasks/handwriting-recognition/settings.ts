// Settings of a network that reads handwriting and of its training. The defaults were found by experiments on real digits, strings of them
// and synthetic words.

import { scaledAugmentation } from '../../data/ink/augment.js'
import { defaultsOf, MAX_SIZE, setting, type Group, type Values } from '../../settings/index.js'
import { inkReadSettings, inkSettings } from '../ink/settings.js'

/** Declarations of the settings of the network. */
export const recognitionNetworkSettings = {
  hidden: setting.integer({ min: 1, max: MAX_SIZE, default: 96, help: 'units of each LSTM layer and direction' }),
  layers: setting.integer({ min: 1, max: 1000, default: 2, help: 'LSTM layers' }),
  bidirectional: setting.flag({
    default: true,
    flag: '--forward',
    help: 'both directions of time; with one direction it can read while the pen moves',
    flagHelp: 'one direction of time only: it can read while the pen moves'
  }),
  dropout: setting.number({
    min: 0,
    max: 0.999,
    argument: '<p>',
    default: 0.2,
    help: 'probability of dropout between the layers and after the last one'
  })
} satisfies Group

/** Declarations of the other settings of a training. The distance of two points is a sixteenth of the height of a line. */
export const readerSettings = inkSettings({
  training: { clip: 1, learningRate: 3e-3, seeded: 'weights, order, variations and dropout' },
  normalisation: { deslant: true, level: true, smooth: 1.5, resample: 'length', step: 1 / 16 },
  augmentation: 1
})

/** All settings of a training of a reader. */
export const recognitionRunSettings = { network: recognitionNetworkSettings, ...readerSettings } satisfies Group

/** All settings of a training of a reader with those of the reading of ink, for the command line. */
export const readerTaskSettings = { ...recognitionRunSettings, ...inkReadSettings } satisfies Group

/** Settings of the network. */
export type RecognitionNetwork = Values<typeof recognitionNetworkSettings>

/** Defaults of the network. */
export const readerNetworkDefaults = defaultsOf(recognitionNetworkSettings)
/** Defaults of the training. */
export const readerTrainingDefaults = defaultsOf(readerSettings.training)
/** Defaults of the normalisation of the ink. */
export const readerNormalisationDefaults = defaultsOf(readerSettings.normalisation)

/**
 * Normalisation for a network that reads while the pen moves: size, skew, slant and density of ink that is still to come cannot be
 * measured.
 */
export const forwardNormalisation = {
  ...readerNormalisationDefaults,
  scale: 'fixed',
  deslant: false,
  level: false,
  smooth: 0
} as const

/** The default variations of the ink. */
export const augmentationDefault = scaledAugmentation(defaultsOf(readerSettings).augmentation)
