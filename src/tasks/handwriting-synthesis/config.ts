// What describes a network that writes by hand and its training, as a checkpoint holds it: with what was learned about the ink
// before the network learned.

import type { JsonObject } from '../../io/json.js'
import { configReader, MAX_SIZE } from '../runs/config-reader.js'
import { inkConfigFromJson, type InkConfig } from '../ink/config.js'
import type { Memoryless } from '../../metrics/gaussian-mixture.js'
import { readMemoryless } from './memoryless.js'

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

/** Without a vocabulary it draws without a text. */
export interface GenerationConfig extends InkConfig<GenerationNetwork> {
  /** Standard deviation of the offsets of the training data, in sizes. */
  readonly deviation: number
  /** Points that a symbol takes in the training data: the window's first speed is its inverse. 1 without texts. */
  readonly pointsPerSymbol: number
  /** What has no memory, fitted to the same data: what the network is measured beside. */
  readonly memoryless: Memoryless
}

/** Reads the configuration of a model file. ERR_FILE_FORMAT names the part that is no writer's. */
export function generationConfigFromJson(json: JsonObject, path: string): GenerationConfig {
  const config = inkConfigFromJson(json, path, (read, net) => ({
    hidden: read.number(net, 'hidden', 1, MAX_SIZE, true),
    layers: read.number(net, 'layers', 1, 16, true),
    gaussians: read.number(net, 'gaussians', 1, 1000, true),
    window: read.number(net, 'window', 1, 1000, true)
  }))
  const read = configReader(path)
  const memoryless = read.object((json as Record<string, unknown>)['memoryless'], 'memoryless')
  return {
    ...config,
    deviation: read.number(json, 'deviation', 1e-9, 1e9),
    pointsPerSymbol: read.number(json, 'pointsPerSymbol', 1e-3, 1e6),
    memoryless: readMemoryless(read, memoryless, config.network.gaussians)
  }
}
