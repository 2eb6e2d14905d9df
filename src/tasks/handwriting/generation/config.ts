// What describes a network that writes by hand and its training, as a checkpoint holds it: with the normalisation of the ink
// and the deviation that offsets are divided by.

import { augmentationFromJson, type InkAugmentation } from '../../../data/ink/augment.js'
import { normalisationFromJson, type InkNormalisation } from '../../../data/ink/shape.js'
import { vocabularyFromConfig, type VocabularyConfig } from '../../../data/vocabulary.js'
import type { JsonObject } from '../../../io/json.js'
import { configReader, MAX_SIZE } from '../../config-reader.js'
import { readTraining, type Training } from '../../training.js'
import { readInkData, readInkSplit, type InkData, type InkSplit } from '../samples.js'
import { readMemoryless, type Memoryless } from './baselines.js'

export interface GenerationNetwork {
  /** Units of each LSTM layer. */
  readonly hidden: number
  /** LSTM layers; each sees the pen and all feed the output (Graves 2013, figure 1). */
  readonly layers: number
  /** Gaussians of the mixture of the next point. */
  readonly gaussians: number
  /** Gaussians of the window over the text. */
  readonly window: number
}

export interface GenerationConfig {
  /** The symbols that it can write; null: it draws without a text. */
  readonly vocabulary: VocabularyConfig | null
  readonly network: GenerationNetwork
  readonly normalisation: InkNormalisation
  readonly augmentation: InkAugmentation
  /** Standard deviation of the offsets of the training data, in sizes. */
  readonly deviation: number
  /** Points that a symbol takes in the training data: the window's first speed is its inverse. 1 without texts. */
  readonly pointsPerSymbol: number
  /** What has no memory, fitted to the same data: what the network is measured beside. */
  readonly memoryless: Memoryless
  readonly split: InkSplit
  readonly training?: Training
  readonly data?: InkData
}

export function generationConfigToJson(config: GenerationConfig): JsonObject {
  return JSON.parse(JSON.stringify(config)) as JsonObject
}

/** Reads the configuration of a model file. ERR_FILE_FORMAT names the part that is no writer's. */
export function generationConfigFromJson(json: JsonObject, path: string): GenerationConfig {
  const { vocabulary, network, normalisation, augmentation, memoryless, split, training, data } = json as Record<
    string,
    unknown
  >
  const read = configReader(path)
  const net = read.object(network, 'network')
  if (vocabulary !== null) vocabularyFromConfig(read.object(vocabulary, 'vocabulary'))
  return {
    vocabulary: vocabulary as VocabularyConfig | null,
    network: {
      hidden: read.number(net, 'hidden', 1, MAX_SIZE, true),
      layers: read.number(net, 'layers', 1, 16, true),
      gaussians: read.number(net, 'gaussians', 1, 1000, true),
      window: read.number(net, 'window', 1, 1000, true)
    },
    normalisation: normalisationFromJson(normalisation, path),
    augmentation: augmentationFromJson(augmentation, path),
    deviation: read.number(json, 'deviation', 1e-9, 1e9),
    pointsPerSymbol: read.number(json, 'pointsPerSymbol', 1e-3, 1e6),
    memoryless: readMemoryless(read, read.object(memoryless, 'memoryless')),
    split: readInkSplit(read, read.object(split, 'split')),
    ...(training !== undefined && { training: readTraining(read, read.object(training, 'training')) }),
    ...(data !== undefined && { data: readInkData(read, read.object(data, 'data')) })
  }
}
