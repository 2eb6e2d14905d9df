// The symbols that a writer's window sees: ids of its vocabulary, in which the end of a text is id 0.

import {
  addSpecialTokens,
  vocabularyFromConfig,
  type Vocabulary,
  type VocabularyConfig
} from '../../data/text/vocabulary.js'
import { idsOf } from '../ink/samples.js'
import { checkVocabularyWith, checkVocabularyWithout } from '../runs/vocabulary.js'

/** Checks the vocabulary in the configuration of a writer. Model files store it without the end of a text. */
export const checkWriterSymbols = checkVocabularyWithout('end')

/** Checks the vocabulary of a writer, which has the end of a text. */
export const checkWriterVocabulary = checkVocabularyWith('end')

/** Returns the vocabulary of a writer: the end of a text, then the symbols of `texts`, the vocabulary of its texts. */
export function withEnd(texts: Vocabulary): Vocabulary {
  return addSpecialTokens(texts, ['end'])
}

/** Returns the vocabulary of the writer with this configuration; null for a writer that draws without a text. */
export function writerVocabulary({ vocabulary }: { readonly vocabulary: VocabularyConfig | null }): Vocabulary | null {
  return vocabulary && withEnd(vocabularyFromConfig(vocabulary))
}

/**
 * Returns the symbols [N + 1] of a text for the window: the ids of its N symbols, then the end, at which the window rests when all is
 * written. Throws ERR_UNKNOWN_SYMBOL with the symbols that the vocabulary does not have.
 */
export function windowSymbols(text: string, vocabulary: Vocabulary): Int32Array {
  return Int32Array.from([...idsOf(text, vocabulary), vocabulary.idOf('end')])
}
