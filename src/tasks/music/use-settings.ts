// Settings and records of the uses of a model of music.

import { field, setting, type Group } from '../../settings/index.js'
import { deviceSettings } from '../runs/settings.js'
import { gridSetting } from './settings.js'
import { fileFields, type Records } from '../verb.js'

const MIDI = 'audio/midi'

/** Declarations of the settings of `compose`. */
export const composeSettings = {
  prompt: setting.content({ mediaType: MIDI, absent: true, help: 'a MIDI file that the piece begins with' }),
  steps: setting.integer({ min: 1, max: 100_000, absent: true, help: 'steps to compose' }),
  bars: setting.integer({
    min: 1,
    max: 10_000,
    absent: true,
    defaultText: '16, if there are no steps',
    help: 'bars of 4/4 to compose'
  }),
  grid: gridSetting('length of a step in the file; default: that of the training'),
  temperature: setting.number({
    min: 0,
    max: 1e6,
    default: 1,
    help: 'divisor of the logits; 0 takes the most probable notes'
  }),
  seed: setting.integer({ min: 0, default: 0, help: 'seed of the draws' }),
  tempo: setting.number({ min: 20, max: 400, default: 100, help: 'quarter notes a minute of the file' }),
  out: setting.product({ mediaType: MIDI, help: 'the piece as a MIDI file' }),
  svg: setting.product({ mediaType: 'image/svg+xml', help: 'the piece as a piano roll' }),
  wav: setting.product({ mediaType: 'audio/wav', help: 'the piece as sound' }),
  ...deviceSettings
} satisfies Group

/** Records of `compose`. */
export const composeRecords = {
  file: fileFields,
  compose: {
    steps: field.integer('steps of the piece'),
    prompt_steps: field.integer('steps of them that were given'),
    notes: field.integer('notes of the piece'),
    seconds: field.number('duration of the piece', 'seconds'),
    piece: field.list(
      {
        pitch: field.integer('MIDI number'),
        begin: field.integer('step in which it begins'),
        steps: field.integer('its length in steps')
      },
      'the notes'
    )
  }
} satisfies Records
