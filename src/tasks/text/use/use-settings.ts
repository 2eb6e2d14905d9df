// Settings of the uses of a text model: evaluation, tracing, sampling.

import { setting, type Group } from '../../../settings/index.js'
import { engineSettings } from '../../runs/settings.js'

const share = { min: 0, below: 1, argument: '<share>', defaultText: 'as in the training', absent: true } as const

/** Settings of an evaluation. */
export const textEvaluationSettings = {
  part: setting.choice(['all', 'train', 'valid', 'test'], { default: 'all', help: 'part of the data' }),
  valid: setting.number({ ...share, help: 'share that validates' }),
  test: setting.number({ ...share, help: 'share after it that tests' }),
  cacheDir: setting.path({ folder: true, absent: true, help: 'folder for the symbols of texts above 64 MB' }),
  ...engineSettings('the fastest number for one stream')
} satisfies Group

/** Settings of a trace. */
export const textTraceSettings = {
  data: setting.content({ flag: null, mediaType: 'text/plain', help: 'text to trace the model on' })
} satisfies Group

/** Settings of `sample`. */
export const sampleSettings = {
  prompt: setting.text({ default: '', defaultText: 'a new line', help: 'text to continue' }),
  length: setting.integer({ min: 0, max: 1e12, default: 500, unit: 'symbols', help: 'symbols to write' }),
  temperature: setting.number({
    min: 0,
    max: 1e6,
    argument: '<t>',
    default: 0.8,
    help: 'divisor of the logits: 1 as learned, lower is safer, 0 takes the most probable symbol'
  }),
  topK: setting.integer({
    min: 0,
    max: 2 ** 24,
    argument: '<k>',
    default: 0,
    help: 'draw from the k most probable symbols; 0: from all'
  }),
  topP: setting.number({
    above: 0,
    max: 1,
    argument: '<p>',
    default: 1,
    help: 'draw from the most probable symbols that sum to p'
  }),
  seed: setting.integer({ min: 0, default: 0, help: 'seed of the draws' }),
  ...engineSettings('the fastest number for one stream')
} satisfies Group
