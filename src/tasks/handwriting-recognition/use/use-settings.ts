// Settings of the uses of a reader: evaluation, tracing, reading.

import { setting, type Group } from '../../../settings/index.js'
import { chooseInkSettings, inkReadSettings } from '../../ink/settings.js'
import { engineSettings } from '../../runs/settings.js'

/** Settings of an evaluation. */
export const readerEvaluationSettings = {
  ...chooseInkSettings,
  ...inkReadSettings,
  ...engineSettings('the fastest number for one stream')
} satisfies Group

/** Settings of a trace. */
export const readerTraceSettings = {
  data: setting.content({ flag: null, mediaType: 'application/json', help: 'ink to trace the reader on' }),
  sample: setting.integer({ min: 1, default: 1, help: 'number of the sample of the ink' }),
  layer: setting.text({
    absent: true,
    argument: '<name>',
    defaultText: 'the last',
    help: 'layer whose cells the picture shows: l0, l0_reverse, l1 and so on'
  }),
  svg: setting.product({ mediaType: 'image/svg+xml', help: 'the rows as a picture' }),
  movingSvg: setting.product({ mediaType: 'image/svg+xml', help: 'the rows as a moving picture' }),
  ...inkReadSettings
} satisfies Group

/** Settings of `read`. */
export const readingSettings = {
  ink: setting.contents({
    flag: null,
    mediaType: 'application/json',
    help: 'files, folders, patterns, or - for standard input'
  }),
  beam: setting.integer({
    min: 1,
    max: 2 ** 16,
    absent: true,
    defaultText: 'greedy decoding; 16 with a lexicon or a text model',
    help: 'width of a beam search'
  }),
  best: setting.integer({ min: 1, max: 1000, default: 1, help: 'readings of each sample' }),
  lexicon: setting.content({
    absent: true,
    mediaType: 'text/plain',
    help: 'read only words of this list, one or more a line'
  }),
  lm: setting.model({ absent: true, help: 'text model that rates readings' }),
  lmWeight: setting.number({
    above: 0,
    max: 100,
    argument: '<w>',
    default: 0.5,
    help: "factor of the text model's nats"
  }),
  insertion: setting.number({
    min: -100,
    max: 100,
    argument: '<nats>',
    default: 1,
    help: 'bonus of each symbol with a text model'
  }),
  pen: setting.flag({ default: false, help: 'read point by point as the pen moves; for networks of one direction' }),
  ...inkReadSettings,
  ...engineSettings('1')
} satisfies Group
