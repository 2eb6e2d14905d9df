// The labels of a reader: ids of its vocabulary, in which the blank of CTC is id 0.

import { vocabularyWith, type SpecialVocabulary } from '../ink/special-vocabulary.js'

/** The vocabularies of readers, which have the blank. */
export const readerVocabularies: SpecialVocabulary = vocabularyWith('blank')
