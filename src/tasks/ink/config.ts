// What every configuration of a network for ink holds, in a run and in a model file: with the normalisation of the ink, so that
// a served model sees what it was trained on.

import { augmentationFromJson, type InkAugmentation } from '../../data/ink/augment.js'
import { normalisationFromJson, type InkNormalisation } from '../../data/ink/normalise.js'
import { checkObject } from '../../check/index.js'
import { vocabularyFromConfig, type VocabularyConfig } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import { configOf, configReader, type ConfigReader, type Fields } from '../runs/config-reader.js'
import { readDataMark, type DataMark } from '../runs/fingerprint.js'
import { readTraining, type Training } from '../runs/settings.js'
import type { InkSplit } from '../../data/ink/split.js'
import { readInkSplit } from './samples.js'

export interface InkConfig<N> {
  /** The symbols of the texts; null: without texts. */
  readonly vocabulary: VocabularyConfig | null
  readonly network: N
  readonly normalisation: InkNormalisation
  /** Variations of the ink in training. */
  readonly augmentation: InkAugmentation
  readonly split: InkSplit
  readonly training?: Training
  /** `fingerprint`: of coordinates, times and texts. */
  readonly data?: DataMark
}

/** The normalisation in a configuration that a caller passes. */
export const readNormalisation = configOf(({ normalisation }, name) => normalisationFromJson(normalisation, name))

/** Reads the configuration of a model file. ERR_FILE_FORMAT names the part that is none. */
export function inkConfigFromJson<N>(
  json: JsonObject,
  path: string,
  readNetwork: (read: ConfigReader, from: Fields) => N
): InkConfig<N> {
  checkObject(json, 'json')
  const { vocabulary, network, normalisation, augmentation, split, training, data } = json as Record<string, unknown>
  const read = configReader(path)
  return {
    vocabulary: vocabulary === null ? null : vocabularyFromConfig(read.object(vocabulary, 'vocabulary')).config,
    network: readNetwork(read, read.object(network, 'network')),
    normalisation: normalisationFromJson(normalisation, path),
    augmentation: augmentationFromJson(augmentation, path),
    split: readInkSplit(read, read.object(split, 'split')),
    ...(training !== undefined && { training: readTraining(read, read.object(training, 'training')) }),
    ...(data !== undefined && { data: readDataMark(read, read.object(data, 'data')) })
  }
}
