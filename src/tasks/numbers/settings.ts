// Settings of the network of the task, of its training and of the evaluation of its models.

import { MAX_SIZE, setting, type Group, type Values } from '../../settings/index.js'
import { deviceSettings, trainingSettings } from '../runs/settings.js'

/** Name of the task in model files and on the command line. */
export const NUMBERS_TASK = 'numbers'

/** Declarations of the settings of the network. */
export const numbersNetworkSettings = {
  hidden: setting.integer({ min: 1, max: MAX_SIZE, default: 128, help: 'units of the encoder and of the decoder' }),
  embedding: setting.integer({ min: 1, max: MAX_SIZE, default: 8, help: 'width of the embeddings of the digits' }),
  sums: setting.integer({
    min: 1,
    max: 64,
    default: 4,
    help: 'sums of the digits over the terms whose factors the encoder chooses'
  })
} satisfies Group

/** Declarations of the settings of the training. An epoch has 1,000 steps. */
export const numbersTrainingSettings = trainingSettings({
  batch: 128,
  epochs: 24,
  clip: 1,
  learningRate: 0.006,
  data: 'data, 1,000 steps each',
  seeded: 'weights and sequences'
})

/** Settings of the network. */
export type NumbersNetwork = Values<typeof numbersNetworkSettings>

/** Declarations of the settings of an evaluation. */
export const numbersEvaluationSettings = {
  part: setting.choice(['test', 'valid'], { default: 'test', help: 'part of the sequences' }),
  ...deviceSettings
} satisfies Group

/** Settings of an evaluation. */
export type NumbersEvaluation = Values<typeof numbersEvaluationSettings>
