// Configuration of a network that reads handwriting and of its training, as a checkpoint stores it.

import { open, type Check } from '../../check/index.js'
import type { VocabularyConfig } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import { readStored } from '../../settings/index.js'
import { inkConfigFields, type InkConfig } from '../ink/config.js'
import { readerVocabularies } from './labels.js'
import { recognitionNetworkSettings, readerSettings, type RecognitionNetwork } from './settings.js'

/** Configuration of a reader, which its model file stores: the vocabulary, the network, and how ink is prepared and was split. */
export interface RecognitionConfig extends InkConfig<RecognitionNetwork> {
  /** The symbols that the reader can read, without the blank; `readerVocabularies` adds it. */
  readonly vocabulary: VocabularyConfig
}

/** Checks a configuration that a caller passes. */
export const readRecognitionConfig: Check<RecognitionConfig> = open<RecognitionConfig>({
  ...inkConfigFields(recognitionNetworkSettings, readerSettings),
  vocabulary: readerVocabularies.checkSymbols
})

/**
 * Reads the configuration of the model file `path`. Throws ERR_FILE_FORMAT with the name of the first invalid part.
 *
 * @example
 * const { config } = await readCheckpointInfo('reader.safetensors')
 * const { network } = recognitionConfigFromJson(config, 'reader.safetensors')
 */
export function recognitionConfigFromJson(json: JsonObject, path: string): RecognitionConfig {
  return readStored(readRecognitionConfig, json, path)
}
