// What describes a network that reads handwriting and its training, as a checkpoint holds it.

import type { VocabularyConfig } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import { configReader, MAX_SIZE } from '../runs/config-reader.js'
import { inkConfigFromJson, type InkConfig } from '../ink/config.js'

export interface RecognitionNetwork {
  /** Units of each LSTM layer and direction. */
  readonly hidden: number
  readonly layers: number
  /** false: it reads while the pen moves. */
  readonly bidirectional: boolean
  /** Probability of dropout between the layers and after the last one. */
  readonly dropout: number
}

export interface RecognitionConfig extends InkConfig<RecognitionNetwork> {
  /** The symbols that it can read. */
  readonly vocabulary: VocabularyConfig
}

/** Reads the configuration of a model file. ERR_FILE_FORMAT names the part that is no reader's. */
export function recognitionConfigFromJson(json: JsonObject, path: string): RecognitionConfig {
  const config = inkConfigFromJson(json, path, (read, net) => ({
    hidden: read.number(net, 'hidden', 1, MAX_SIZE, true),
    layers: read.number(net, 'layers', 1, 1000, true),
    bidirectional: read.boolean(net, 'bidirectional'),
    dropout: read.number(net, 'dropout', 0, 0.999)
  }))
  // A reader without symbols is refused with the error of any missing object.
  const vocabulary = config.vocabulary ?? (configReader(path).object(null, 'vocabulary') as never)
  return { ...config, vocabulary }
}
