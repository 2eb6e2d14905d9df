// Settings and records of the uses of a captioner: evaluation, captions.

import { bleuTokenizers } from '../../metrics/translation/tokenizers.js'
import { field, setting, type Group } from '../../settings/index.js'
import { deviceSettings, engineSettings } from '../runs/settings.js'
import type { Records } from '../verb.js'
import { captionReadSettings } from './settings.js'

const beam = setting.integer({ min: 1, max: 128, default: 1, help: 'width of the beam search; 1: greedy' })
const lengthPenalty = setting.number({
  min: 0,
  max: 10,
  default: 0,
  help: 'exponent of the length penalty (Wu et al. 2016): a larger one prefers longer captions; 0: no penalty'
})

/** Declarations of the settings of an evaluation. */
export const captionsEvaluationSettings = {
  part: setting.choice(['all', 'train', 'valid', 'test'], {
    defaultText: 'test if the records have parts, else all',
    absent: true,
    help: 'part of the images: that of their records, or as the training divided them'
  }),
  beam,
  lengthPenalty,
  tokenizer: setting.choice(bleuTokenizers, { default: '13a', help: "tokeniser of BLEU, as sacreBLEU's" }),
  ...captionReadSettings,
  ...deviceSettings
} satisfies Group

/** Declarations of the settings of `caption`. */
export const captionSettings = {
  images: setting.contents({ flag: null, mediaType: 'image/*', help: 'PNG, JPEG, WebP or AVIF images' }),
  beam,
  best: setting.integer({
    min: 1,
    max: 128,
    default: 1,
    help: 'captions of each image, at most the width of the beam'
  }),
  lengthPenalty,
  ...engineSettings('1')
} satisfies Group

/** Records of `caption`: one for each image. */
export const captionRecords = {
  caption: {
    image: field.text('the name of the image'),
    text: field.text('its best caption'),
    nats: field.number('negative log probability of the best caption', 'nats'),
    captions: field.list(
      {
        text: field.text('the text'),
        nats: field.number('negative log probability', 'nats'),
        score: field.number('log probability divided by the length penalty', 'nats'),
        ended: field.boolean('whether it ends with the end token; false if it was cut off')
      },
      'the captions, best first'
    )
  }
} satisfies Records
