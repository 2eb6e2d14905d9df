// The symbols that a writer's window sees: ids of its vocabulary, in which the end of a text is id 0.

import type { Vocabulary } from '../../data/text/vocabulary.js'
import { idsOf } from '../ink/samples.js'
import { vocabularyWith, type SpecialVocabulary } from '../ink/special-vocabulary.js'

/** The vocabularies of writers, which have the end of a text. */
export const writerVocabularies: SpecialVocabulary = vocabularyWith('end')

/**
 * Returns the symbols [N + 1] of a text for the window: the ids of its N symbols, then the end, at which the window rests when all is
 * written. Throws ERR_UNKNOWN_SYMBOL with the symbols that the vocabulary does not have.
 */
export function windowSymbols(text: string, vocabulary: Vocabulary): Int32Array {
  return Int32Array.from([...idsOf(text, vocabulary), vocabulary.idOf('end')])
}
