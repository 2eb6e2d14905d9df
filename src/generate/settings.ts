// The settings of a sampler, checked once.

import { integer, number, optional, seed, type Fields } from '../check/index.js'

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

/** Checks of the settings, for options that hold them. */
export const settingFields: Fields<Partial<SamplerSettings>> = {
  seed: optional(seed),
  temperature: optional(number(0, 1e6)),
  topK: optional(integer(0, 2 ** 24)),
  // Number.MIN_VALUE: above 0.
  topP: optional(number(Number.MIN_VALUE, 1))
}

/** `base` changed by `change`, whose settings were checked. */
export function changeSettings(base: SamplerSettings, change: Partial<SamplerSettings>): SamplerSettings {
  const { seed = base.seed, temperature = base.temperature, topK = base.topK, topP = base.topP } = change
  return { seed, temperature, topK, topP }
}
