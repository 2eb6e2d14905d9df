// Settings of the task: the form in which music is learned, the network, the training.

import { MAX_SIZE, setting, type Group, type Values } from '../../settings/index.js'
import { deviceSettings, trainingSettings } from '../runs/settings.js'

/** Name of the task in model files and on the command line. */
export const MUSIC_TASK = 'music'

/** Declares the length of a step. */
export function gridSetting(help: string) {
  return setting.choice(['quarter', '8th', '16th', '32nd'], { absent: true, defaultText: '16th', help })
}

/** Declarations of the settings of the network. */
export const musicNetworkSettings = {
  form: setting.choice(['notes', 'keys', 'voices', 'events'], {
    default: 'notes',
    help: 'notes: the notes of each step, from the highest down; keys: 88 keys of a step independently; voices: four voices, one pitch each; events: presses and releases of keys in time'
  }),
  grid: gridSetting('length of a step of MIDI files, as a part of a whole note; piano rolls have steps'),
  hidden: setting.integer({ min: 1, max: MAX_SIZE, default: 256, help: 'units of an LSTM layer' }),
  layers: setting.integer({ min: 1, max: 16, default: 2, help: 'LSTM layers' }),
  chord: setting.integer({
    min: 1,
    max: MAX_SIZE,
    default: 256,
    help: 'units that choose the notes of a step one by one'
  }),
  relations: setting.integer({ min: 1, max: 64, default: 4, help: 'tables of intervals to each reference note' }),
  lookback: setting.flag({
    default: false,
    help: 'the network reads how the piece repeats its earlier bars and parts, in the forms notes, voices and keys'
  }),
  members: setting.integer({
    min: 1,
    max: 16,
    default: 1,
    help: 'networks that are trained side by side, whose probabilities are averaged'
  }),
  dropout: setting.number({ min: 0, below: 1, default: 0.5, help: 'dropout between layers and before the outputs' }),
  inputDropout: setting.number({ min: 0, below: 1, default: 0.2, help: 'dropout of the inputs of the LSTM' }),
  transpose: setting.integer({
    min: 0,
    max: 12,
    default: 5,
    help: 'largest transposition of the training pieces in semitones; each part of a piece is shifted at random'
  }),
  stretch: setting.number({
    min: 0,
    below: 1,
    absent: true,
    defaultText: '0.05',
    help: 'largest change of the tempo of training pieces, as a share, in the form events'
  }),
  window: setting.integer({
    min: 8,
    max: 4096,
    default: 128,
    help: 'steps of the parts into which training pieces are cut'
  })
} satisfies Group

/** Declarations of the settings of the training. */
export const musicTrainingSettings = trainingSettings({
  batch: 8,
  epochs: 60,
  clip: 1,
  learningRate: 0.002,
  data: 'pieces',
  seeded: 'weights, dropout, order and transpositions'
})

/** Settings of the network. */
export type MusicNetwork = Values<typeof musicNetworkSettings>

/** The settings on which the inputs of the network depend. */
export type MusicInputs = Pick<MusicNetwork, 'form' | 'lookback'>

/** Declaration of the share of the most probable notes. */
export const topPSetting = setting.number({
  above: 0,
  max: 1,
  default: 1,
  help: 'draw from the most probable notes whose probabilities add up to this share; not in the form keys'
})

/** Declarations of the settings of an evaluation. */
export const musicEvaluationSettings = {
  part: setting.choice(['test', 'valid', 'train'], { default: 'test', help: 'part of the pieces' }),
  compose: setting.integer({
    min: 0,
    max: 1000,
    default: 0,
    help: 'pieces to compose, whose figures are printed next to those of the data'
  }),
  seed: setting.integer({
    min: 0,
    default: 0,
    help: 'seed of the first composed piece; the others have the next ones'
  }),
  temperature: setting.number({ min: 0, max: 1e6, default: 1, help: 'divisor of the logits of composed pieces' }),
  topP: topPSetting,
  ...deviceSettings
} satisfies Group

/** Settings of an evaluation. */
export type MusicEvaluation = Values<typeof musicEvaluationSettings>
