// Settings and records of the uses of a captioner: evaluation, captions.

import { bleuTokenizers } from '../../metrics/translation/tokenizers.js'
import { field, setting, type Group } from '../../settings/index.js'
import { deviceSettings, engineSettings } from '../runs/settings.js'
import { drawGroup, foundTexts, searchGroup } from '../search-settings.js'
import { fileFields, type Records } from '../verb.js'
import { captionReadSettings } from './settings.js'

const words = { texts: 'captions', source: 'image', beam: 1, lengthPenalty: 0 } as const

/** Declarations of the settings of the search for captions. */
export const captionSearchSettings = searchGroup(words)
const { beam, lengthPenalty, coveragePenalty, prune } = captionSearchSettings

/** Declarations of the settings of an evaluation. */
export const captionsEvaluationSettings = {
  part: setting.choice(['all', 'train', 'valid', 'test'], {
    defaultText: 'test if the records have parts, else all',
    absent: true,
    help: 'part of the images: that of their records, or as the training divided them'
  }),
  beam,
  lengthPenalty,
  coveragePenalty,
  prune,
  tokenizer: setting.choice(bleuTokenizers, { default: '13a', help: "tokeniser of BLEU, as sacreBLEU's" }),
  ...captionReadSettings,
  ...deviceSettings
} satisfies Group

/** Declarations of the settings of `caption`. */
export const captionSettings = {
  images: setting.contents({
    flag: null,
    mediaType: 'image/*',
    help: 'PNG, JPEG, WebP or AVIF images; NPY or safetensors files for a captioner of features'
  }),
  onnx: setting.content({
    absent: true,
    mediaType: 'application/onnx',
    help: 'the vision model (ONNX) with which the captioner was trained; without it, features take the place of images'
  }),
  ...captionSearchSettings,
  ...drawGroup(words),
  attention: setting.product({
    mediaType: 'image/svg+xml',
    flag: '--attention-out',
    help: 'where the captioner looked for each word as a picture, of a single image'
  }),
  ...engineSettings('1')
} satisfies Group

/** Records of `caption`: one for each image. */
export const captionRecords = {
  file: fileFields,
  caption: {
    image: field.text('the name of the image'),
    text: field.text('its best caption'),
    nats: field.number('negative log probability of the best caption', 'nats'),
    captions: foundTexts(words)
  }
} satisfies Records
