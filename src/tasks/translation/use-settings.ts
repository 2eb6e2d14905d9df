// Settings and records of the uses of a translator: evaluation, translation.

import { bleuTokenizers } from '../../metrics/translation/tokenizers.js'
import { field, setting, type Group } from '../../settings/index.js'
import { deviceSettings, engineSettings } from '../runs/settings.js'
import { drawGroup, foundTexts, searchGroup } from '../search-settings.js'
import { fileFields, type Records } from '../verb.js'
import { pairReadSettings } from './settings.js'

const words = { texts: 'translations', source: 'sentence', beam: 5, lengthPenalty: 1 } as const

/** Declarations of the settings of the search for translations. */
export const searchSettings = searchGroup(words)
const { beam, lengthPenalty, coveragePenalty, prune } = searchSettings

/** Declarations of the settings of an evaluation. */
export const translationEvaluationSettings = {
  part: setting.choice(['all', 'train', 'valid'], {
    default: 'all',
    help: 'part of the pairs, as the training divided them'
  }),
  beam,
  lengthPenalty,
  coveragePenalty,
  prune,
  tokenizer: setting.choice(bleuTokenizers, {
    default: '13a',
    help: "tokeniser of BLEU, as sacreBLEU's"
  }),
  minWords: setting.integer({ min: 1, default: 1, help: 'words of the shortest sources, separated by white space' }),
  most: setting.integer({ min: 1, absent: true, defaultText: 'all', help: 'most different sources' }),
  ...pairReadSettings,
  ...deviceSettings
} satisfies Group

/** Declarations of the settings of `translate`. */
export const translateSettings = {
  sentences: setting.texts({
    flag: null,
    absent: true,
    defaultText: 'the lines of standard input',
    help: 'sentences; - is the lines of standard input'
  }),
  ...searchSettings,
  ...drawGroup(words),
  attention: setting.product({
    mediaType: 'image/svg+xml',
    flag: '--attention-out',
    help: 'the weights of the attention as a picture, of a single sentence'
  }),
  ...engineSettings('1')
} satisfies Group

/** Records of `translate`: one for each sentence. */
export const translateRecords = {
  file: fileFields,
  translate: {
    source: field.text('the sentence'),
    text: field.text('its best translation'),
    nats: field.number('negative log probability of the best translation', 'nats'),
    translations: foundTexts(words)
  }
} satisfies Records
