// Configuration of a network that reads handwriting and of its training, as a checkpoint holds it.

import { open, type Check } from '../../check/index.js'
import type { VocabularyConfig } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import { readStored } from '../../settings/index.js'
import { inkConfigFields, type InkConfig } from '../ink/config.js'
import { checkVocabularyConfig } from '../runs/vocabulary.js'
import { recognitionNetworkSettings, readerSettings, type RecognitionNetwork } from './settings.js'

export interface RecognitionConfig extends InkConfig<RecognitionNetwork> {
  /** The symbols that it can read. */
  readonly vocabulary: VocabularyConfig
}

/** A configuration that a caller passes. */
export const readRecognitionConfig: Check<RecognitionConfig> = open<RecognitionConfig>({
  ...inkConfigFields(recognitionNetworkSettings, readerSettings),
  vocabulary: checkVocabularyConfig
})

/** Reads the configuration of a model file. Throws ERR_FILE_FORMAT with the name of the first invalid part. */
export function recognitionConfigFromJson(json: JsonObject, path: string): RecognitionConfig {
  return readStored(readRecognitionConfig, json, path)
}
