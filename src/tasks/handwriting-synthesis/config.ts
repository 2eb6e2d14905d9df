// Configuration of a network that writes by hand and of its training, as a checkpoint stores it. It includes statistics of the ink that were
// computed before the training.

import { nullable, number, open, type Check } from '../../check/index.js'
import type { JsonObject } from '../../io/json.js'
import type { Memoryless } from '../../metrics/gaussian-mixture.js'
import { readStored } from '../../settings/index.js'
import { inkConfigFields, type InkConfig } from '../ink/config.js'
import { checkMemoryless } from './training/memoryless.js'
import { writerVocabularies } from './symbols.js'
import { synthesisNetworkSettings, writerSettings, type SynthesisNetwork } from './settings.js'

/**
 * Configuration of a writer, which its model file stores. The vocabulary has the symbols that it can write, without the end of a text;
 * `writerVocabularies` adds it. null: it draws without a text.
 */
export interface SynthesisConfig extends InkConfig<SynthesisNetwork> {
  /** Standard deviation of the offsets of the training data, in sizes (the unit of the normalised ink); from 1e-9 to 1e9. */
  readonly deviation: number
  /** Mean number of points of a symbol in the training data, from 1e-3 to 1e6; 1 without texts. The window's first speed is its inverse. */
  readonly pointsPerSymbol: number
  /** Densities without a memory, fitted to the training data: the baselines of the network's measure. */
  readonly memoryless: Memoryless
}

const checkFields = open<SynthesisConfig>({
  ...inkConfigFields(synthesisNetworkSettings, writerSettings),
  vocabulary: nullable(writerVocabularies.checkSymbols),
  deviation: number(1e-9, 1e9),
  pointsPerSymbol: number(1e-3, 1e6),
  memoryless: checkMemoryless
})

/** Checks a configuration and returns a copy. The mixture without a memory must have as many components as the network's. */
export const readSynthesisConfig: Check<SynthesisConfig> = (value, name) => {
  const config = checkFields(value, name)
  checkMemoryless(config.memoryless, `memoryless in ${name}`, config.network.gaussians)
  return config
}

/**
 * Reads the configuration of the model file `path`. Throws ERR_FILE_FORMAT with the name of the first invalid part.
 *
 * @example
 * const { config } = await readCheckpointInfo('writer.safetensors')
 * const { network } = synthesisConfigFromJson(config, 'writer.safetensors')
 */
export function synthesisConfigFromJson(json: JsonObject, path: string): SynthesisConfig {
  return readStored(readSynthesisConfig, json, path)
}
