// Configuration of a captioner, as its file stores it.

import { choice, integer, invalid, list, object, open, optional, string, type Check } from '../../check/index.js'
import { MOST_PLACES, MOST_WIDTH, type FeatureShape } from '../../data/features/features.js'
import { visionScales, type VisionChoice } from '../../data/features/vision.js'
import { vocabularyFromConfig, type VocabularyConfig } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import { readStored, valuesCheck } from '../../settings/index.js'
import { checkDataFingerprint, type DataFingerprint } from '../runs/fingerprint.js'
import { checkVocabularyConfig } from '../runs/vocabulary.js'
import {
  captionSetSettings,
  captionsNetworkSettings,
  captionsTrainingSettings,
  imageSettings,
  type CaptionSetChoice,
  type CaptionsNetwork,
  type CaptionsTraining,
  type ImageChoice
} from './settings.js'
import type { CaptionWordsConfig } from './words.js'

/** Configuration of a captioner, which its model file stores. */
export interface CaptionsConfig {
  readonly image: ImageChoice
  /** Shape of ready features, which the network reads instead of pixels; absent for pixels. */
  readonly features?: FeatureShape
  /** The vision model that makes the features of images; absent for pixels and for features that were ready. */
  readonly vision?: VisionChoice
  readonly network: CaptionsNetwork
  readonly words: CaptionWordsConfig
  readonly sets: CaptionSetChoice
  readonly training: CaptionsTraining
  /** Fingerprint of the samples to train on and to validate. */
  readonly data?: DataFingerprint
}

const SPECIAL = ['unknown', 'begin', 'end'] as const

/** Checks a vocabulary of words with the special tokens of captions. */
const checkWords: Check<VocabularyConfig> = (value, name) => {
  const config = checkVocabularyConfig(value, name)
  const { special } = vocabularyFromConfig(config)
  if (config.kind === 'word' && SPECIAL.every((token) => special.includes(token))) return config
  throw invalid(`a vocabulary of words with the special tokens ${SPECIAL.join(', ')}`, name, value)
}

const checksum: Check<string> = (value, name) => {
  if (/^[0-9a-f]{64}$/.test(string(value, name))) return string(value, name)
  throw invalid('a SHA-256 in hexadecimal digits', name, value)
}

const checkCaptionsConfig: Check<CaptionsConfig> = open<CaptionsConfig>({
  image: valuesCheck(imageSettings),
  features: optional(
    object<FeatureShape>({
      rows: integer(1, MOST_PLACES),
      columns: integer(1, MOST_PLACES),
      width: integer(1, MOST_WIDTH)
    })
  ),
  vision: optional(object<VisionChoice>({ sha256: checksum, output: string, scale: choice(...visionScales) })),
  network: valuesCheck(captionsNetworkSettings),
  words: object<CaptionWordsConfig>({
    vocabulary: checkWords,
    tightBefore: list(string),
    tightAfter: list(string),
    longest: integer(1, 2 ** 20)
  }),
  sets: valuesCheck(captionSetSettings),
  training: valuesCheck(captionsTrainingSettings),
  data: optional(checkDataFingerprint)
})

/** Reads the configuration of the model file `path`. Throws ERR_FILE_FORMAT with the name of the first invalid part. */
export function captionsConfigFromJson(json: JsonObject, path: string): CaptionsConfig {
  return readStored(checkCaptionsConfig, json, path)
}
