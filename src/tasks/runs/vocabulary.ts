// The vocabulary in a configuration.

import type { Check } from '../../check/index.js'
import { vocabularyFromConfig, type VocabularyConfig } from '../../data/text/vocabulary.js'
import { checkFromReader } from '../../settings/index.js'

/** Checks the vocabulary in a configuration. Throws ERR_INVALID_ARGUMENT. */
export const checkVocabularyConfig: Check<VocabularyConfig> = checkFromReader(
  (json) => vocabularyFromConfig(json).config
)
