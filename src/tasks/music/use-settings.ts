// Settings and records of the uses of a model of music.

import { field, setting, type Group } from '../../settings/index.js'
import { deviceSettings } from '../runs/settings.js'
import { gridSetting, topPSetting } from './settings.js'
import { fileFields, type Records } from '../verb.js'

const MIDI = 'audio/midi'

/** Declarations of the settings of a composed piece. */
export const compositionSettings = {
  steps: setting.integer({ min: 1, max: 100_000, absent: true, help: 'steps to compose' }),
  bars: setting.integer({
    min: 1,
    max: 10_000,
    absent: true,
    defaultText: '16, if there are no steps',
    help: 'bars of 4/4 to compose'
  }),
  seconds: setting.number({
    above: 0,
    max: 36_000,
    absent: true,
    unit: 'seconds',
    defaultText: '30 in the form events',
    help: 'length to compose as time, the only one of the form events'
  }),
  onlyNew: setting.flag({ default: false, help: 'leave the prompt out of the piece' }),
  particles: setting.integer({
    min: 1,
    max: 256,
    default: 16,
    help: 'harmonisations that are drawn next to each other to find one that prepares the soprano'
  }),
  grid: gridSetting('length of a step in the file; default: that of the training'),
  temperature: setting.number({
    min: 0,
    max: 1e6,
    default: 1,
    help: 'divisor of the logits; 0 takes the most probable notes'
  }),
  topP: topPSetting,
  seed: setting.integer({ min: 0, default: 0, help: 'seed of the draws' }),
  tempo: setting.number({ min: 20, max: 400, default: 100, help: 'quarter notes a minute of the file' })
} satisfies Group

/** Declarations of the settings of `compose`. */
export const composeSettings = {
  prompt: setting.content({ mediaType: MIDI, absent: true, help: 'a MIDI file that the piece begins with' }),
  harmonise: setting.content({
    mediaType: MIDI,
    absent: true,
    help: 'a MIDI file whose highest notes are the soprano of the piece, in the form voices'
  }),
  ...compositionSettings,
  out: setting.product({ mediaType: MIDI, help: 'the piece as a MIDI file' }),
  svg: setting.product({ mediaType: 'image/svg+xml', help: 'the piece as a piano roll' }),
  wav: setting.product({ mediaType: 'audio/wav', help: 'the piece as sound' }),
  ...deviceSettings
} satisfies Group

/** Records of `compose`. */
export const composeRecords = {
  file: fileFields,
  compose: {
    steps: field.integer('steps of the piece; of the form events, steps of 10 ms'),
    prompt_steps: field.integer('steps of the piece that are those of the prompt'),
    notes: field.integer('notes of the piece'),
    seconds: field.number('duration of the piece', 'seconds'),
    hanging: field.optional(
      field.integer('notes of a performance that were not released, and end after 5 seconds or with the piece')
    ),
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
