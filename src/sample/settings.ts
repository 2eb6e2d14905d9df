// The settings of a sampler, checked once.

import { GatecellError } from '../errors.js'
import { checkSeed } from '../random.js'

export interface SamplerSettings {
  /** Integer in [0, 2^53): the same seed, prompt and weights give the same tokens. */
  seed: number
  /** Logits are divided by it; 0: always the most probable token. */
  temperature: number
  /** Only the k most probable tokens; 0: all. */
  topK: number
  /** Only the smallest set of tokens whose probabilities sum to at least p (nucleus sampling, Holtzman et al. 2020); 1: all. */
  topP: number
}

export const defaultSettings: SamplerSettings = { seed: 0, temperature: 1, topK: 0, topP: 1 }

/** `base` changed by `change`; throws ERR_INVALID_ARGUMENT. */
export function changeSettings(base: SamplerSettings, change: Partial<SamplerSettings>): SamplerSettings {
  const { seed = base.seed, temperature = base.temperature, topK = base.topK, topP = base.topP } = change
  checkSeed(seed)
  expect(temperature >= 0 && temperature <= 1e6, 'a temperature from 0 to 1e6', temperature)
  expect(Number.isInteger(topK) && topK >= 0 && topK <= 2 ** 24, 'an integer from 0 to 2^24 as topK', topK)
  expect(topP > 0 && topP <= 1, 'a number above 0 and up to 1 as topP', topP)
  return { seed, temperature, topK, topP }
}

function expect(legal: boolean, what: string, found: unknown): void {
  if (!legal) throw new GatecellError('ERR_INVALID_ARGUMENT', `Expected ${what} but received ${String(found)}.`)
}
