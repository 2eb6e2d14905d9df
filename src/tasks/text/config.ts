// What describes a text model and its training, as a checkpoint holds it. No clock, no thread count, no paths: the same
// training gives the same bytes everywhere.

import { vocabularyFromConfig, type VocabularyConfig } from '../../data/vocabulary.js'
import { GatecellError } from '../../errors.js'
import type { OptimizerName } from '../../graph/opcodes.js'
import type { JsonObject } from '../../io/json.js'
import type { Schedule } from '../../train/schedules.js'

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
}

/** How the text was cut, by position. */
export interface TextSplit {
  readonly valid: number
  readonly test: number
}

/** What a run was told that a resumed run needs again. */
export interface TextTraining {
  readonly batch: number
  readonly length: number
  readonly optimizer: OptimizerName
  readonly learningRate: number
  readonly schedule: Schedule['kind']
  readonly warmup: number
  readonly clip: number
  readonly seed: number
  /** Operands of the LSTM products. */
  readonly precision: 'f32' | 'bf16' | 'tf32'
  readonly validEvery: number
  readonly patience?: number
  readonly steps?: number
  readonly epochs?: number
  readonly timeLimit?: number
}

/** What a resumed run compares to know its data again. */
export interface TextData {
  readonly train: number
  readonly valid: number
  /** CRC-32C of the first ids. */
  readonly fingerprint: number
}

export interface TextConfig {
  readonly vocabulary: VocabularyConfig
  readonly network: TextNetwork
  readonly split: TextSplit
  readonly training?: TextTraining
  readonly data?: TextData
}

/** The configuration as JSON. */
export function textConfigToJson(config: TextConfig): JsonObject {
  return JSON.parse(JSON.stringify(config)) as JsonObject
}

const MAX_SIZE = 2 ** 20

/** Reads the configuration of a model file. ERR_FILE_FORMAT names the part that is no text model's. */
export function textConfigFromJson(json: JsonObject, path: string): TextConfig {
  const { network, split, training, data, vocabulary } = json as Record<string, unknown>
  const read = reader(path)
  const net = read.object(network, 'network')
  const cut = read.object(split, 'split')
  vocabularyFromConfig(read.object(vocabulary, 'vocabulary'))
  return {
    vocabulary: vocabulary as VocabularyConfig,
    network: {
      embedding: read.number(net, 'embedding', 1, MAX_SIZE, true),
      hidden: read.number(net, 'hidden', 1, MAX_SIZE, true),
      layers: read.number(net, 'layers', 1, 1000, true),
      dropout: read.number(net, 'dropout', 0, 0.999),
      locked: read.boolean(net, 'locked')
    },
    split: { valid: read.number(cut, 'valid', 0, 1), test: read.number(cut, 'test', 0, 1) },
    ...(training !== undefined && { training: readTraining(read, read.object(training, 'training')) }),
    ...(data !== undefined && { data: readData(read, read.object(data, 'data')) })
  }
}

function readTraining(read: Reader, from: Fields): TextTraining {
  const count = Number.MAX_SAFE_INTEGER
  const optional = (name: string, least: number, whole: boolean) =>
    from[name] === undefined ? {} : { [name]: read.number(from, name, least, count, whole) }
  return {
    batch: read.number(from, 'batch', 1, MAX_SIZE, true),
    length: read.number(from, 'length', 1, MAX_SIZE, true),
    optimizer: read.choice(from, 'optimizer', ['sgd', 'rmsprop', 'adam', 'adamw']),
    learningRate: read.number(from, 'learningRate', 0, 1e3),
    schedule: read.choice(from, 'schedule', ['constant', 'cosine', 'plateau']),
    warmup: read.number(from, 'warmup', 0, count),
    clip: read.number(from, 'clip', 0, 1e9),
    seed: read.number(from, 'seed', 0, count, true),
    precision: read.choice(from, 'precision', ['f32', 'bf16', 'tf32']),
    validEvery: read.number(from, 'validEvery', 1, count, true),
    ...optional('patience', 1, true),
    ...optional('steps', 1, true),
    ...optional('epochs', 1, true),
    ...optional('timeLimit', 0, false)
  }
}

function readData(read: Reader, from: Fields): TextData {
  const count = Number.MAX_SAFE_INTEGER
  return {
    train: read.number(from, 'train', 0, count, true),
    valid: read.number(from, 'valid', 0, count, true),
    fingerprint: read.number(from, 'fingerprint', 0, 2 ** 32 - 1, true)
  }
}

type Fields = Readonly<Record<string, unknown>>
type Reader = ReturnType<typeof reader>

function reader(path: string) {
  const refuse = (expected: string, name: string): never => {
    const message = `Expected ${expected} as "${name}" in the configuration of ${path} but found another value: the model is damaged`
    throw new GatecellError('ERR_FILE_FORMAT', message)
  }
  return {
    object(value: unknown, name: string): Fields {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('an object', name)
      return value as Fields
    },
    number(from: Fields, name: string, least: number, most: number, whole = false): number {
      const value = from[name]
      const fits = typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value))
      return fits ? value : refuse(`${whole ? 'an integer' : 'a number'} from ${least} to ${most}`, name)
    },
    boolean(from: Fields, name: string): boolean {
      const value = from[name]
      return typeof value === 'boolean' ? value : refuse('true or false', name)
    },
    choice<T extends string>(from: Fields, name: string, choices: readonly T[]): T {
      const found = choices.find((choice) => choice === from[name])
      return found ?? refuse(choices.join(', '), name)
    }
  }
}
