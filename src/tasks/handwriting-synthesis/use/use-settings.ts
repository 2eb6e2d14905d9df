// Settings of the uses of a writer: evaluation, writing.

import { setting, type Group } from '../../../settings/index.js'
import { chooseInkSettings, inkReadSettings } from '../../ink/settings.js'
import { deviceSettings, engineSettings } from '../../runs/settings.js'

const bias = { min: 0, max: 100, argument: '<b>', default: 0.5 } as const
const { device, threads } = engineSettings('the fastest number for one stream')

/** Settings of an evaluation. */
export const writerEvaluationSettings = {
  ...chooseInkSettings,
  reader: setting.path({ absent: true, help: 'a model that reads the texts that the writer writes' }),
  count: setting.integer({ min: 1, max: 2 ** 20, default: 200, help: 'with a reader: texts of the ink at most' }),
  unseen: setting.paths({
    absent: true,
    argument: '<ink...>',
    help: 'with a reader: skip texts that occur in this ink, as that of the training'
  }),
  bias: setting.number({ ...bias, help: 'with a reader: bias of the writing' }),
  seed: setting.integer({ min: 0, default: 0, help: 'with a reader: seed of the draws' }),
  ...inkReadSettings,
  device,
  threads
} satisfies Group

/** Settings of `write`. */
export const writeSettings = {
  text: setting.text({ absent: true, flag: null, help: 'the text to write; none for a model that draws' }),
  bias: setting.number({ ...bias, help: 'bias towards the likely: 0 as learned, higher is neater' }),
  seed: setting.integer({ min: 0, default: 0, help: 'seed of the draws' }),
  points: setting.integer({
    min: 1,
    max: 2 ** 16,
    absent: true,
    defaultText: 'by the text; 1000 without one',
    help: 'points of the pen at most'
  }),
  style: setting.content({ absent: true, mediaType: 'application/json', help: 'a style that was saved before' }),
  prime: setting.content({
    absent: true,
    argument: '<ink>',
    mediaType: 'application/json',
    help: 'strokes whose style is taken'
  }),
  saveStyle: setting.product({ mediaType: 'application/json', help: 'file for the style of the primed strokes' }),
  svg: setting.product({ mediaType: 'image/svg+xml', help: 'the ink as a picture' }),
  movingSvg: setting.product({
    mediaType: 'image/svg+xml',
    help: 'the ink as a picture that moves at the speed of the hand'
  }),
  out: setting.product({ mediaType: 'application/json', help: 'the ink as stroke JSON' }),
  ...deviceSettings,
  ...inkReadSettings
} satisfies Group
