// The vocabulary in a configuration: the symbols of the texts, to which a network may add a special token.

import type { Check } from '../../check/index.js'
import {
  addSpecialTokens,
  checkVocabulary,
  vocabularyFromConfig,
  type SpecialToken,
  type Vocabulary,
  type VocabularyConfig
} from '../../data/text/vocabulary.js'
import { expected, GatecellError } from '../../errors.js'
import { checkFromReader } from '../../settings/index.js'

/** Checks the vocabulary in a configuration. Throws ERR_INVALID_ARGUMENT. */
export const checkVocabularyConfig: Check<VocabularyConfig> = checkFromReader(
  (json) => vocabularyFromConfig(json).config
)

/** Returns a check of the vocabulary in a configuration of a network that adds `token` itself, so that the vocabulary must not have it. */
export function checkVocabularyWithout(token: SpecialToken): Check<VocabularyConfig> {
  return (value, name) => {
    const config = checkVocabularyConfig(value, name)
    try {
      addSpecialTokens(vocabularyFromConfig(config), [token])
    } catch (error) {
      if (!(error instanceof GatecellError)) throw error
      const remedy = 'leave it out, because the network adds it'
      throw expected('ERR_INVALID_ARGUMENT', `${name} without the special token ${token}`, 'one with it', remedy, error)
    }
    return config
  }
}

/** Returns a check of a vocabulary that must have `token`, for functions that take the vocabulary of a network. */
export function checkVocabularyWith(token: SpecialToken): Check<Vocabulary> {
  return (value, name) => {
    const vocabulary = checkVocabulary(value, name)
    if (vocabulary.special.includes(token)) return vocabulary
    const remedy = 'pass the vocabulary of the model or the run, or add the token with addSpecialTokens'
    throw expected('ERR_INVALID_ARGUMENT', `${name} with the special token ${token}`, 'one without it', remedy)
  }
}

/** Returns the names of the symbols of a vocabulary in the order of their ids; a name that occurs twice is made unique by the id. */
export function symbolNames(vocabulary: Vocabulary): string[] {
  const names = Array.from({ length: vocabulary.size }, (_, id) => vocabulary.symbol(id))
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return names.map((name, id) => (counts.get(name)! > 1 ? `${name} ${id}` : name))
}
