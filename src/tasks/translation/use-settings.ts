// Settings and records of the uses of a translator: evaluation, translation.

import { bleuTokenizers } from '../../metrics/translation/tokenizers.js'
import { field, setting, type Group } from '../../settings/index.js'
import { deviceSettings, engineSettings } from '../runs/settings.js'
import { fileFields, type Records } from '../verb.js'
import { pairReadSettings } from './settings.js'

const beam = setting.integer({ min: 1, max: 128, default: 5, help: 'width of the beam search; 1: greedy' })
const lengthPenalty = setting.number({
  min: 0,
  max: 10,
  default: 1,
  help: 'exponent of the length penalty (Wu et al. 2016): a larger one prefers longer translations; 0: no penalty'
})

const coveragePenalty = setting.number({
  min: 0,
  max: 100,
  default: 0,
  help: 'factor of the coverage penalty (Wu et al. 2016): a larger one prefers translations that attend to all of the sentence; 0: no penalty'
})

/** Declarations of the settings of the search for translations. */
export const searchSettings = {
  beam,
  best: setting.integer({
    min: 1,
    max: 128,
    default: 1,
    help: 'translations of each sentence, at most the width of the beam'
  }),
  lengthPenalty,
  coveragePenalty
} satisfies Group

/** Declarations of the settings of an evaluation. */
export const translationEvaluationSettings = {
  part: setting.choice(['all', 'train', 'valid'], {
    default: 'all',
    help: 'part of the pairs, as the training divided them'
  }),
  beam,
  lengthPenalty,
  coveragePenalty,
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
  sample: setting.flag({ default: false, help: 'draw translations instead of searching for the best ones' }),
  temperature: setting.number({
    min: 0,
    max: 1e6,
    argument: '<t>',
    absent: true,
    defaultText: '1',
    help: 'divisor of the logits of draws: 1 as learned, lower is safer, 0 takes the most probable symbol'
  }),
  topK: setting.integer({
    min: 0,
    max: 2 ** 24,
    argument: '<k>',
    absent: true,
    defaultText: '0',
    help: 'draw from the k most probable symbols; 0: from all'
  }),
  topP: setting.number({
    above: 0,
    max: 1,
    argument: '<p>',
    absent: true,
    defaultText: '1',
    help: 'draw from the most probable symbols that sum to p'
  }),
  seed: setting.integer({ min: 0, absent: true, defaultText: '0', help: 'seed of the draws' }),
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
    translations: field.list(
      {
        text: field.text('the text'),
        nats: field.number('negative log probability', 'nats'),
        score: field.number('log probability divided by the length penalty', 'nats'),
        ended: field.boolean('whether it ends with the end token; false if it was cut off')
      },
      'the translations, best first'
    )
  }
} satisfies Records
