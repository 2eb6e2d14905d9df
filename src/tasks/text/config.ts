// Configuration of a text model and its training, as a checkpoint stores it. It has no times, numbers of threads or paths, so that the same
// training gives the same bytes everywhere.

import { open, optional, type Check } from '../../check/index.js'
import type { VocabularyConfig } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import { readStored, valuesCheck } from '../../settings/index.js'
import { checkDataFingerprint, type DataFingerprint } from '../runs/fingerprint.js'
import { checkVocabularyConfig } from '../runs/vocabulary.js'
import {
  textNetworkSettings,
  textSplitSettings,
  textTrainingSettings,
  type TextNetwork,
  type TextSplit,
  type TextTraining
} from './settings.js'

/** Configuration of a text model, which its model file stores. */
export interface TextConfig {
  /** The vocabulary of the text. */
  readonly vocabulary: VocabularyConfig
  /** Settings of the network. */
  readonly network: TextNetwork
  /** Shares of the text that validate and test. */
  readonly split: TextSplit
  /** Settings of the training; models that were not made by a training may lack them. */
  readonly training?: TextTraining
  /** Fingerprint of the training data: of all ids, with those of the validation. */
  readonly data?: DataFingerprint
}

/** Checks a configuration that a caller passes. */
export const readTextConfig: Check<TextConfig> = open<TextConfig>({
  vocabulary: checkVocabularyConfig,
  network: valuesCheck(textNetworkSettings),
  split: valuesCheck(textSplitSettings),
  training: optional(valuesCheck(textTrainingSettings)),
  data: optional(checkDataFingerprint)
})

/**
 * Reads the configuration of the model file `path`. Throws ERR_INVALID_ARGUMENT unless it is an object, ERR_FILE_FORMAT with the name of the
 * first invalid part.
 *
 * @example
 * const { config } = await readCheckpointInfo('shakespeare.safetensors')
 * const { network } = textConfigFromJson(config, 'shakespeare.safetensors')
 */
export function textConfigFromJson(json: JsonObject, path: string): TextConfig {
  return readStored(readTextConfig, json, path)
}
