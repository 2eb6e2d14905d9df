// Settings of a network that reads handwriting and of its training. The defaults were found by experiments on real digits, strings of them
// and synthetic words.

import { scaledAugmentation } from '../../data/ink/augment.js'
import { defaultsOf, flag, integer, MAX_SIZE, number, type Group, type Values } from '../../settings/index.js'
import { inkReadSettings, inkSettings } from '../ink/settings.js'

/** The network. */
export const recognitionNetworkSettings = {
  hidden: integer({ min: 1, max: MAX_SIZE, default: 96, help: 'units of each LSTM layer and direction' }),
  layers: integer({ min: 1, max: 1000, default: 2, help: 'LSTM layers' }),
  bidirectional: flag({
    default: true,
    flag: '--forward',
    help: 'both directions of time; with one direction it can read while the pen moves',
    flagHelp: 'one direction of time only: it can read while the pen moves'
  }),
  dropout: number({
    min: 0,
    max: 0.999,
    argument: '<p>',
    default: 0.2,
    help: 'probability of dropout between the layers and after the last one'
  })
} satisfies Group

/** The rest of a training on ink. Points are a sixteenth of the height of a line apart. */
export const readerSettings = inkSettings({
  training: { clip: 1, learningRate: 3e-3, seeded: 'weights, order, variations and dropout' },
  normalisation: { deslant: true, level: true, smooth: 1.5, resample: 'length', step: 1 / 16 },
  augmentation: 1
})

/** Everything that a training of a reader can be given. */
export const recognitionRunSettings = { network: recognitionNetworkSettings, ...readerSettings } satisfies Group

/** The same with the reading of ink, for the command line. */
export const readerTaskSettings = { ...recognitionRunSettings, ...inkReadSettings } satisfies Group

/** The shape of the network. */
export type RecognitionNetwork = Values<typeof recognitionNetworkSettings>

/** Defaults of the network. */
export const networkDefaults = defaultsOf(recognitionNetworkSettings)
/** Defaults of the training. */
export const trainingDefaults = defaultsOf(readerSettings.training)
/** Defaults of the normalisation of the ink. */
export const normalisationDefaults = defaultsOf(readerSettings.normalisation)

/** For a network that reads while the pen moves: it cannot know the size, skew, slant and density of ink that is still to come. */
export const forwardNormalisation = {
  ...normalisationDefaults,
  scale: 'fixed',
  deslant: false,
  level: false,
  smooth: 0
} as const

/** Variations of the ink by default. */
export const augmentationDefault = scaledAugmentation(defaultsOf(readerSettings).augmentation)
