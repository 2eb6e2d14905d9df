// Translation: training and measurement of translators of sentences, and translating with them.

export { readPairs, type ReadPairsOptions } from '../../data/pairs/read.js'
export type { SentencePair } from '../../data/pairs/pairs.js'
export type { Bleu } from '../../metrics/translation/bleu.js'
export type { Chrf } from '../../metrics/translation/chrf.js'
export type { BleuTokenizer } from '../../metrics/translation/tokenizers.js'
export { translationConfigFromJson, type TranslationConfig, type TranslationVocabularies } from './config.js'
export type { TranslationSample, TranslationSets } from './data.js'
export {
  loadTranslator,
  type AttentionOfOptions,
  type LoadedTranslator,
  type TranslateOptions,
  type Translation,
  type TranslationAttention,
  type Translator
} from './load.js'
export {
  measureTranslator,
  type MeasuredPair,
  type MeasureTranslatorOptions,
  type TranslationMeasure
} from './measure.js'
export {
  prepareTranslationRun,
  type TranslationRun,
  type TranslationRunData,
  type TranslationRunOptions
} from './run.js'
export {
  TRANSLATION_TASK,
  type SentenceChoice,
  type SymbolChoice,
  type TranslationNetwork,
  type TranslationTraining
} from './settings.js'
export type { TranslationSymbols } from './symbols.js'
export type { TextDraws } from '../search.js'
export type * from '../runs/public.js'
