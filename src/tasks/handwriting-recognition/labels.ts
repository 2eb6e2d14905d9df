// The labels of a reader: ids of its vocabulary, in which the blank of CTC is id 0.

import {
  addSpecialTokens,
  vocabularyFromConfig,
  type Vocabulary,
  type VocabularyConfig
} from '../../data/text/vocabulary.js'
import { checkVocabularyWith, checkVocabularyWithout } from '../runs/vocabulary.js'

/** Checks the vocabulary in the configuration of a reader. Model files store it without the blank. */
export const checkReaderSymbols = checkVocabularyWithout('blank')

/** Checks the vocabulary of a reader, which has the blank. */
export const checkReaderVocabulary = checkVocabularyWith('blank')

/** Returns the vocabulary of a reader: the blank, then the symbols of `texts`, the vocabulary of its texts. */
export function withBlank(texts: Vocabulary): Vocabulary {
  return addSpecialTokens(texts, ['blank'])
}

/** Returns the vocabulary of the reader with this configuration. */
export function readerVocabulary({ vocabulary }: { readonly vocabulary: VocabularyConfig }): Vocabulary {
  return withBlank(vocabularyFromConfig(vocabulary))
}
