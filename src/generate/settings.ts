// The settings of the sampler of tokens, and their checks.

import { integer, number, optional, seed, type Fields } from '../check/index.js'

/** Settings of the draws of tokens. */
export interface SamplerSettings {
  /** Seed of the draws, an integer in [0, 2^53); default 0. The same seed, prompt and weights give the same tokens. */
  seed: number
  /** Divisor of the logits, from 0 to 1e6; default 1. 0 always takes the most probable token. */
  temperature: number
  /** Number of the most probable tokens to draw from, from 0 to 2^24; default 0. 0 draws from all tokens. */
  topK: number
  /**
   * Draws from the smallest set of tokens whose probabilities sum to at least this value, above 0 and at most 1 (nucleus sampling, Holtzman
   * et al. 2020); default 1, which draws from all tokens.
   */
  topP: number
}

/** The settings of a stream for which no others are given. */
export const defaultSettings: SamplerSettings = { seed: 0, temperature: 1, topK: 0, topP: 1 }

/** Checks of all settings. */
export const wholeSettingFields: Fields<SamplerSettings> = {
  seed,
  temperature: number(0, 1e6),
  topK: integer(0, 2 ** 24),
  // Number.MIN_VALUE is the smallest number above 0.
  topP: number(Number.MIN_VALUE, 1)
}

/** Checks of the settings, for options that contain them. */
export const settingFields: Fields<Partial<SamplerSettings>> = {
  seed: optional(wholeSettingFields.seed),
  temperature: optional(wholeSettingFields.temperature),
  topK: optional(wholeSettingFields.topK),
  topP: optional(wholeSettingFields.topP)
}

/** Returns the settings of `change`, which were checked, and those of `base` where `change` has none. */
export function changeSettings(base: SamplerSettings, change: Partial<SamplerSettings>): SamplerSettings {
  const { seed = base.seed, temperature = base.temperature, topK = base.topK, topP = base.topP } = change
  return { seed, temperature, topK, topP }
}
