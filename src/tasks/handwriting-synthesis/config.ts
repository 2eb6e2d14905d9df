// Configuration of a network that writes by hand and of its training, as a checkpoint holds it. It includes statistics of the ink that were
// computed before the training.

import { number, open, type Check } from '../../check/index.js'
import type { JsonObject } from '../../io/json.js'
import type { Memoryless } from '../../metrics/gaussian-mixture.js'
import { readStored } from '../../settings/index.js'
import { inkConfigFields, type InkConfig } from '../ink/config.js'
import { checkMemoryless } from './memoryless.js'
import { generationNetworkSettings, writerSettings, type GenerationNetwork } from './settings.js'

/** Without a vocabulary it draws without a text. */
export interface GenerationConfig extends InkConfig<GenerationNetwork> {
  /** Standard deviation of the offsets of the training data, in sizes. */
  readonly deviation: number
  /** Points that a symbol takes in the training data: the window's first speed is its inverse. 1 without texts. */
  readonly pointsPerSymbol: number
  /** Densities without a memory, fitted to the same data: the baselines of the network's measure. */
  readonly memoryless: Memoryless
}

const checkFields = open<GenerationConfig>({
  ...inkConfigFields(generationNetworkSettings, writerSettings),
  deviation: number(1e-9, 1e9),
  pointsPerSymbol: number(1e-3, 1e6),
  memoryless: checkMemoryless
})

/** Returns a checked copy of a configuration. The mixture without a memory must have as many components as the network's. */
export const readGenerationConfig: Check<GenerationConfig> = (value, name) => {
  const config = checkFields(value, name)
  checkMemoryless(config.memoryless, `memoryless in ${name}`, config.network.gaussians)
  return config
}

/** Reads the configuration of a model file. Throws ERR_FILE_FORMAT with the name of the first invalid part. */
export function generationConfigFromJson(json: JsonObject, path: string): GenerationConfig {
  return readStored(readGenerationConfig, json, path)
}
