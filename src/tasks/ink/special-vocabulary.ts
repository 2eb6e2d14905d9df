// The vocabulary of a network on ink: the symbols of its texts and one special token, which has id 0. Model files store it without the token.

import type { Check } from '../../check/index.js'
import {
  addSpecialTokens,
  vocabularyFromConfig,
  type SpecialToken,
  type Vocabulary,
  type VocabularyConfig
} from '../../data/text/vocabulary.js'
import { checkVocabularyWith, checkVocabularyWithout } from '../runs/vocabulary.js'

/** The functions of vocabularies with one special token. */
export interface SpecialVocabulary {
  /** Checks the vocabulary in a configuration, which does not have the token. */
  readonly checkSymbols: Check<VocabularyConfig>
  /** Checks the vocabulary of a network, which has the token. */
  readonly checkVocabulary: Check<Vocabulary>
  /** Returns the vocabulary of a network: the token, then the symbols of `texts`, the vocabulary of its texts. */
  add(texts: Vocabulary): Vocabulary
  /** Returns the vocabulary of the network with this configuration; null for a network that uses no texts. */
  of(config: { readonly vocabulary: VocabularyConfig }): Vocabulary
  of(config: { readonly vocabulary: VocabularyConfig | null }): Vocabulary | null
}

/** Returns the functions of vocabularies with `token`. */
export function vocabularyWith(token: SpecialToken): SpecialVocabulary {
  const add = (texts: Vocabulary) => addSpecialTokens(texts, [token])
  const of = (({ vocabulary }) => vocabulary && add(vocabularyFromConfig(vocabulary))) as SpecialVocabulary['of']
  return { checkSymbols: checkVocabularyWithout(token), checkVocabulary: checkVocabularyWith(token), add, of }
}
