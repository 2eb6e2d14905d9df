// Configuration of a translator, as its file stores it.

import { invalid, nullable, object, open, optional, type Check } from '../../check/index.js'
import { vocabularyFromConfig, type VocabularyConfig } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import { readStored, valuesCheck } from '../../settings/index.js'
import { checkDataFingerprint, type DataFingerprint } from '../runs/fingerprint.js'
import { checkVocabularyConfig } from '../runs/vocabulary.js'
import {
  sentenceSettings,
  symbolSettings,
  translationNetworkSettings,
  translationTrainingSettings,
  type SentenceChoice,
  type SymbolChoice,
  type TranslationNetwork,
  type TranslationTraining
} from './settings.js'

/** The vocabularies of both languages. */
export interface TranslationVocabularies {
  /** Symbols of the translations, with the special tokens begin and end. */
  readonly target: VocabularyConfig
  /** Symbols of the sources; null: those of the translations. */
  readonly source: VocabularyConfig | null
}

/** Configuration of a translator, which its model file stores. */
export interface TranslationConfig {
  readonly network: TranslationNetwork
  readonly symbols: SymbolChoice
  readonly sentences: SentenceChoice
  readonly training: TranslationTraining
  readonly vocabulary: TranslationVocabularies
  /** Fingerprint of the ids to train on and to validate. */
  readonly data?: DataFingerprint
}

/** Checks a vocabulary of translations, which have a begin and an end. */
const checkTarget: Check<VocabularyConfig> = (value, name) => {
  const config = checkVocabularyConfig(value, name)
  const { special } = vocabularyFromConfig(config)
  if (special.includes('begin') && special.includes('end')) return config
  throw invalid('a vocabulary with the special tokens begin and end', name, value)
}

const checkTranslationConfig: Check<TranslationConfig> = open<TranslationConfig>({
  network: valuesCheck(translationNetworkSettings),
  symbols: valuesCheck(symbolSettings),
  sentences: valuesCheck(sentenceSettings),
  training: valuesCheck(translationTrainingSettings),
  vocabulary: object<TranslationVocabularies>({
    target: checkTarget,
    source: nullable(checkVocabularyConfig)
  }),
  data: optional(checkDataFingerprint)
})

/** Reads the configuration of the model file `path`. Throws ERR_FILE_FORMAT with the name of the first invalid part. */
export function translationConfigFromJson(json: JsonObject, path: string): TranslationConfig {
  return readStored(checkTranslationConfig, json, path)
}
