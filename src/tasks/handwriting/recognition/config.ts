// What describes a network that reads handwriting and its training, as a checkpoint holds it: with the normalisation of the
// ink, so that a served model sees what it was trained on.

import { augmentationFromJson, type InkAugmentation } from '../../../data/ink/augment.js'
import { normalisationFromJson, type InkNormalisation } from '../../../data/ink/shape.js'
import { vocabularyFromConfig, type VocabularyConfig } from '../../../data/vocabulary.js'
import type { JsonObject } from '../../../io/json.js'
import { configReader, MAX_SIZE } from '../../config-reader.js'
import { readTraining, type Training } from '../../training.js'
import { readInkData, readInkSplit, type InkData, type InkSplit } from '../samples.js'

export interface RecognitionNetwork {
  /** Units of each LSTM layer and direction. */
  readonly hidden: number
  readonly layers: number
  /** false: it reads while the pen moves. */
  readonly bidirectional: boolean
  /** Probability of dropout between the layers and after the last one. */
  readonly dropout: number
}

export interface RecognitionConfig {
  readonly vocabulary: VocabularyConfig
  readonly network: RecognitionNetwork
  readonly normalisation: InkNormalisation
  /** Variations of the ink in training. */
  readonly augmentation: InkAugmentation
  readonly split: InkSplit
  readonly training?: Training
  readonly data?: InkData
}

export function recognitionConfigToJson(config: RecognitionConfig): JsonObject {
  return JSON.parse(JSON.stringify(config)) as JsonObject
}

/** Reads the configuration of a model file. ERR_FILE_FORMAT names the part that is no reader's. */
export function recognitionConfigFromJson(json: JsonObject, path: string): RecognitionConfig {
  const { vocabulary, network, normalisation, augmentation, split, training, data } = json as Record<string, unknown>
  const read = configReader(path)
  const net = read.object(network, 'network')
  vocabularyFromConfig(read.object(vocabulary, 'vocabulary'))
  return {
    vocabulary: vocabulary as VocabularyConfig,
    network: {
      hidden: read.number(net, 'hidden', 1, MAX_SIZE, true),
      layers: read.number(net, 'layers', 1, 1000, true),
      bidirectional: read.boolean(net, 'bidirectional'),
      dropout: read.number(net, 'dropout', 0, 0.999)
    },
    normalisation: normalisationFromJson(normalisation, path),
    augmentation: augmentationFromJson(augmentation, path),
    split: readInkSplit(read, read.object(split, 'split')),
    ...(training !== undefined && { training: readTraining(read, read.object(training, 'training')) }),
    ...(data !== undefined && { data: readInkData(read, read.object(data, 'data')) })
  }
}
