// Configuration of a text model and its training, as a checkpoint holds it. It has no clock, no thread count and no paths: the same
// training gives the same bytes everywhere.

import { open, optional, type Check } from '../../check/index.js'
import type { VocabularyConfig } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import { readStored, valuesCheck } from '../../settings/index.js'
import { checkDataMark, type DataMark } from '../runs/fingerprint.js'
import { checkVocabularyConfig } from '../runs/vocabulary.js'
import {
  textNetworkSettings,
  textSplitSettings,
  textTrainingSettings,
  type TextNetwork,
  type TextSplit,
  type TextTraining
} from './settings.js'

export interface TextConfig {
  readonly vocabulary: VocabularyConfig
  readonly network: TextNetwork
  readonly split: TextSplit
  readonly training?: TextTraining
  /** `fingerprint`: of all ids, those of the validation too. */
  readonly data?: DataMark
}

/** A configuration that a caller passes. */
export const readTextConfig: Check<TextConfig> = open<TextConfig>({
  vocabulary: checkVocabularyConfig,
  network: valuesCheck(textNetworkSettings),
  split: valuesCheck(textSplitSettings),
  training: optional(valuesCheck(textTrainingSettings)),
  data: optional(checkDataMark)
})

/** Reads the configuration of a model file. Throws ERR_INVALID_ARGUMENT unless it is an object, ERR_FILE_FORMAT with the name of the first invalid part. */
export function textConfigFromJson(json: JsonObject, path: string): TextConfig {
  return readStored(readTextConfig, json, path)
}
