// What describes a text model and its training, as a checkpoint holds it. No clock, no thread count, no paths: the same
// training gives the same bytes everywhere.

import { checkObject } from '../../check/index.js'
import { vocabularyFromConfig, type VocabularyConfig } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import { configReader, MAX_SIZE, type ConfigReader, type Fields } from '../runs/config-reader.js'
import { readDataMark, type DataMark } from '../runs/fingerprint.js'
import { readTraining, type Training } from '../runs/settings.js'

/** The shape of the network. */
export interface TextNetwork {
  /** Width of the vectors that stand for the symbols. */
  readonly embedding: number
  readonly hidden: number
  readonly layers: number
  /** Probability of dropout between the layers and after the last one. */
  readonly dropout: number
  /** One dropout mask for all steps of a sequence (Gal and Ghahramani 2016). */
  readonly locked: boolean
  /** Probability of dropout on h where it enters its own layer's next step, one mask a sequence (Gal and Ghahramani 2016). */
  readonly recurrentDropout: number
  /** Probability that a unit of h and of c keeps its value of the step before (Krueger et al. 2017). */
  readonly zoneout: number
}

/** How the text was cut, by position. */
export interface TextSplit {
  readonly valid: number
  readonly test: number
}

/** What a run was told that a resumed run needs again. */
export interface TextTraining extends Training {
  /** Steps of back-propagation. */
  readonly length: number
  /** Share of a symbol's probability that training spreads over all symbols, 0 to 1; default 0. Validation is without it. */
  readonly labelSmoothing?: number
}

export interface TextConfig {
  readonly vocabulary: VocabularyConfig
  readonly network: TextNetwork
  readonly split: TextSplit
  readonly training?: TextTraining
  /** `fingerprint`: of all ids, those of the validation too. */
  readonly data?: DataMark
}

/** Reads the configuration of a model file. Throws ERR_INVALID_ARGUMENT unless it is an object, ERR_FILE_FORMAT with the name of the first invalid part. */
export function textConfigFromJson(json: JsonObject, path: string): TextConfig {
  checkObject(json, 'json')
  const { network, split, training, data, vocabulary } = json as Record<string, unknown>
  const read = configReader(path)
  const net = read.object(network, 'network')
  const cut = read.object(split, 'split')
  return {
    vocabulary: vocabularyFromConfig(read.object(vocabulary, 'vocabulary')).config,
    network: {
      embedding: read.number(net, 'embedding', 1, MAX_SIZE, true),
      hidden: read.number(net, 'hidden', 1, MAX_SIZE, true),
      layers: read.number(net, 'layers', 1, 1000, true),
      dropout: read.number(net, 'dropout', 0, 0.999),
      locked: read.boolean(net, 'locked'),
      recurrentDropout: read.number(net, 'recurrentDropout', 0, 0.999),
      zoneout: read.number(net, 'zoneout', 0, 0.999)
    },
    split: { valid: read.number(cut, 'valid', 0, 1), test: read.number(cut, 'test', 0, 1) },
    ...(training !== undefined && { training: readTextTraining(read, read.object(training, 'training')) }),
    ...(data !== undefined && { data: readDataMark(read, read.object(data, 'data')) })
  }
}

function readTextTraining(read: ConfigReader, from: Fields): TextTraining {
  const length = read.number(from, 'length', 1, MAX_SIZE, true)
  if (from['labelSmoothing'] === undefined) return { ...readTraining(read, from), length }
  return { ...readTraining(read, from), length, labelSmoothing: read.number(from, 'labelSmoothing', 0, 1) }
}
